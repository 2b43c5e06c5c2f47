import * as fc from 'fast-check';
import { CHARSETS } from '../../policy/charsets.ts';
import { isLanguage } from '../../policy/languages.ts';
import type { CommandSchema, OperandRule, RuleSet } from '../../policy/schema.ts';
import type { Seeded } from './seeded.ts';

/** Values per kind of operand, made once: making a text from an expression is slow. */
const POOL = 48;

const OPERATORS = [' | ', ' && ', ' || ', '; ', ' ;', ';', '|', '&&', '||', '\n', ' |\n', '  &&\t'] as const;
const REDIRECTS = [
  ...[' 2>&1', ' 2>/dev/null', ' >/dev/null', ' >/dev/null 2>&1', ' > /dev/null', ' </dev/null', ' &>/dev/null'],
  ...[' 2> /dev/null', ' 1>/dev/null', ' 2>/dev/null >/dev/null', '>/dev/null'],
] as const;

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'awk-program': [
    '{print $1}',
    'NR > 1 {print $6, $5}',
    '/a|b/ && $3 ~ "x" {n++} END {print n + 0}',
    '{s[$1] += $2} END {for (k in s) printf "%s %d\\n", k, s[k]}',
    '!seen[$0]++',
  ],
  'sed-script': ['1,20p', 's/a b/c "d"/g', '/x;y/,$d', "s|'||p", '$!d;=', 's#{}#\\n#'],
  sql: ['SHOW PROCESSLIST', 'select "a", \'b\' from t', 'SHOW SLAVE STATUS\\G'],
  'psql-command': ['select 1', '\\dt+', "select 'it''s; x' || \"y\" from pg_locks;"],
};

/** Words that a reader may stumble over, in places where any text is allowed. */
const TEXTS = [
  ...['', ' ', "'", '"', '\\', '\\\\', '$x', '$(id)', '`id`', '*', '?', '[a]', '{a,b}', '~', '#', '!', '&', '|', ';'],
  ...['a b', "it's", 'say "x"', '\\"', '\\n', '%s\\n', '<', '>', '>>x', '2>&1', '(', ')', '{}', '{1..3}', '-n', '--'],
  ...['=', 'A=1', 'if', 'done', '\t', '^a$', 'a;b', '!!', '$', '"', "''", 'x\\', ['$', '{x}'].join('')],
] as const;

/** Makes shell texts of the subset from the rules themselves, so that most of them are allowed. */
export class Generator {
  readonly #commands: readonly (readonly [string, CommandSchema])[];
  readonly #random: Seeded;
  readonly #pools = new Map<OperandRule, readonly string[]>();

  constructor(rules: RuleSet, random: Seeded) {
    this.#commands = [...rules.commands].filter(([, schema]) => (schema.decision ?? 'allow') === 'allow');
    this.#random = random;
  }

  /** One text: half of them one command, the others two to four with operators between them. */
  text(): string {
    const random = this.#random;
    let text = this.#command();
    for (let n = random.chance(50) ? 0 : 1 + random.below(3); n > 0; n--)
      text += random.pick(OPERATORS) + this.#command();
    return random.chance(5) ? `${random.pick([' ', '\n', '\t'])}${text}${random.pick([';', '\n', ' '])}` : text;
  }

