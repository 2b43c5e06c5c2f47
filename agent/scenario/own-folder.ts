import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { FOLDER_PARENT, isOwnFolder, removeFolder } from './record.ts';
import { ScenarioError } from './scenario.ts';

const MIB = 1_048_576;

/** A new folder for a fault on the disk that holds /var/tmp; `roomMib` must be free there, else E_SCENARIO_ROOM. */
export async function ownFolder(name: string, roomMib: number): Promise<string> {
  const room = await statfs(FOLDER_PARENT);
  const free = (room.bavail * room.bsize) / MIB;
  if (free < roomMib) {
    const finds = Math.floor(free);
    throw new ScenarioError('E_SCENARIO_ROOM', `needs ${roomMib} MiB free on ${FOLDER_PARENT}, and finds ${finds}`);
  }
  const folder = mkdtempSync(`${FOLDER_PARENT}/sentinel-${name}-`);
  if (!isOwnFolder(folder)) throw new ScenarioError('E_SCENARIO_START', `${folder} would not be removed again`);
  // Readable by an agent of another user, as most data folders are.
  chmodSync(folder, 0o755);
  return folder;
}

/** Mounts a tmpfs of our own on a folder of our own; false, with the reason said, where that may not be. */
export function mountOwn(folder: string, options: string, say: (line: string) => void): boolean {
  if (process.geteuid?.() !== 0) {
    say('not root: no filesystem of its own can be mounted');
    return false;
  }
  const all = `${options},mode=0755,nodev,nosuid,noexec`;
  const run = spawnSync('mount', ['-t', 'tmpfs', '-o', all, 'sentinel-scenario', folder], {
    encoding: 'utf8',
    timeout: 5_000,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  if (run.status === 0) return true;
  const why = (run.error?.message ?? run.stderr).trim().slice(0, 200);
  say(`can't mount (${why})`);
  return false;
}

/** The same where a filesystem of its own is all that the fault is about: throws E_SCENARIO_RIGHTS, and leaves nothing. */
export function mountOrRefuse(folder: string, options: string, say: (line: string) => void): void {
  if (mountOwn(folder, options, say)) return;
  removeFolder(folder, false);
  throw new ScenarioError('E_SCENARIO_RIGHTS', 'needs to mount a filesystem of its own: run it as root');
}
