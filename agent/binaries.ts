import { accessSync, constants, lstatSync, realpathSync, statSync } from 'node:fs';
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
    | 'E_SPAWN';
  constructor(code: RunError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Full path of a bare binary name: root's own file, in root's own folders, writable by nobody else. */
export function findBinary(name: string): string {
  if (name === '' || name.includes('/') || name.includes('\0'))
    throw new RunError('E_BINARY_UNSAFE', 'not a bare name');
  for (const folder of BINARY_FOLDERS) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
    } catch {
      continue;
    }
    const real = realpathSync(path);
    if (!statSync(real).isFile()) continue;
    checkOwned(real);
    return real;
  }
  throw new RunError('E_BINARY_MISSING', `${name} is not in ${BINARY_FOLDERS.join(', ')}`);
}

/** Throws unless the file and every folder above it belong to root and only root can change them. */
function checkOwned(path: string): void {
  for (let at = path; ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    // 0o022: writable by group or others.
    if (uid !== 0 || (mode & 0o022) !== 0)
      throw new RunError('E_BINARY_UNSAFE', `${at} can be changed by others than root`);
    if (at === '/') return;
  }
}

/**
 * A path that a privileged command will change must not lead anywhere else by the time it runs: every folder above it
 * is root's, unwritable by others (a sticky folder will do when what lies in it is root's), and no link.
 */
export function checkPrivilegedPath(path: string): void {
  for (let at = path; at !== '/'; at = dirname(at)) {
    const entry = lstatSync(at, { throwIfNoEntry: false });
    if (entry === undefined) {
      // In a sticky folder anyone could make it first, as a link to something else.
      if (at === path && !isOpenFolder(dirname(at))) continue;
      throw new RunError('E_PATH_UNSAFE', `${at} does not exist`);
    }
    if (entry.isSymbolicLink()) throw new RunError('E_PATH_UNSAFE', `${at} is a symbolic link`);
    const sticky = (entry.mode & 0o1000) !== 0;
    if (entry.uid !== 0) throw new RunError('E_PATH_UNSAFE', `${at} is not root's`);
    if (at !== path && (entry.mode & 0o022) !== 0 && !sticky) {
      throw new RunError('E_PATH_UNSAFE', `${at} can be changed by others than root`);
    }
  }
}

/** True when others than root may make entries there, or when it does not exist. */
function isOpenFolder(path: string): boolean {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  return mode === undefined || (mode & 0o022) !== 0;
}
