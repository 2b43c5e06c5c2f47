import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a folder that are looked at; a site writes some dozens. */
const FILES = 2_000;

/** What the files of a folder look like from outside: another text when one came, went or was written. Never throws. */
export function folderStamp(folder: string): string {
  try {
    return readdirSync(folder)
      .sort()
      .slice(0, FILES)
      .map((name) => {
        const { mtimeMs, size, ino } = statSync(join(folder, name));
        return `${name} ${mtimeMs} ${size} ${ino}`;
      })
      .join('\n');
  } catch {
    // No folder, or a file that went while we looked: the next look sees what is there then.
    return '';
  }
}
