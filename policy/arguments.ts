import { decisionFor, joinEffects } from './effects.ts';
import type { CommandSchema, FlagRule, OperandRule, PathMode } from './schema.ts';
import { type Attribute, type Decision, type Effect, stricter } from './verdict.ts';
import { wordAt } from './word-at.ts';

/** One word of a command and what the schema says that it is. */
export interface Use {
  readonly rule: OperandRule;
  readonly value: string;
  /** Index in argv. */
  readonly at: number;
  /** It is the value of a flag. */
  readonly option: boolean;
}

/** A command inside a command line: `find -exec CMD ;`, `xargs CMD`. */
export interface Inner {
  readonly argv: readonly string[];
  /** Index in argv of its first word. */
  readonly at: number;
}

/** What a command line means by its schema, before the things that it names are looked at. */
export interface Meant {
  readonly schema: CommandSchema;
  readonly effect: Effect;
  readonly decision: Decision;
  readonly attributes: readonly Attribute[];
  readonly uses: readonly Use[];
  readonly inner: readonly Inner[];
  /** The flags that were given, by the names that the schema has for them. */
  readonly given: ReadonlySet<string>;
  /** What a flag made of the path operands: `find -delete`. */
  readonly paths: PathMode | null;
  /** The flag or schema that says more than its effect does. */
  readonly reason: string | null;
  readonly alternative: string | null;
  readonly at: number;
}

/** A word that the schema does not know: never `allow`. */
export interface Stranger {
  readonly stranger: string;
  readonly reason: string;
  readonly schema: CommandSchema;
  readonly at: number;
}

interface Operand {
  readonly value: string;
  readonly at: number;
}

/** How often a tool may sample in one command: with a minute between them an hour, which a person would not wait for. */
const SAMPLES: OperandRule = { kind: 'integer', min: 1, many: false, values: null, pattern: null, range: [1, 60] };

/** Reads `argv[from..]` by a schema; `argv[from]` is the first word after the command's name. */
export function readArguments(root: CommandSchema, argv: readonly string[], from: number): Meant | Stranger {
  const reading = new Reading(root);
  const bundle = argv[from] ?? '-';
  const start = root.bundled && !bundle.startsWith('-') ? reading.bundle(bundle, argv, from) : from - 1;
  if (typeof start !== 'number') return start;
  for (let at = start + 1; at < argv.length; at++) {
    const problem = reading.word(argv, at);
    if (typeof problem !== 'number') return problem;
    at = problem;
  }
  return reading.finish(argv.length);
}

class Reading {
  #schema: CommandSchema;
  #ended = false;
  readonly #operands: Operand[] = [];
  readonly #uses: Use[] = [];
  readonly #seen = new Set<string>();
  readonly #flags: { rule: FlagRule; at: number }[] = [];
  readonly #inner: Inner[] = [];

  constructor(schema: CommandSchema) {
    this.#schema = schema;
  }

