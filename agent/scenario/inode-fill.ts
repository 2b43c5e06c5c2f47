import { walkFolder } from '../sense/folder-walk.ts';
import { mountOwn, ownFolder } from './own-folder.ts';
import { type Scenario, watchedName } from './scenario.ts';

const NAME = 'inode-fill';
/** Of the filesystem, root folder included, or of the room that the folder variant takes. */
const INODES = 2_000;
const FILES = 1_950;
/** Without a filesystem of its own, the bound on the folder is what is crossed. */
const BOUND = 1_500;
const ROOM_MIB = 64;

/** Empty files use up the inodes of a small filesystem of its own, or the bound of a folder where nothing may be mounted. */
export const inodeFill: Scenario = {
  name: NAME,
  what: `${FILES} empty files: on a tmpfs of its own with ${INODES} inodes for root, else in a folder bounded to ${BOUND} entries`,
  signal: 'disk.inodes',
  metric: `disk.inodes_percent[/var/tmp/sentinel-${NAME}-...]`,
  linger: 20,
  async prepare({ folder: asFolder, say }) {
    const folder = await ownFolder(NAME, ROOM_MIB);
    const mounted = !asFolder && mountOwn(folder, `size=4m,nr_inodes=${INODES}`, say);
    let full = false;
    return {
      signal: mounted ? 'disk.inodes' : 'folder.entries',
      metric: mounted ? `disk.inodes_percent[${folder}]` : `folder.entries[${watchedName(NAME)}]`,
      expect: mounted ? 'passes 90 % within 15 s' : `passes ${BOUND} entries within 15 s`,
      fix: `delete ${folder}/*.tmp`,
      args: [folder, String(FILES)],
      folder,
      mounted,
      dropIn: () =>
        `version: 1\nfolders:\n  - name: ${watchedName(NAME)}\n    path: ${folder}\n    max_entries: ${mounted ? INODES : BOUND}\n`,
      async fixed() {
        const entries = await walkFolder(folder).then(
          (use) => use.entries,
          () => 0,
        );
        full ||= entries >= FILES;
        return full && entries < FILES / 4;
      },
    };
  },
};
