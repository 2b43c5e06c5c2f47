import { readLocalMounts } from '../sense/mounts.ts';
import { ProcFiles } from '../sense/proc-files.ts';
import { mountOrRefuse, ownFolder } from './own-folder.ts';
import { type Scenario, watchedName } from './scenario.ts';

const NAME = 'read-only';
const ROOM_MIB = 16;

/** A filesystem that could be written is remounted read-only, as the kernel does when its disk fails. */
export const readOnly: Scenario = {
  name: NAME,
  what: 'a tmpfs of its own becomes read-only after 11 s (root only)',
  signal: 'disk.read_only',
  metric: `disk.read_only[/var/tmp/sentinel-${NAME}-...]`,
  linger: 20,
  async prepare({ say }) {
    const folder = await ownFolder(NAME, ROOM_MIB);
    mountOrRefuse(folder, 'size=4m', say);
    const proc = new ProcFiles();
    let closed = false;
    return {
      signal: this.signal,
      metric: `disk.read_only[${folder}]`,
      expect: 'becomes 1 when the agent has seen it writable before',
      fix: `mount -o remount,rw ${folder}`,
      args: [folder],
      folder,
      mounted: true,
      dropIn: () => `version: 1\nfolders:\n  - name: ${watchedName(NAME)}\n    path: ${folder}\n    quota_mib: 64\n`,
      async fixed() {
        const mount = readLocalMounts(proc).find(({ path }) => path === folder);
        closed ||= mount?.writable === false;
        return closed && mount?.writable === true;
      },
    };
  },
};