  /** Takes in one word; answers the index of the last word that it used. */
  word(argv: readonly string[], at: number): number | Stranger {
    const word = wordAt(argv, at);
    if (this.#ended) return this.#operand(word, at);
    if (this.#schema.style === 'words') {
      const flag = this.#schema.flags.get(word);
      return flag === undefined ? this.#operand(word, at) : this.#flag(word, flag, argv, at);
    }
    if (word === '--' && this.#schema.style !== 'single') {
      this.#ended = true;
      return at;
    }
    const whole = this.#schema.flags.get(word);
    if (whole !== undefined) return this.#flag(word, whole, argv, at);
    if (this.#schema.style === 'single') {
      const place = word.startsWith('@') ? this.#schema.flags.get('@') : undefined;
      if (place !== undefined && place.takes !== null) return this.#place(word, place, place.takes, at);
      return word.startsWith('-') && word !== '-' ? this.#unknown(word, at) : this.#operand(word, at);
    }
    if (word.startsWith('--')) return this.#long(word, at);
    if (word.startsWith('-') && word.length > 1) return this.#cluster(word, argv, at);
    return this.#operand(word, at);
  }

  /** `tzf FILE`: letters without a dash, whose values follow in their order. */
  bundle(word: string, argv: readonly string[], at: number): number | Stranger {
    let last = at;
    for (const letter of word) {
      const rule = this.#schema.flags.get(`-${letter}`);
      if (rule === undefined) return this.#unknown(word, at);
      this.#note(`-${letter}`, rule, at);
      if (rule.takes === null) continue;
      const value = argv[++last];
      if (value === undefined) return this.#unknown(word, at);
      this.#uses.push({ rule: rule.takes, value, at: last, option: true });
    }
    return last;
  }

  finish(end: number): Meant | Stranger {
    const schema = this.#schema;
    if (!schema.bare) return { stranger: 'subcommand', reason: 'its sub-command is missing', schema, at: 0 };
    const problem = this.#assign(end);
    if (problem !== null) return problem;
    if (schema.requires.length > 0 && !schema.requires.some((flag) => this.#seen.has(flag))) {
      return { stranger: 'requires', reason: `it would not end without ${schema.requires[0]}`, schema, at: 0 };
    }
    const alone = this.#flags.find(
      ({ rule }) => rule.with.length > 0 && !rule.with.some((name) => this.#seen.has(name)),
    );
    if (alone !== undefined) {
      return { stranger: 'requires', reason: `it would not end without ${alone.rule.with[0]}`, schema, at: alone.at };
    }
    const missing = schema.needs.find((group) => !group.some((flag) => this.#seen.has(flag)));
    if (missing !== undefined) {
      return { stranger: 'needs', reason: `it is only known with ${missing[0]}`, schema, at: 0 };
    }
    const asked = this.#seen.size > 0 && [...this.#seen].every((flag) => schema.asks.includes(flag));
    let effect = asked ? 'read' : schema.effect;
    let decision = asked ? 'allow' : (schema.decision ?? decisionFor(schema.effect, schema.attributes));
    const attributes = new Set(schema.attributes);
    let paths: PathMode | null = null;
    let worst: { rule: FlagRule; at: number } | null = null;
    for (const { rule, at } of this.#flags) {
      effect = joinEffects(effect, rule.effect);
      for (const attribute of rule.attributes) attributes.add(attribute);
      const own = rule.decision ?? decisionFor(rule.effect, rule.attributes);
      if (stricter(decision, own) !== decision) worst = { rule, at };
      decision = stricter(decision, own);
      paths = rule.paths ?? paths;
    }
    return {
      schema,
      effect,
      decision,
      attributes: [...attributes],
      uses: this.#uses,
      inner: this.#inner,
      given: this.#seen,
      paths,
      reason: worst?.rule.reason ?? (asked ? null : schema.reason),
      alternative: worst?.rule.alternative ?? schema.alternative,
      at: worst?.at ?? 0,
    };
  }

  #operand(value: string, at: number): number | Stranger {
    const sub = this.#schema.sub;
    if (sub !== null && this.#operands.length === 0) {
      const found = sub.get(this.#schema.fold ? value.toLowerCase() : value);
      if (found === undefined) {
        return {
          stranger: 'subcommand',
          reason: `${value.slice(0, 64)} is not a known sub-command`,
          schema: this.#schema,
          at,
        };
      }
      this.#schema = found;
      return at;
    }
    if (this.#schema.style === 'posix') this.#ended = true;
    this.#operands.push({ value, at });
    return at;
  }

  /** The words after `-exec`, up to `;`, or to `+` after `{}`. */
  #command(name: string, argv: readonly string[], at: number): number | Stranger {
    for (let end = at + 1; end < argv.length; end++) {
      if (argv[end] !== ';' && !(argv[end] === '+' && argv[end - 1] === '{}')) continue;
      this.#inner.push({ argv: argv.slice(at + 1, end), at: at + 1 });
      return end;
    }
    return this.#unknown(name, at);
  }

  #flag(name: string, rule: FlagRule, argv: readonly string[], at: number): number | Stranger {
    this.#note(name, rule, at);
    if (rule.runs) return this.#command(name, argv, at);
    if (rule.takes === null || rule.attached) return at;
    const value = argv[at + 1];
    if (value === undefined) return this.#unknown(name, at);
    this.#uses.push({ rule: rule.takes, value, at: at + 1, option: true });
    return at + 1;
  }

  /** `@10.0.0.53`: a flag whose name is one character, with its value after it. */
  #place(word: string, rule: FlagRule, takes: OperandRule, at: number): number {
    this.#note('@', rule, at);
    this.#uses.push({ rule: takes, value: word.slice(1), at, option: true });
    return at;
  }

  #long(word: string, at: number): number | Stranger {
    const split = word.indexOf('=');
    const name = split < 0 ? word : word.slice(0, split);
    const rule = this.#schema.flags.get(name);
    if (rule === undefined || rule.takes === null || split < 0) return this.#unknown(name, at);
    this.#note(name, rule, at);
    this.#uses.push({ rule: rule.takes, value: word.slice(split + 1), at, option: true });
    return at;
  }

  /** `-tulpn`, `-n5`, `-n 5`, and `-20` where numbers are flags. */
  #cluster(word: string, argv: readonly string[], at: number): number | Stranger {
    if (this.#schema.numeric && /^-\d{1,9}$/.test(word)) return at;
    for (let i = 1; i < word.length; i++) {
      const name = `-${word.charAt(i)}`;
      const rule = this.#schema.flags.get(name);
      if (rule === undefined) return this.#unknown(name, at);
      if (rule.takes === null) {
        this.#note(name, rule, at);
        continue;
      }
      const rest = word.slice(i + 1);
      if (rest === '') return this.#flag(name, rule, argv, at);
      this.#note(name, rule, at);
      this.#uses.push({ rule: rule.takes, value: rest, at, option: true });
      return at;
    }
    return at;
  }

  /** The operands without the interval and count that end them; null where there is an interval and no count. */
  #sampled(interval: OperandRule, rules: readonly OperandRule[]): readonly Operand[] | null {
    const needed = rules.filter(({ min }) => min === 1).length;
    const from = Math.max(needed, this.#operands.findLastIndex(({ value }) => !/^[\d.]+$/.test(value)) + 1);
    const [every, count, more] = this.#operands.slice(from);
    if (every === undefined) return this.#operands;
    if (count === undefined || more !== undefined) return null;
    this.#uses.push({ rule: interval, ...every, option: false }, { rule: SAMPLES, ...count, option: false });
    return this.#operands.slice(0, from);
  }

  #note(name: string, rule: FlagRule, at: number): void {
    this.#seen.add(name);
    this.#flags.push({ rule, at });
  }

