import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { PlaybookError } from './error.ts';
import { PLACEHOLDER_NAMES, placeholdersOf } from './placeholders.ts';
import type { Playbook, PlaybookStep } from './playbook.ts';

/** Bounds of one playbook: what an operator can read before approving, and what an order can carry (32 programs). */
const LIMITS = {
  file: 65_536,
  command: 1_024,
  sentence: 500,
  checks: 6,
  steps: 8,
  signals: 16,
  mentions: 16,
  /** Longest wait that a playbook may ask for: an hour. */
  wait_ms: 3_600_000,
} as const;

const ID = /^[a-z0-9][a-z0-9-]{0,47}$/;
const SIGNAL = /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A playbook as read, with the line of each of its commands for whoever vets them. */
export interface ReadPlaybook {
  readonly playbook: Playbook;
  readonly commands: readonly { readonly command: string; readonly line: number }[];
}

type Fields = ReadonlyMap<string, unknown>;

/** Reads one playbook file; throws a PlaybookError that names the line of the first thing wrong with it. */
export function readPlaybook(source: string, file: string): ReadPlaybook {
  return new PlaybookReader(source, file).read();
}

/** Where a mistake begins: a quote that is never closed is only noticed at the end of the file. */
function beginning(doc: Document, error: YAMLError): number {
  let start = error.pos[0];
  if (error.code === 'MISSING_CHAR') {
    visit(doc, {
      Scalar: (_, { range }) => {
        if (range && range[0] < start && range[1] >= error.pos[0]) start = range[0];
      },
    });
  }
  return start;
}

class PlaybookReader {
  readonly #source: string;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #commands: { command: string; line: number }[] = [];

  constructor(source: string, file: string) {
    this.#source = source;
    this.#file = file;
  }

