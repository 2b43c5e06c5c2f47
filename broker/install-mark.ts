import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Log } from './log.ts';
import { VERSION } from './version.ts';

/** The file that says which version is being installed, from an installation's first change to its last. */
const MARK = 'installing';
/** A version, and nothing like a longer text. */
const VERSION_LINE = /^[0-9A-Za-z.+~-]{1,64}$/;

/**
 * The version whose installation was cut short in the folder that this command was installed in; null where none was, and
 * for a checkout. `script` is the file that Node was started with. What runs is whole whatever is found: releases are laid
 * down beside it. See pack/scripts/install.sh and pack/debian.
 */
export function cutInstall(script = process.argv[1]): string | null {
  try {
    const said = readFileSync(join(installFolder(realpathSync(script ?? '')), MARK), 'utf8').trim();
    return VERSION_LINE.test(said) ? said : 'another version';
  } catch {
    // There is no mark, or none that this account may read: then nothing is known of it.
    return null;
  }
}

/** What to do about it, for logs and the doctor. */
export const CUT_INSTALL_WAY_OUT =
  'run the same install.sh again, or `dpkg --configure -a` and `dpkg -i` where it is a package';

/** At a start, in the log. */
export function sayCutInstall(log: Log): void {
  const version = cutInstall();
  if (version === null) return;
  const fields = { code: 'E_INSTALL_CUT', installing: version, runs: VERSION };
  log.warn(`an installation was cut short; what runs is whole. To end it ${CUT_INSTALL_WAY_OUT}.`, fields);
}

/** Above `releases/NAME/...` where releases lie side by side, else the script's own folder. */
function installFolder(script: string): string {
  let folder = dirname(script);
  for (let up = 0; up < 3; up++) {
    if (basename(dirname(folder)) === 'releases') return dirname(dirname(folder));
    folder = dirname(folder);
  }
  return dirname(script);
}
