import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { walkFolder } from '../sense/folder-walk.ts';
import { removeFolder } from './record.ts';
import { type PrepareOptions, type Scenario, ScenarioError, watchedName } from './scenario.ts';

const NAME = 'disk-fill';
const MIB = 1_048_576;
/** Of the filesystem, or of the room that the folder variant takes. */
const SIZE_MIB = 64;
/** 95 % of it. */
const FILL_MIB = 61;
/** Without a filesystem of its own, the quota is what is crossed. */
const QUOTA_MIB = 48;
/** What must be free on /var/tmp for the folder variant. */
const ROOM_MIB = 512;

export const FOLDER_PREFIX = '/var/tmp/sentinel-disk-fill-';

/** Fills a small filesystem of its own, or a quota folder where nothing may be mounted. */
export const diskFill: Scenario = {
  name: NAME,
  what: `*.tmp files fill ${FILL_MIB} of ${SIZE_MIB} MiB: a tmpfs of its own for root, else a folder with a quota of ${QUOTA_MIB} MiB`,
  signal: 'disk.space',
  metric: `disk.used_percent[${FOLDER_PREFIX}...]`,
  linger: 20,
  async prepare(options) {
    const room = await statfs('/var/tmp');
    const free = (room.bavail * room.bsize) / MIB;
    const folder = mkdtempSync(FOLDER_PREFIX);
    // Readable by an agent of another user, as most data folders are.
    chmodSync(folder, 0o755);
    const mounted = mount(folder, options);
    if (!mounted && free < ROOM_MIB) {
      removeFolder(folder, false);
      throw new ScenarioError(
        'E_SCENARIO_ROOM',
        `needs ${ROOM_MIB} MiB free on /var/tmp, and finds ${Math.floor(free)}`,
      );
    }
    let full = false;
    return {
      signal: mounted ? 'disk.space' : 'folder.space',
      metric: mounted ? `disk.used_percent[${folder}]` : `folder.used_mib[${watchedName(NAME)}]`,
      expect: mounted ? 'passes 90 % within 10 s' : `passes its quota of ${QUOTA_MIB} MiB within 10 s`,
      fix: `delete ${folder}/*.tmp`,
      args: [folder, String(FILL_MIB)],
      folder,
      mounted,
      // On a filesystem of its own the quota is out of reach; the folder is declared so that an order may name it.
      dropIn: () =>
        `version: 1\nfolders:\n  - name: ${watchedName(NAME)}\n    path: ${folder}\n    quota_mib: ${mounted ? SIZE_MIB : QUOTA_MIB}\n`,
      async fixed() {
        const used = await walkFolder(folder).then(
          (use) => use.used / MIB,
          () => 0,
        );
        full ||= used >= (FILL_MIB * 3) / 4;
        return full && used < FILL_MIB / 4;
      },
    };
  },
};

function mount(folder: string, { folder: asFolder, say }: PrepareOptions): boolean {
  if (asFolder) return false;
  if (process.geteuid?.() !== 0) {
    say('not root: using a folder with a quota instead of a filesystem');
    return false;
  }
  const options = `size=${SIZE_MIB}m,mode=0755,nodev,nosuid,noexec`;
  const run = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'sentinel-scenario', folder], {
    encoding: 'utf8',
    timeout: 5_000,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  if (run.status === 0) return true;
  const why = (run.error?.message ?? run.stderr).trim().slice(0, 200);
  say(`can't mount (${why}): using a folder with a quota instead`);
  return false;
}
