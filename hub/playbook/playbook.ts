import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Policy } from '../../policy/policy.ts';
import type { Decision } from '../../policy/verdict.ts';
import { blockedIn } from './blocked.ts';
import { type BuiltPlaybooks, builtFrom, readBuilt } from './built.ts';
import { PlaybookError } from './error.ts';
import { readPlaybook } from './schema.ts';

/** One step of a playbook: a command with placeholders, why it helps in one sentence, and what undoes it. */
export interface PlaybookStep {
  readonly run: string;
  readonly why: string;
  readonly rollback: string | null;
}

/** A fix that people wrote down: when it fits, what it runs, how one sees that it helped. */
export interface Playbook {
  readonly version: 1;
  readonly id: string;
  readonly title: string;
  /** The kind of cause that it treats, for instance `memory-leak`. */
  readonly class: string;
  readonly match: {
    readonly signals: readonly string[];
    readonly description: string;
    /**
     * Phrases of which the evidence must hold one, in any case: for a playbook that treats one cause out of several of
     * a signal. Empty: the signal alone is enough.
     */
    readonly mentions: readonly string[];
  };
  /** What is wrong when it is this, in one sentence; empty where the measured sentence says it all. */
  readonly cause: string;
  readonly pre_checks: readonly string[];
  readonly steps: readonly PlaybookStep[];
  /** The metric must be back within this many milliseconds, and every post-check must succeed. */
  readonly verify: { readonly within_ms: number; readonly post_checks: readonly string[] };
  /** Running it twice does no more than running it once: only such a playbook may run unattended. */
  readonly idempotent: boolean;
  readonly concurrency: 'host';
  /** How long it may wait for another plan on the same host, in milliseconds. */
  readonly max_wait_ms: number;
  /** Its steps only look: a person has to decide what to do. */
  readonly needs_human: boolean;
  /** The file that it was read from. */
  readonly source: string;
}

export interface LoadOptions {
  /** A folder of the site's own playbooks: a new id adds, a built-in's id replaces it. */
  readonly userDir?: string;
  /** The policy's answer about one command whose placeholders are filled with samples. */
  readonly vet: (command: string) => Decision;
  /** The hash of `vet`'s rules where they are the product's own, as built: what a build vetted by them need not be again. */
  readonly asBuilt?: string | null;
  readonly builtInDir?: string;
}

export interface LoadedPlaybooks {
  /** Sorted by id. */
  readonly playbooks: readonly Playbook[];
  /** One for each file that was left out. */
  readonly errors: readonly PlaybookError[];
}

/** More than any site wrote so far; a folder with more is more likely a wrong path. */
const MAX_FILES = 1_000;

const BUILT_IN = fileURLToPath(new URL('../playbooks/', import.meta.url));

/** The built-in playbooks and those of a site's folder, which need not be there, vetted by its policy. */
export const sitePlaybooks = (folder: string, policy: Policy): LoadedPlaybooks =>
  loadPlaybooks({
    vet: (command) => policy.check(command, null).decision,
    asBuilt: policy.isAsBuilt ? policy.hash : null,
    ...(existsSync(folder) ? { userDir: folder } : {}),
  });

/**
 * Reads the built-in playbooks and the site's own. Never throws for what a file holds: a broken file, or one with a
 * command that the policy blocks, is left out and named in `errors`, and a built-in that it meant to replace stays.
 */
export function loadPlaybooks({ vet, asBuilt = null, userDir, builtInDir = BUILT_IN }: LoadOptions): LoadedPlaybooks {
  const errors: PlaybookError[] = [];
  const built = readBuilt(builtInDir);
  const byId = readFolder(builtInDir, { vet, built, isVetted: built !== null && built.policy === asBuilt }, errors);
  // Whatever lies beside a site's own playbooks, they are read and vetted here.
  const own = { vet, built: null, isVetted: false };
  if (userDir !== undefined) for (const [id, playbook] of readFolder(userDir, own, errors)) byId.set(id, playbook);
  const playbooks = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { playbooks, errors };
}

interface HowToRead {
  readonly vet: LoadOptions['vet'];
  readonly built: BuiltPlaybooks | null;
  /** What was built was vetted by the very rules of `vet`. */
  readonly isVetted: boolean;
}

function readFolder(folder: string, how: HowToRead, errors: PlaybookError[]): Map<string, Playbook> {
  const byId = new Map<string, Playbook>();
  for (const file of filesIn(folder, errors)) {
    try {
      const playbook = readVetted(file, how);
      const first = byId.get(playbook.id);
      if (first !== undefined) {
        const fix = 'give each playbook of a folder its own id';
        throw new PlaybookError(file, 1, `id "${playbook.id}" is already taken by ${first.source}`, fix);
      }
      byId.set(playbook.id, playbook);
    } catch (error) {
      errors.push(asPlaybookError(error, file));
    }
  }
  return byId;
}

function filesIn(folder: string, errors: PlaybookError[]): readonly string[] {
  try {
    const names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
      .map((entry) => entry.name)
      .sort();
    if (names.length > MAX_FILES) {
      errors.push(new PlaybookError(folder, 0, `holds more than ${MAX_FILES} playbooks`, 'check the path'));
    }
    return names.slice(0, MAX_FILES).map((name) => join(folder, name));
  } catch (error) {
    errors.push(asPlaybookError(error, folder));
    return [];
  }
}

function readVetted(file: string, { vet, built, isVetted }: HowToRead): Playbook {
  const text = readFileSync(file, 'utf8');
  const known = builtFrom(built, basename(file), text);
  const read = known ?? readPlaybook(text, file);
  const blocked = known !== null && isVetted ? null : blockedIn(read, file, vet);
  if (blocked !== null) throw blocked;
  return { ...read.playbook, source: file };
}

const asPlaybookError = (error: unknown, path: string): PlaybookError =>
  error instanceof PlaybookError
    ? error
    : new PlaybookError(path, 0, `can't be read (${(error as Error).message})`, 'check that it exists and may be read');
