import { walkFolder } from '../sense/folder-walk.ts';
import { mountOwn, ownFolder } from './own-folder.ts';
import { type Scenario, watchedName } from './scenario.ts';

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
    const asFolder = options.folder;
    const folder = await ownFolder(NAME, asFolder || process.geteuid?.() !== 0 ? ROOM_MIB : 0);
    const mounted = !asFolder && mountOwn(folder, `size=${SIZE_MIB}m`, options.say);
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
