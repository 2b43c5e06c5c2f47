import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The only places that a binary is taken from (invariant 3). */
export const BINARY_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

export class RunError extends Error {
  readonly code:
    | 'E_BINARY_MISSING'
    | 'E_BINARY_UNSAFE'
    | 'E_PATH_UNSAFE'
    | 'E_PROCESS_GONE'
    | 'E_PROCESS_OTHER'
    | 'E_NEEDS_ROOT'
    | 'E_HOME_UNSAFE'
    | 'E_SPAWN';
  constructor(code: RunError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The real file of a bare binary name: root's own file, in root's own folders, writable by nobody else. */
export function findBinary(name: string): string {
  const real = realpathSync(placeOf(name));
  checkOwned(real);
  return real;
}

/** Where a bare name is found first, links and all: how sudo's entries name it. Throws RunError. */
export function placeOf(name: string): string {
  if (name === '' || name.includes('/') || name.includes('\0'))
    throw new RunError('E_BINARY_UNSAFE', 'not a bare name');
  for (const folder of BINARY_FOLDERS) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
    } catch {
      continue;
    }
    if (statSync(path).isFile()) return path;
  }
  throw new RunError('E_BINARY_MISSING', `${name} is not in ${BINARY_FOLDERS.join(', ')}`);
}

/** Throws unless the file and every folder above it belong to root and only root can change them. */
export function checkOwned(path: string): void {
  for (let at = path; ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    // 0o022: writable by group or others.
    if (uid !== 0 || (mode & 0o022) !== 0)
      throw new RunError('E_BINARY_UNSAFE', `${at} can be changed by others than root`);
    if (at === '/') return;
  }
}
