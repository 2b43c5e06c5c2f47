/** Starts a hog in a small control group, again when the kernel has killed it. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultArguments, stayBounded } from './bound.ts';

const AGAIN_MS = 10_000;
const [group = '', size = '0'] = faultArguments;
const hog = fileURLToPath(new URL('./memory-hog.js', import.meta.url));

function start(): void {
  const bounds = ['memory-hog', '/nonexistent', String(process.pid), '60'];
  const child = spawn(process.execPath, [hog, ...bounds, size], { stdio: 'ignore', env: {} });
  child.on('error', () => undefined);
  child.on('close', () => setTimeout(start, AGAIN_MS));
  try {
    writeFileSync(join(group, 'cgroup.procs'), String(child.pid));
  } catch {
    // Outside of the group it would harm the host.
    child.kill('SIGKILL');
  }
}

stayBounded();
start();
