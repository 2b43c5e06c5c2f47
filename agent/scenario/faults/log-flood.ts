/** Writes error lines to a log, ten a second, up to a bound of size. */
import { appendFileSync } from 'node:fs';
import { faultArguments, stayBounded } from './bound.ts';

const LINES = 5;
const EVERY_MS = 500;
/** Whatever its time, a log of some megabytes is enough. */
const MOST_LINES = 40_000;

const [file = ''] = faultArguments;
let written = 0;
stayBounded();
const flood = setInterval(() => {
  try {
    let text = '';
    for (let i = 0; i < LINES; i++, written++) {
      text += `${new Date().toISOString()} ERROR historian: write to archive failed, attempt ${written}\n`;
    }
    appendFileSync(file, text, { mode: 0o644 });
    if (written >= MOST_LINES) clearInterval(flood);
  } catch {
    clearInterval(flood); // the folder is gone
  }
}, EVERY_MS);
