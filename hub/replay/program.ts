import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Playbook } from '../playbook/playbook.ts';
import { canonical, sha256 } from './canonical.ts';

/** The rooms whose code takes part in a decision, from what is heard of a host to which way its plan goes. */
const DECIDES = ['evidence', 'playbook', 'reason', 'steps', 'automation', '../policy', '../grammars'] as const;

let known: string | undefined;

/** SHA-256 of the code that decides, as it is installed here: read once. Another build that decides alike has another. */
export function programHash(): string {
  known ??= hashOf(fileURLToPath(new URL('../', import.meta.url)));
  return known;
}

function hashOf(hub: string): string {
  const files = DECIDES.flatMap((room) =>
    readdirSync(join(hub, room), { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() && /\.(?:js|yaml|gbnf)$/.test(entry.name) ? [join(entry.parentPath, entry.name)] : [],
    ),
  ).sort();
  return sha256(files.map((file) => `${relative(hub, file)}\n${sha256(readFileSync(file, 'latin1'))}\n`).join(''));
}

const hashes = new WeakMap<ReadonlyMap<string, Playbook>, string>();

/** SHA-256 of the playbooks that a hub decides with: of what they say, wherever they lie. */
export function playbooksHash(playbooks: ReadonlyMap<string, Playbook>): string {
  const before = hashes.get(playbooks);
  if (before !== undefined) return before;
  const said = [...playbooks.values()].map(({ source: _, ...rest }) => rest).sort((a, b) => (a.id < b.id ? -1 : 1));
  const hash = sha256(canonical(said));
  hashes.set(playbooks, hash);
  return hash;
}