  read(): ReadPlaybook {
    if (this.#source.length > LIMITS.file) this.#fail(null, 'is larger than 64 kB', 'split it into several playbooks');
    const doc = parseDocument(this.#source, {
      schema: 'core',
      uniqueKeys: true,
      lineCounter: this.#lines,
      prettyErrors: false,
    });
    const [broken] = doc.errors;
    if (broken !== undefined) {
      const line = this.#lines.linePos(beginning(doc, broken)).line;
      const problem = `is not valid YAML: ${broken.message.split('\n')[0] ?? broken.code}`;
      throw new PlaybookError(this.#file, line, problem, 'check indentation, quotes and repeated keys near this line');
    }
    visit(doc, {
      Alias: (_, node) => this.#fail(node, 'uses a YAML alias', 'write the value out'),
    });
    const top = this.#fields(doc.contents, 'the playbook', {
      required: ['version', 'id', 'title', 'class', 'match', 'steps', 'verify', 'idempotent'],
      optional: ['cause', 'pre_checks', 'concurrency', 'max_wait', 'needs_human'],
    });
    const version = this.#scalar(top.get('version'));
    if (version !== 1) this.#fail(top.get('version'), 'version is not 1', 'write "version: 1"');
    const match = this.#fields(top.get('match'), 'match', {
      required: ['signals', 'description'],
      optional: ['mentions'],
    });
    const verify = this.#fields(top.get('verify'), 'verify', { required: ['within'], optional: ['post_checks'] });
    const concurrency = top.has('concurrency') ? this.#scalar(top.get('concurrency')) : 'host';
    if (concurrency !== 'host') {
      this.#fail(top.get('concurrency'), 'concurrency is unknown', 'write "concurrency: host" (one plan per host)');
    }
    const playbook: Playbook = {
      version: 1,
      id: this.#name(top.get('id'), 'id', ID, 'lower-case letters, digits and dashes, for instance "disk-full"'),
      title: this.#sentence(top.get('title'), 'title'),
      class: this.#name(top.get('class'), 'class', ID, 'lower-case letters, digits and dashes'),
      match: {
        signals: this.#list(match.get('signals'), 'match.signals', LIMITS.signals, 1).map((node) =>
          this.#name(node, 'a signal', SIGNAL, 'a signal such as "disk.space"'),
        ),
        description: this.#sentence(match.get('description'), 'match.description'),
        mentions: match.has('mentions')
          ? this.#list(match.get('mentions'), 'match.mentions', LIMITS.mentions, 1).map((node) => this.#phrase(node))
          : [],
      },
      cause: top.has('cause') ? this.#sentence(top.get('cause'), 'cause') : '',
      pre_checks: this.#checks(top.get('pre_checks'), 'pre_checks'),
      steps: this.#list(top.get('steps'), 'steps', LIMITS.steps, 1).map((node) => this.#step(node)),
      verify: {
        within_ms: this.#duration(verify.get('within'), 'verify.within'),
        post_checks: this.#checks(verify.get('post_checks'), 'verify.post_checks'),
      },
      idempotent: this.#flag(top.get('idempotent'), 'idempotent'),
      concurrency: 'host',
      max_wait_ms: top.has('max_wait') ? this.#duration(top.get('max_wait'), 'max_wait') : 60_000,
      needs_human: top.has('needs_human') ? this.#flag(top.get('needs_human'), 'needs_human') : false,
      source: this.#file,
    };
    return { playbook, commands: this.#commands };
  }

  #step(node: unknown): PlaybookStep {
    const step = this.#fields(node, 'a step', { required: ['run', 'why', 'rollback'], optional: [] });
    const rollback = step.get('rollback');
    return {
      run: this.#command(step.get('run'), 'run'),
      why: this.#sentence(step.get('why'), 'why'),
      rollback: isScalar(rollback) && rollback.value === null ? null : this.#command(rollback, 'rollback'),
    };
  }

  #checks(node: unknown, name: string): readonly string[] {
    if (node === undefined) return [];
    return this.#list(node, name, LIMITS.checks, 0).map((item) => this.#command(item, `a command of ${name}`));
  }

  #command(node: unknown, name: string): string {
    const command = this.#text(node, name, LIMITS.command);
    const { wrong } = placeholdersOf(command);
    if (wrong !== undefined) {
      const known = PLACEHOLDER_NAMES.map((p) => `{${p}}`).join(', ');
      this.#fail(node, `unknown placeholder ${wrong}`, `use one of ${known}`);
    }
    this.#commands.push({ command, line: this.#line(node) });
    return command;
  }

  #phrase(node: unknown): string {
    const phrase = this.#text(node, 'a phrase of match.mentions', 64).toLowerCase();
    if (phrase.length >= 4) return phrase;
    return this.#fail(
      node,
      `"${phrase}" is too short to tell one cause from another`,
      'write at least four characters',
    );
  }

  #sentence(node: unknown, name: string): string {
    return this.#text(node, name, LIMITS.sentence);
  }

  #name(node: unknown, name: string, form: RegExp, wanted: string): string {
    const value = this.#text(node, name, 128);
    if (!form.test(value)) this.#fail(node, `${name} "${value}" is not a name`, `use ${wanted}`);
    return value;
  }

  #text(node: unknown, name: string, max: number): string {
    const value = this.#scalar(node);
    if (typeof value !== 'string' || value.trim() === '') {
      return this.#fail(node, `${name} is not a text`, 'write one line of text, quoted if need be');
    }
    const trimmed = value.trim();
    if (trimmed.length > max) this.#fail(node, `${name} is longer than ${max} characters`, 'shorten it');
    if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(trimmed)) {
      this.#fail(node, `${name} holds a line break or a control character`, 'write it on one line');
    }
    return trimmed;
  }

  #flag(node: unknown, name: string): boolean {
    const value = this.#scalar(node);
    return typeof value === 'boolean' ? value : this.#fail(node, `${name} is not true or false`, 'write true or false');
  }

  #duration(node: unknown, name: string): number {
    const [, digits, unit] = /^([0-9]{1,7})(ms|s|m|h)$/.exec(String(this.#scalar(node))) ?? [];
    const ms = Number(digits) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
    if (!(ms > 0 && ms <= LIMITS.wait_ms)) {
      this.#fail(node, `${name} is not a duration of at most 1h`, 'write for instance "60s" or "5m"');
    }
    return ms;
  }

  #list(node: unknown, name: string, max: number, min: number): readonly unknown[] {
    if (!isSeq(node)) return this.#fail(node, `${name} is not a list`, `write each on its own line after "- "`);
    if (node.items.length < min) this.#fail(node, `${name} is empty`, 'give at least one');
    if (node.items.length > max) this.#fail(node, `${name} has more than ${max} entries`, 'shorten the list');
    return node.items;
  }

  #fields(
    node: unknown,
    name: string,
    keys: { readonly required: readonly string[]; readonly optional: readonly string[] },
  ): Fields {
    if (!isMap(node)) return this.#fail(node, `${name} is not a map of keys`, `give ${keys.required.join(', ')}`);
    const known = [...keys.required, ...keys.optional];
    const fields = new Map<string, unknown>();
    for (const { key, value } of (node as YAMLMap).items as Pair<unknown, unknown>[]) {
      const text = String(this.#scalar(key));
      if (!known.includes(text)) {
        this.#fail(key, `unknown key "${text}" in ${name}`, `use one of ${known.join(', ')}`);
      }
      fields.set(text, value ?? key);
    }
    const missing = keys.required.find((key) => !fields.has(key));
    if (missing !== undefined) this.#fail(node, `${name} has no "${missing}"`, `add "${missing}: ..."`);
    return fields;
  }

  #scalar(node: unknown): unknown {
    return isScalar(node) ? node.value : undefined;
  }

  #line(node: unknown): number {
    const start = (node as Node | null | undefined)?.range?.[0];
    return start === undefined ? 1 : this.#lines.linePos(start).line;
  }

  #fail(node: unknown, problem: string, fix: string): never {
    throw new PlaybookError(this.#file, this.#line(node), problem, fix);
  }
}
