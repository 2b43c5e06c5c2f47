/** Writes *.tmp files at 8 MiB a second up to a bound, closes each, and then waits for its end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultArguments, stayBounded } from './bound.ts';

const MIB = 1_048_576;
const STEP_MIB = 4;
/** Whatever is asked for, a fault stays small. */
const MOST_MIB = 128;

const [folder = '', size = '0'] = faultArguments;
const wanted = Math.min(MOST_MIB, Number(size) || 0);
let written = 0;
stayBounded();
const fill = setInterval(() => {
  const mib = Math.min(STEP_MIB, wanted - written);
  if (mib <= 0 || folder === '') {
    clearInterval(fill);
    return;
  }
  try {
    const path = join(folder, `fill-${String(written).padStart(3, '0')}.tmp`);
    writeFileSync(path, Buffer.alloc(mib * MIB, 1), { flag: 'wx', mode: 0o644 });
    written += mib;
  } catch {
    // Full, or the folder is gone: either way there is no more to write.
    clearInterval(fill);
  }
}, 500);
