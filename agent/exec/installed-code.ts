import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../broker/durable-file.ts';
import { sha256 } from '../../broker/release.ts';
import type { UpgradeState } from './upgrade-state.ts';

/** The installed bundle's other name while another is in its place: on the same disk, so that it comes back without any room. */
const spareOf = (bundle: string): string => `${bundle}.before`;

/** Of nothing where there is no such file. */
export function hashOf(file: string): string {
  return sha256(existsSync(file) ? readFileSync(file) : Buffer.alloc(0));
}

/** Keeps what is installed by another name. Without it, going back needs room for a copy. */
export function keepSpare(bundle: string): void {
  dropSpare(bundle);
  try {
    linkSync(bundle, spareOf(bundle));
    syncFolder(dirname(bundle));
  } catch {
    // A file system without links: there is the copy in the state folder.
  }
}

/** Of what was installed before, for whoever does not know it otherwise: what ran itself rather than the copy of it. */
export function hashBefore(bundle: string, state: UpgradeState): string | null {
  const found = [spareOf(bundle), state.at('before.cjs')].find((file) => existsSync(file));
  return found === undefined ? null : hashOf(found);
}

export function dropSpare(bundle: string): void {
  rmSync(spareOf(bundle), { force: true });
}

/**
 * Replaces the installed code in one step: whoever starts it finds the one or the other, whole. Its label follows, also when
 * the guard was killed between the two. With `sum` only code of that sum is put over; says whether there was any.
 */
export function put(bundle: string, state: UpgradeState, which: 'next' | 'before', sum?: string): boolean {
  const code = state.at(`${which}.cjs`);
  const spare = spareOf(bundle);
  if (which === 'before' && hashOf(spare) === sum) {
    renameSync(spare, bundle);
    syncFolder(dirname(bundle));
  } else if (sum === undefined || hashOf(code) === sum) replace(bundle, code);
  else return false;
  const label = join(dirname(bundle), 'RELEASE.json');
  if (which === 'next') replace(label, state.at('next.json'));
  else {
    try {
      replace(label, state.at('before.json'));
    } catch {
      // It says what is installed, to people. The code itself is back, and no room for a few bytes must not hold it up.
    }
  }
  return true;
}

function replace(file: string, from: string): void {
  const content = readFileSync(from);
  if (existsSync(file) && readFileSync(file).equals(content)) return;
  // Not `.new`: install.sh may be writing that one.
  const draft = `${file}.upgrade`;
  try {
    const fd = openSync(draft, 'w', 0o644);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // The unit's mask is for what root keeps to itself; the agent, which is not root, reads this.
    chmodSync(draft, 0o644);
    renameSync(draft, file);
  } catch (error) {
    // On a full disk half a draft would keep the room that is missing.
    rmSync(draft, { force: true });
    throw error;
  }
  syncFolder(dirname(file));
}
