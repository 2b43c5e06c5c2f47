import { spawn } from 'node:child_process';
import { findBinary } from '../binaries.ts';
import { ProbeError } from './probe.ts';

/** More than any answer holds: what is beyond is not read, and the program is ended. */
const MAX_OUTPUT = 131_072;

/**
 * The lines that one of the host's own tools writes. The program is root's own and its arguments are ours but for one name
 * that the inventory knows; it has no shell, no terminal, no input, and an environment of three words. It ends at `signal`.
 */
export async function runFixed(name: string, args: readonly string[], signal: AbortSignal): Promise<string[]> {
  const file = absent(() => findBinary(name));
  return await new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8', SYSTEMD_PAGER: '' },
      stdio: ['ignore', 'pipe', 'ignore'],
      signal,
      killSignal: 'SIGKILL',
    });
    const parts: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (part: Buffer) => {
      if (size >= MAX_OUTPUT) return;
      parts.push(part);
      size += part.length;
      if (size >= MAX_OUTPUT) child.kill('SIGKILL');
    });
    child.on('error', (error) => reject(new ProbeError('E_PROBE_FAILED', `${name}: ${error.message}`)));
    child.on('close', () => {
      const text = Buffer.concat(parts).toString('utf8', 0, MAX_OUTPUT);
      resolve(text.split('\n').filter((line) => line !== ''));
    });
  });
}

function absent(find: () => string): string {
  try {
    return find();
  } catch (error) {
    throw new ProbeError('E_PROBE_ABSENT', error instanceof Error ? error.message : String(error));
  }
}
