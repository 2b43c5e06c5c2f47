import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { findBinary, placeOf } from '../../binaries.ts';

/** Answers are some hundred bytes from postgres, 8 kB from redis. */
const MAX_OUTPUT = 262_144;
const MAX_COMPLAINT = 200;
const MAX_SECRET = 512;

/**
 * Runs a database's own client once: no shell, arguments that only we and the checked drop-in wrote, an environment of
 * nothing else. Rejects with the client's complaint; killed when `signal` aborts.
 */
export async function runClient(
  binary: 'psql' | 'redis-cli',
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  // What it is must be root's own; it is called by its name, since Debian's wrapper of psql looks at how it was called.
  findBinary(binary);
  return new Promise((resolve, reject) => {
    const options = {
      ...({ signal, maxBuffer: MAX_OUTPUT, killSignal: 'SIGKILL', cwd: '/' } as const),
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', HOME: '/nonexistent', ...env },
    };
    const child = execFile(placeOf(binary), [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${binary}: ${(stderr.trim() || error.message).slice(0, MAX_COMPLAINT)}`));
    });
    child.stdin?.end();
  });
}

/** The password in a file that nobody but its owner may read; rejects what others can read. */
export async function readSecret(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    // 0o077: readable, writable or executable by group or others.
    if (!stats.isFile() || (stats.mode & 0o077) !== 0) throw new Error(`${path} must be a file of mode 0600`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_SECRET), 0, MAX_SECRET, 0);
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await file.close();
  }
}
