import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { seenFile } from '../../tui/tour-memory.ts';

let folder: string | undefined;

/** A state home of an operator who has seen the tour: what is typed in a journey goes to the screen itself. */
export function touredHome(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(join(tmpdir(), 'sentinel-toured-'));
  const file = seenFile({ XDG_STATE_HOME: made });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '{"version":1,"toured":true}\n');
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  folder = made;
  return made;
}
