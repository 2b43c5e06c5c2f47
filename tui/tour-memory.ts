import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Whether an operator has seen the tour. It is theirs, not the site's: whoever comes new to an old site sees it. */
export interface TourMemory {
  readonly isNew: boolean;
  remember(): void;
}

/** Where it is kept (XDG base directories: state that outlives a restart and is no configuration). */
export const seenFile = (env: NodeJS.ProcessEnv): string =>
  join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'sentinel', 'screen.json');

const SEEN = { version: 1, toured: true } as const;

/** Reads it. A home that can't be written shows the tour again next time, and nothing else. */
export function tourMemory(env: NodeJS.ProcessEnv): TourMemory {
  const file = seenFile(env);
  let known = hasSeen(file);
  return {
    isNew: !known,
    remember() {
      if (known) return;
      known = true;
      try {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        writeFileSync(file, `${JSON.stringify(SEEN)}\n`, { mode: 0o600 });
      } catch {
        // Read-only homes are usual on plants' hosts.
      }
    },
  };
}

/** A file that does not read was written by a later version or by hand: whoever has it is not new. */
function hasSeen(file: string): boolean {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
  }
  return !/"toured":\s*false/.test(text);
}
