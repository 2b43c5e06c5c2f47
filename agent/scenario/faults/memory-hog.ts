/** Takes 16 MiB a second, every page touched, and keeps it. */
import { faultArguments, stayBounded } from './bound.ts';

const MIB = 1_048_576;
const STEP_MIB = 4;
/** Whatever is asked for, a fault stays small. */
const MOST_MIB = 512;

const wanted = Math.min(MOST_MIB, Number(faultArguments[0]) || 0);
const kept: Buffer[] = [];
stayBounded();
const grow = setInterval(() => {
  if (kept.length * STEP_MIB >= wanted) clearInterval(grow);
  else kept.push(Buffer.alloc(STEP_MIB * MIB, kept.length + 1));
}, 250);
