import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Decision } from '../../policy/verdict.ts';
import { blockedIn } from './blocked.ts';
import { type ReadPlaybook, readPlaybook } from './schema.ts';

/** What the build keeps beside the playbooks: YAML and vetting are most of a start otherwise. */
export const BUILT_FILE = 'built.json';

/** A folder's playbooks as a build has read and vetted them. */
export interface BuiltPlaybooks {
  /** The hash of the rules by which none of their commands is blocked. */
  readonly policy: string;
  /** By file name; `sha256`, hex, of the text that was read. */
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly read: ReadPlaybook }>>;
}

/** Reads and vets a folder's playbooks, for a build to keep; throws a PlaybookError that names file and line. */
export function buildPlaybooks(folder: string, policy: string, vet: (command: string) => Decision): BuiltPlaybooks {
  const files: Record<string, { sha256: string; read: ReadPlaybook }> = {};
  // In an order of its own: two builds are the same bytes.
  const names = readdirSync(folder).filter((one) => one.endsWith('.yaml'));
  for (const name of names.sort()) {
    const text = readFileSync(join(folder, name), 'utf8');
    const read = readPlaybook(text, name);
    const blocked = blockedIn(read, name, vet);
    if (blocked !== null) throw blocked;
    files[name] = { sha256: sha256(text), read };
  }
  return { policy, files };
}

/** What a build has kept in this folder; null where it has kept nothing that can be read: all is read anew then. */
export function readBuilt(folder: string): BuiltPlaybooks | null {
  try {
    return JSON.parse(readFileSync(join(folder, BUILT_FILE), 'utf8')) as BuiltPlaybooks;
  } catch {
    return null;
  }
}

/** The playbook that the build read from this very text, or null. */
export function builtFrom(built: BuiltPlaybooks | null, name: string, text: string): ReadPlaybook | null {
  const known = built?.files[name];
  return known !== undefined && known.sha256 === sha256(text) ? known.read : null;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
