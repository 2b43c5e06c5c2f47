/** Writes error lines to a log, ten a second, up to a bound of size. */
import { appendFileSync } from 'node:fs';
import { faultArguments, stayBounded } from './bound.ts';

/** One at a time: a rate is that of one sample, and a burst would be seen by some samples and not by others. */
const LINES = 1;
const EVERY_MS = 100;
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
