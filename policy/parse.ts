import type { TreeCursor } from 'web-tree-sitter';
import type { BashGrammar } from '../grammars/bash.ts';
import type { Sourced } from './compiled.ts';
import { type Fault, fault } from './fault.ts';
import { LIMITS } from './limits.ts';
import type { Command, Job } from './program.ts';

/** First reader: the syntax tree of tree-sitter-bash, of which only a short list of node kinds is understood. */
export type Reader = (text: string) => Sourced | Fault;

/** Nesting of a subset text: list in list, one level for each `&&`; more than the job cap cannot compile. */
const DEPTH = LIMITS.jobs + 12;

const WORD = /^[A-Za-z0-9_@%+=:,./^-]+$/;
/** Parts of a word that hold the literal `{}`: the tree splits them in more than one way. */
const BRACED = /^(?:[A-Za-z0-9_@%+=:,./^-]|\{\})+$/;
/** Whole words that a shell takes literally: `\(`, `\)`, `\;`, `\!`, `!`. */
const LITERAL = /^(?:\\[();!]|!)$/;

interface OpenCommand {
  readonly argv: string[];
  readonly spans: [number, number][];
  /** The whole command in the text. */
  readonly range: readonly [start: number, end: number];
  stdout: Command['stdout'];
  stderr: Command['stderr'];
  stdin: boolean;
  redirected: boolean;
}

class Refusal extends Error {
  readonly fault: Fault;
  constructor(reason: string, start: number, end: number, rule = 'subset.syntax') {
    super(reason);
    this.fault = fault(rule, reason, start, end);
  }
}

/** Makes the reader for a loaded grammar. The text must be in the subset already; answers a Fault, never throws. */
export function treeReader(grammar: BashGrammar): Reader {
  const kinds = nodeKinds(grammar);
  return (text) => {
    const walk = new TreeWalk(text, kinds);
    try {
      grammar.parse(text, (cursor) => walk.root(cursor));
      return walk.finish();
    } catch (error) {
      if (error instanceof Refusal) return error.fault;
      return fault('subset.parser', 'the parser failed', 0, text.length);
    }
  };
}

type Kinds = ReturnType<typeof nodeKinds>;

function nodeKinds(grammar: BashGrammar) {
  const named = (name: string) => grammar.kind(name, true);
  const token = (name: string) => grammar.kind(name, false);
  return {
    program: named('program'),
    list: named('list'),
    pipeline: named('pipeline'),
    redirected: named('redirected_statement'),
    redirect: named('file_redirect'),
    command: named('command'),
    name: named('command_name'),
    word: named('word'),
    number: named('number'),
    string: named('string'),
    raw: named('raw_string'),
    concatenation: named('concatenation'),
    semicolon: token(';'),
    and: token('&&'),
    or: token('||'),
    pipe: token('|'),
  };
}

class TreeWalk {
  readonly #text: string;
  readonly #k: Kinds;
  readonly #jobs: Job[] = [];
  readonly #spans: [number, number][][] = [];
  #pipe: OpenCommand[] = [];
  #when: Job['when'] = 'always';
  /** An operator that needs a command after it was the last thing seen. */
  #wanting = false;
  /** End of the last leaf: nothing but blanks may stand between leaves. */
  #at = 0;
  #depth = 0;

  constructor(text: string, kinds: Kinds) {
    this.#text = text;
    this.#k = kinds;
  }

