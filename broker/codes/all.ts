import { ACTS_CODES } from './acts.ts';
import type { CodeEntry, CodeSection } from './code.ts';
import { COMMANDS_CODES } from './commands.ts';
import { FAULTS_CODES } from './faults.ts';
import { IDENTITY_CODES } from './identity.ts';
import { MESH_CODES } from './mesh.ts';
import { ORDERS_CODES } from './orders.ts';
import { PACKING_CODES } from './packing.ts';
import { POLICY_CODES } from './policy.ts';
import { PROBES_CODES } from './probes.ts';
import { PROOFS_CODES } from './proofs.ts';
import { REASONING_CODES } from './reasoning.ts';
import { STATE_CODES } from './state.ts';
import { UPGRADES_CODES } from './upgrades.ts';
import { WATCHING_CODES } from './watching.ts';

/** Every code that this product says, anywhere: the one table, from which docs/errors.md and the manual are made. */
export const CODE_SECTIONS: readonly CodeSection[] = [
  COMMANDS_CODES,
  STATE_CODES,
  IDENTITY_CODES,
  ACTS_CODES,
  ORDERS_CODES,
  POLICY_CODES,
  MESH_CODES,
  PROBES_CODES,
  WATCHING_CODES,
  REASONING_CODES,
  PROOFS_CODES,
  FAULTS_CODES,
  UPGRADES_CODES,
  PACKING_CODES,
];

/** The entry of a code; undefined for what is none of ours, such as an error number of the operating system. */
export function codeEntry(code: string): CodeEntry | undefined {
  for (const { codes } of CODE_SECTIONS) {
    const entry = Object.entries(codes).find(([name]) => name === code);
    if (entry !== undefined) return entry[1];
  }
  return undefined;
}

/** All codes, in the order of the page. */
export const codeNames = (): readonly string[] => CODE_SECTIONS.flatMap(({ codes }) => Object.keys(codes));
