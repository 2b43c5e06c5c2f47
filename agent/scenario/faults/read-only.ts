/** Remounts its own filesystem read-only, once an agent has had time to see it writable. */
import { spawnSync } from 'node:child_process';
import { isOwnFolder } from '../record.ts';
import { faultArguments, stayBounded } from './bound.ts';

/** An agent samples every ten seconds at the slowest. */
const AFTER_MS = 11_000;

const [folder = ''] = faultArguments;
stayBounded();
setTimeout(() => {
  if (!isOwnFolder(folder)) return;
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
  spawnSync('mount', ['-o', 'remount,ro', folder], { timeout: 5_000, env });
}, AFTER_MS);