  #command(): string {
    const random = this.#random;
    const [name, schema] = random.pick(this.#commands);
    const words = [...this.#wrapper(), name];
    this.#arguments(schema, words);
    const written = words.map((word, i) =>
      i > 0 && /^[();!]$/.test(word) ? this.#metacharacter(word) : this.quote(word),
    );
    const blank = () => (random.chance(8) ? random.pick(['  ', '\t', ' \t ']) : ' ');
    const text = written.reduce((left, right) => left + blank() + right);
    return random.chance(15) ? text + random.pick(REDIRECTS) : text;
  }

  #wrapper(): string[] {
    if (!this.#random.chance(6)) return [];
    return [...this.#random.pick([['sudo', '-n'], ['nice', '-n', '5'], ['timeout', '5'], ['nohup'], ['env']])];
  }

  #arguments(schema: CommandSchema, words: string[]): void {
    const random = this.#random;
    const flags = [...schema.flags];
    const flag = (only?: readonly string[]) => {
      const found = only === undefined ? flags : flags.filter(([name]) => only.includes(name));
      if (found.length === 0) return;
      const [name, rule] = random.pick(found);
      if (rule.runs) {
        words.push(
          name,
          ...random.pick([
            ['ls', '-l', '{}', ';'],
            ['stat', '{}', '+'],
            ['grep', '-l', 'a b', '{}', ';'],
          ]),
        );
      } else if (rule.takes === null || rule.attached) words.push(name);
      else if (name.startsWith('--') && random.chance(50)) words.push(`${name}=${this.#value(rule.takes)}`);
      else words.push(name, this.#value(rule.takes));
    };
    for (const group of schema.needs) flag(group);
    if (schema.requires.length > 0) flag(schema.requires);
    for (let n = random.below(3); n > 0; n--) flag();
    if (schema.sub !== null && (!schema.bare || random.chance(85))) {
      const [name, sub] = random.pick([...schema.sub]);
      words.push(schema.fold && random.chance(30) ? name.toUpperCase() : name);
      this.#arguments(sub, words);
      return;
    }
    if (schema.runs) words.push('ls', ...random.pick([[], ['-l'], ['{}']]));
    for (const operand of schema.runs ? [] : schema.operands) {
      const count = operand.many ? random.below(3) + operand.min : operand.min === 1 || random.chance(60) ? 1 : 0;
      for (let n = 0; n < count; n++) words.push(this.#value(operand));
    }
    if (schema.repeat !== null && random.chance(50))
      words.push(this.#value(schema.repeat), random.pick(['1', '5', '60']));
    for (let n = random.below(2); n > 0; n--) flag();
  }

  #value(rule: OperandRule): string {
    const random = this.#random;
    if (rule.kind === 'text' && random.chance(70))
      return random.pick(TEXTS) + (random.chance(30) ? random.pick(TEXTS) : '');
    let pool = this.#pools.get(rule);
    if (pool === undefined) {
      pool = makePool(rule, random.below(1e9));
      this.#pools.set(rule, pool);
    }
    return random.pick(pool);
  }

  #metacharacter(word: string): string {
    if (word === '!') return this.#random.pick(['!', '\\!', "'!'"]);
    return this.#random.pick([`\\${word}`, `'${word}'`, `"${word}"`]);
  }

  /** Spells a word in one of the ways of the subset: bare, quoted, or in pieces. */
  quote(word: string): string {
    const random = this.#random;
    if (word.length > 1 && random.chance(6)) {
      const at = 1 + random.below(word.length - 1);
      return this.quote(word.slice(0, at)) + this.quote(word.slice(at));
    }
    const bare = /^(?:[A-Za-z0-9_@%+=:,./^-]|\{\})+$/.test(word);
    if (bare && !random.chance(10)) return word;
    const ways = [];
    if (!word.includes("'")) ways.push(`'${word}'`);
    if (!/[$`]/.test(word)) ways.push(`"${word.replace(/(["\\])/g, '\\$1')}"`);
    if (ways.length > 0) return random.pick(ways);
    return word
      .split(/(')/)
      .map((part) => (part === "'" ? `"'"` : `'${part}'`))
      .join('');
  }
}

function makePool({ kind, values, pattern, range }: OperandRule, seed: number): readonly string[] {
  if (values !== null) return [...values];
  if (range !== null) return [String(range[0]), String(Math.min(range[1], range[0] + 1)), String(range[1])];
  if (isLanguage(kind)) return PROGRAMS[kind] ?? ['x'];
  if (kind.startsWith('path-')) {
    return ['/var/log/syslog', '/var/log', '/srv/app/a b', '/etc/hosts', '/proc/meminfo', 'var/log/x', '/srv/./y', '/'];
  }
  if (kind === 'host') return ['db01', '10.0.0.1', 'localhost', '127.0.0.1'];
  if (kind === 'url') return ['http://localhost:8080/health'];
  if (kind === 'unit') return ['nginx', 'app@1.service', 'wal-archiver.timer', 'redis'];
  const source = pattern ?? (kind === 'enum' || kind === 'match' ? /^x$/ : CHARSETS[kind]);
  try {
    return fc.sample(fc.stringMatching(source), { numRuns: POOL, seed }).filter((word) => word.length <= 200);
  } catch {
    // A look-ahead cannot be made into text.
    return ['ActiveState', 'x', 'maxmemory', 'a=1', 'pid,comm'];
  }
}
