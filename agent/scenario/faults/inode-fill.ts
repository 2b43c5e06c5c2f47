/** Writes empty files up to a bound, a few hundred a second, and then waits for its end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultArguments, stayBounded } from './bound.ts';

const STEP = 100;
/** Whatever is asked for, a fault stays small. */
const MOST = 5_000;

const [folder = '', count = '0'] = faultArguments;
const wanted = Math.min(MOST, Number(count) || 0);
let written = 0;
stayBounded();
const fill = setInterval(() => {
  try {
    for (let i = 0; i < STEP && written < wanted; i++, written++) {
      writeFileSync(join(folder, `empty-${String(written).padStart(4, '0')}.tmp`), '', { flag: 'wx', mode: 0o644 });
    }
    if (written >= wanted) clearInterval(fill);
  } catch {
    // Full, or the folder is gone: either way there is no more to write.
    clearInterval(fill);
  }
}, 250);