  root(cursor: TreeCursor): void {
    if (cursor.nodeTypeId !== this.#k.program) this.#refuse(cursor, 'it is not a command');
    this.#children(cursor, (c, kind) => this.#statement(c, kind));
    this.#gap(this.#text.length, true);
  }

  finish(): Sourced {
    if (this.#wanting) throw new Refusal('a command is missing at the end', this.#text.length, this.#text.length);
    this.#endJob();
    return { program: { version: 1, jobs: this.#jobs }, spans: this.#spans };
  }

  #statement(cursor: TreeCursor, kind: number): void {
    const k = this.#k;
    switch (kind) {
      case k.list:
      case k.pipeline:
      case k.redirected:
        this.#children(cursor, (c, inner) => this.#statement(c, inner));
        return;
      case k.command:
        this.#command(cursor);
        return;
      case k.redirect:
        this.#redirect(cursor);
        return;
      case k.semicolon:
        this.#separator(cursor, 'always');
        return;
      case k.and:
        this.#separator(cursor, 'and');
        return;
      case k.or:
        this.#separator(cursor, 'or');
        return;
      case k.pipe:
        this.#leaf(cursor);
        if (this.#pipe.length === 0 || this.#wanting) this.#refuse(cursor, 'a pipe with nothing before it');
        this.#wanting = true;
        return;
      default:
        this.#refuse(cursor, `${cursor.nodeType} does not compile`);
    }
  }

  #separator(cursor: TreeCursor, when: Job['when']): void {
    this.#leaf(cursor);
    if (this.#wanting || this.#pipe.length === 0) this.#refuse(cursor, 'a command is missing');
    this.#endJob();
    this.#when = when;
    this.#wanting = when !== 'always';
  }

  #endJob(): void {
    const pipe = this.#pipe;
    if (pipe.length === 0) return;
    const last = pipe.length - 1;
    pipe.forEach((command, i) => {
      const [start, end] = command.range;
      if (i < last && command.stdout === 'discard') throw new Refusal('its pipe would be empty', start, end);
      if (i > 0 && command.stdin) throw new Refusal('its input is the pipe before it', start, end);
      this.#spans.push(command.spans);
    });
    this.#jobs.push({
      when: this.#when,
      pipe: pipe.map(({ argv, stdout, stderr }) => ({ argv, stdout, stderr })),
    });
    if (this.#jobs.length > LIMITS.jobs) throw new Refusal('too many commands', 0, this.#text.length, 'subset.length');
    this.#pipe = [];
    this.#when = 'always';
  }

  #command(cursor: TreeCursor): void {
    const start = cursor.startIndex;
    if (this.#pipe.length > 0 && !this.#wanting) {
      // The tree has no node for a line break that ends a command; it is only seen between leaves.
      if (!this.#text.slice(this.#at, start).includes('\n')) this.#refuse(cursor, 'an operator is missing');
      this.#endJob();
    }
    this.#gap(start, true);
    this.#at = start;
    if (this.#pipe.length >= LIMITS.pipe) this.#refuse(cursor, 'the pipe is too long');
    const open: OpenCommand = {
      argv: [],
      spans: [],
      range: [start, cursor.endIndex],
      stdout: 'keep',
      stderr: 'keep',
      stdin: false,
      redirected: false,
    };
    this.#pipe.push(open);
    this.#wanting = false;
    this.#children(cursor, (c, kind) => {
      if (kind === this.#k.name) {
        if (open.argv.length > 0) this.#refuse(c, 'a second command name');
        this.#children(c, (inner, word) => this.#argument(inner, word, open));
      } else if (open.argv.length === 0) this.#refuse(c, `${c.nodeType} before the command's name`);
      else if (kind === this.#k.redirect) this.#redirect(c);
      else this.#argument(c, kind, open);
    });
  }

  #argument(cursor: TreeCursor, kind: number, open: OpenCommand): void {
    if (open.redirected) this.#refuse(cursor, 'a word after a redirect');
    if (open.argv.length >= LIMITS.argv) this.#refuse(cursor, 'too many arguments');
    const [start, end] = [cursor.startIndex, cursor.endIndex];
    const whole = this.#text.slice(start, end);
    if (kind === this.#k.concatenation && !BRACED.test(whole)) {
      this.#gap(start);
      let value = '';
      this.#children(cursor, (c, inner) => {
        const from = c.startIndex;
        if (from !== start && from !== this.#at) this.#refuse(c, 'a word with a gap in it');
        value += this.#piece(c, inner, from, c.endIndex);
      });
      open.argv.push(value);
    } else if (kind === this.#k.concatenation) open.argv.push(this.#leaf(cursor, start, end));
    else if (kind === this.#k.word && open.argv.length > 0 && LITERAL.test(whole)) {
      open.argv.push(this.#leaf(cursor, start, end).slice(-1));
    } else open.argv.push(this.#piece(cursor, kind, start, end));
    open.spans.push([start, end]);
  }

  #piece(cursor: TreeCursor, kind: number, start: number, end: number): string {
    const raw = this.#leaf(cursor, start, end);
    if (kind === this.#k.word || kind === this.#k.number) {
      if (!WORD.test(raw)) this.#refuse(cursor, 'a bare word holds a metacharacter');
      return raw;
    }
    const inner = raw.slice(1, -1);
    if (kind === this.#k.raw && raw.length >= 2 && !inner.includes("'")) return inner;
    if (kind === this.#k.string && raw.length >= 2) return this.#unescape(inner, cursor);
    return this.#refuse(cursor, `${cursor.nodeType} does not compile`);
  }

  /** In double quotes a backslash goes only before `"` and `\`; before anything else that the subset lets by, it stays. */
  #unescape(inner: string, cursor: TreeCursor): string {
    if (!/["\\$`]/.test(inner)) return inner;
    if (!/^(?:[^"\\$`]|\\[^$`\n])*$/.test(inner)) this.#refuse(cursor, 'a quoted text that two readers may read apart');
    return inner.replace(/\\(["\\])/g, '$1');
  }

  #redirect(cursor: TreeCursor): void {
    const open = this.#pipe.at(-1);
    const [start, end] = [cursor.startIndex, cursor.endIndex];
    if (open === undefined || this.#wanting) this.#refuse(cursor, 'a redirect without a command');
    const parts: string[] = [];
    this.#children(cursor, (c) => parts.push(this.#leaf(c)));
    const text = parts.join('');
    open.redirected = true;
    if (text === '2>&1' && open.stderr === 'keep') {
      open.stderr = open.stdout === 'discard' ? 'discard' : 'stdout';
    } else if (text === '2>/dev/null' && open.stderr === 'keep') open.stderr = 'discard';
    else if ((text === '>/dev/null' || text === '1>/dev/null') && open.stdout === 'keep' && open.stderr !== 'stdout') {
      open.stdout = 'discard';
    } else if (text === '&>/dev/null' && open.stdout === 'keep' && open.stderr === 'keep') {
      open.stdout = 'discard';
      open.stderr = 'discard';
    } else if (text === '</dev/null' && !open.stdin) open.stdin = true;
    else throw new Refusal('a redirect that does not compile', start, end, 'subset.redirect');
  }

  /** Visits each child with its kind: every look at a cursor is a call into WASM, so each is taken once. */
  #children(cursor: TreeCursor, visit: (cursor: TreeCursor, kind: number) => void): void {
    if (++this.#depth > DEPTH) this.#refuse(cursor, 'nested too deep');
    if (!cursor.gotoFirstChild()) this.#refuse(cursor, 'a part is missing');
    do visit(cursor, cursor.nodeTypeId);
    while (cursor.gotoNextSibling());
    cursor.gotoParent();
    this.#depth--;
  }

  /** The text of a leaf, which must not be empty (a part that the parser made up) nor follow anything but blanks. */
  #leaf(cursor: TreeCursor, start = cursor.startIndex, end = cursor.endIndex): string {
    this.#gap(start);
    if (end <= start) this.#refuse(cursor, 'a part is missing');
    this.#at = end;
    return this.#text.slice(start, end);
  }

  /** A line break ends a command in bash; the tree has been seen to hide one between two words of a pipe. */
  #gap(start: number, lines = false): void {
    for (let i = this.#at; i < start; i++) {
      const byte = this.#text.charCodeAt(i);
      if (byte === 32 || byte === 9 || (lines && byte === 10)) continue;
      throw new Refusal('text that the parser skipped', this.#at, start);
    }
    if (start < this.#at) throw new Refusal('parts that overlap', start, this.#at);
  }

  #refuse(cursor: TreeCursor, reason: string): never {
    throw new Refusal(reason, cursor.startIndex, cursor.endIndex);
  }
}
