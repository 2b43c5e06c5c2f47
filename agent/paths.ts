import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { RunError } from './binaries.ts';

/** Writable by group or others. */
const OTHERS = 0o022;

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
    if (at !== path && (entry.mode & OTHERS) !== 0 && !sticky) {
      throw new RunError('E_PATH_UNSAFE', `${at} can be changed by others than root`);
    }
  }
}

/** True when others than root may make entries there, or when it does not exist. */
function isOpenFolder(path: string): boolean {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  return mode === undefined || (mode & OTHERS) !== 0;
}

/**
 * A path that a privileged command only reads: whoever may change a folder on its way could make it a link to what
 * only root may read. Root's own links in root's own folders are part of the system. Throws E_PATH_UNSAFE.
 */
export function checkReadPath(path: string): void {
  for (let at = path; at !== '/'; at = dirname(at)) {
    const entry = lstatSync(at, { throwIfNoEntry: false });
    if (entry?.isSymbolicLink() !== true) continue;
    const folder = statSync(dirname(at), { throwIfNoEntry: false });
    if (entry.uid !== 0 || folder === undefined || !isRootsAlone(folder))
      throw new RunError('E_PATH_UNSAFE', `${at} is a symbolic link that others than root can change`);
  }
}

/** HOME of a privileged command: a folder of root's with nothing in it that a tool could take for its configuration. */
export function checkHome(path: string): void {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined || !entry.isDirectory() || !isRootsAlone(entry))
    throw new RunError('E_HOME_UNSAFE', `${path} is not a folder that only root can change`);
  const [found] = readdirSync(path);
  if (found !== undefined)
    throw new RunError('E_HOME_UNSAFE', `${path} must be empty: ${JSON.stringify(found)} is in it. Remove it.`);
}

const isRootsAlone = ({ uid, mode }: Stats): boolean => uid === 0 && (mode & OTHERS) === 0;