  #unknown(name: string, at: number): Stranger {
    return { stranger: 'flag', reason: `${name.slice(0, 64)} is not a known flag here`, schema: this.#schema, at };
  }

  /** Gives each operand its rule: in order, the last rule repeating where it may. */
  #assign(end: number): Stranger | null {
    const instead = this.#flags.some(({ rule }) => rule.instead);
    const rules = instead ? this.#schema.operands.slice(1) : this.#schema.operands;
    const schema = this.#schema;
    const first = this.#operands[0];
    if (schema.runs && first !== undefined) {
      this.#inner.push({ argv: this.#operands.map(({ value }) => value), at: first.at });
      return null;
    }
    const operands = schema.repeat === null ? this.#operands : this.#sampled(schema.repeat, rules);
    if (operands === null) {
      return { stranger: 'repeat', reason: 'it would not end without a count', schema, at: Math.max(0, end - 1) };
    }
    let next = 0;
    let used = 0;
    for (const { value, at } of operands) {
      const rule = rules[next];
      if (rule === undefined)
        return { stranger: 'operand', reason: 'an operand that is not expected here', schema, at };
      this.#uses.push({ rule, value, at, option: false });
      used++;
      if (!rule.many) {
        next++;
        used = 0;
      }
    }
    const missing = rules.slice(next).some((rule, i) => rule.min > (i === 0 ? used : 0));
    return missing ? { stranger: 'operand', reason: 'an operand is missing', schema, at: Math.max(0, end - 1) } : null;
  }
}
