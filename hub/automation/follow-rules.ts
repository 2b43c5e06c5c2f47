import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { AutomationRule } from '../../broker/automation-rule.ts';
import type { KeyPair } from '../../broker/keys.ts';
import type { Log } from '../../broker/log.ts';
import type { Roster } from '../../broker/messages.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Store } from '../store/store.ts';
import { readRulesFile, type WrittenRule } from './rules-file.ts';
import { type HeldRules, heldRules, readSignedRules } from './signed-rules.ts';

const FILE_RULES = 'automation_rules';
/** What the chain was told last: a start at which nothing has changed says nothing. */
const TOLD = 'automation_told';

/** The rules of the site's file that the hub has in force, for a reader beside it. */
export const fileRules = (store: Store): readonly AutomationRule[] =>
  (store.meta.get(FILE_RULES) as readonly AutomationRule[] | undefined) ?? [];

/** An editor writes a file in several steps: they are one change. */
const SETTLE_MS = 100;
const NONE: HeldRules = { inForce: [], unsigned: [] };
/** As it is said of no rule at all. */
const NOTHING = JSON.stringify([[], []]);

export interface FollowedRulesParts {
  readonly state: Pick<StateFolder, 'automation' | 'automationSigned'>;
  readonly store: Store;
  readonly key: KeyPair;
  /** In force by now: who leaves it takes the rules along. */
  readonly roster: () => Roster;
  readonly log: Log;
  readonly now: () => number;
}

/**
 * The rules of `automation.yaml` and what of them is signed, followed as the two files change; each change is in the audit
 * chain. A file that can't be read lets nothing run: who mends it finds file and line in the log.
 */
export class FollowedRules {
  readonly #parts: FollowedRulesParts;
  #files: { readonly written: readonly WrittenRule[]; readonly signed: ReturnType<typeof readSignedRules> } = {
    written: [],
    signed: [],
  };
  #told = '';
  #timer: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | null = null;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(parts: FollowedRulesParts) {
    this.#parts = parts;
  }

  /** Reads the files, and follows them from then on. Resolves when what they say is in the chain. */
  async start(): Promise<void> {
    const { automation, automationSigned } = this.#parts.state;
    const names = new Set([basename(automation), basename(automationSigned)]);
    try {
      this.#watcher = watch(dirname(automation), { persistent: false }, (_, name) => {
        if (name === null || names.has(name)) this.#soon();
      });
      this.#watcher.on('error', () => this.#soon());
    } catch (error) {
      this.#parts.log.warn('automation.yaml is read at the start alone', { why: String(error) });
    }
    await this.reload();
  }

  /** What counts as of now, by the roster as it is now. */
  get held(): HeldRules {
    const { written, signed } = this.#files;
    return written.length === 0 ? NONE : heldRules(written, signed, this.#parts.roster());
  }

  /** Reads the files again now. Never rejects. */
  reload(): Promise<void> {
    this.#running = this.#running.then(() => this.#read()).catch((error) => this.#parts.log.error(String(error)));
    return this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
    await this.#running;
  }

  #soon(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.reload(), SETTLE_MS);
  }

  async #read(): Promise<void> {
    const { state, log } = this.#parts;
    try {
      this.#files = { written: readRulesFile(state.automation), signed: readSignedRules(state.automationSigned) };
    } catch (error) {
      this.#files = { written: [], signed: [] };
      const why = error instanceof Error ? error.message : String(error);
      const problem = why.slice(0, 500);
      if (problem !== this.#told) log.error(`no rule of automation.yaml is in force. ${why}`, { code: codeOf(error) });
      await this.#note(problem, { problem });
      return;
    }
    const { inForce, unsigned } = this.held;
    const signed = inForce.map(({ rule }) => ({ id: rule.id, name: rule.name, by: rule.by }));
    const names = unsigned.map(({ name }) => name);
    const said = JSON.stringify([signed, names]);
    if (said !== this.#told && names.length > 0)
      log.warn('rules that nobody has signed let nothing run: sentinel automation sign', { rules: names.join(' ') });
    if (said !== this.#told && signed.length > 0)
      log.warn('plans that are allowed in every command run with nobody there', {
        rules: signed.map(({ name, by }) => `${name} (${by})`).join(', '),
      });
    const rules = inForce.map(({ rule, signed: one }) => ({
      id: rule.id,
      rule: one.payload,
      signature: one.signature,
    }));
    await this.#note(said, { rules, unsigned: names });
  }

  /** In the chain, once for each change, over restarts too; where there never were any rules, nothing is. */
  async #note(said: string, data: Readonly<Record<string, unknown>>): Promise<void> {
    this.#told = said;
    const { store, key, now } = this.#parts;
    // A store of an earlier version does not know what was told.
    const before = store.meta.get(TOLD) ?? (fileRules(store).length === 0 ? NOTHING : '');
    if (said === before) return;
    const entry = { kind: 'automation.changed', incident: null, actor: 'hub', data };
    const inForce = this.held.inForce.map(({ rule }) => rule);
    await store.write(() => {
      void store.meta.put(FILE_RULES, inForce);
      void store.meta.put(TOLD, said);
      appendAudit(store, key, entry, now());
    });
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL';
