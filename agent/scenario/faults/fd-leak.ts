/** Opens /dev/null again and again up to a bound, and closes none. */
import { openSync } from 'node:fs';
import { faultArguments, stayBounded } from './bound.ts';

const STEP = 10;
/** Whatever is asked for, a fault stays small. */
const MOST = 1_000;

const wanted = Math.min(MOST, Number(faultArguments[0]) || 0);
let open = 0;
stayBounded();
const leak = setInterval(() => {
  for (let i = 0; i < STEP && open < wanted; i++, open++) openSync('/dev/null', 'r');
  if (open >= wanted) clearInterval(leak);
}, 250);
