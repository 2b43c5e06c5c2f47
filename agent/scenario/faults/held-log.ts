/** Writes to a log that was deleted, up to a bound, and never opens it anew. */
import { openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { faultArguments, stayBounded } from './bound.ts';

const MIB = 1_048_576;
const STEP_MIB = 4;
/** Whatever is asked for, a fault stays small. */
const MOST_MIB = 64;

const [folder = '', wanted = '0'] = faultArguments;
const most = Math.min(MOST_MIB, Number(wanted) || 0);
const log = join(folder, 'historian.log');
const fd = openSync(log, 'w', 0o644);
rmSync(log);
let written = 0;
stayBounded();
const fill = setInterval(() => {
  if (written + STEP_MIB > most) clearInterval(fill);
  else {
    writeSync(fd, Buffer.alloc(STEP_MIB * MIB, 0x2e));
    written += STEP_MIB;
  }
}, 100);
