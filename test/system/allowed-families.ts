import { readdirSync, readFileSync } from 'node:fs';
import { loadRules } from '../../policy/load-rules.ts';
import type { Policy } from '../../policy/policy.ts';
import type { Program } from '../../policy/program.ts';
import type { CommandSchema, FlagRule, Kind, OperandRule, RuleSet } from '../../policy/schema.ts';
import type { Inventory } from '../../policy/verdict.ts';

export interface AllowedCommand {
  readonly command: string;
  readonly program: Program;
  /** It asks a host, and is allowed because every host counts as configured where no inventory is given. */
  readonly asksHost: boolean;
}

/**
 * One command of each family that may run alone: of every binary and sub-command of the policy's own tables for which some
 * command line is allowed. They come from the labelled corpus and the promises in the rule files, and are made from the
 * table where neither has one; so what is added to a table is among them without anybody's doing.
 */
export interface Families {
  readonly allowed: ReadonlyMap<string, AllowedCommand>;
  /** Families of which the table says nothing against running alone, and no command line is known that does. */
  readonly unknown: readonly string[];
}

const CORPUS = new URL('../../../fixtures/policy/corpus/', import.meta.url);

/** What neither the corpus nor a rule file has, and no sample fits. */
const OTHERS = [
  'utmpdump /var/log/wtmp',
  'amtool check-config /etc/alertmanager/alertmanager.yml',
  'promtool check rules /etc/prometheus/rules.yml',
  'mmc cid read /dev/mmcblk0',
  'mmc csd read /dev/mmcblk0',
  'owdir /',
  'systemd-analyze cat-config systemd/journald.conf',
  'bluetoothctl info AA:BB:CC:DD:EE:FF',
  'git --no-pager -c core.fsmonitor= tag -l',
  "mongo --quiet --eval 'db.stats()'",
];

/** Words of the kinds that a rule does not list itself; of a pattern, those that it takes. */
const SAMPLES: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  duration: ['1s'],
  time: ['today'],
  size: ['1M'],
  signal: ['TERM'],
  unit: ['cron.service'],
  'unit-glob': ['cron.service'],
  mount: ['/'],
  device: ['/dev/sda'],
  pid: ['1'],
  pids: ['1'],
  integer: ['1'],
  signed: ['1'],
  host: ['localhost'],
  station: ['localhost'],
  url: ['http://localhost/'],
  port: ['80'],
  user: ['root'],
  interface: ['lo'],
  package: ['bash'],
  'path-read': ['/etc/hosts', '/var/log/syslog'],
  'path-list': ['/etc'],
  'path-tree': ['/etc'],
  'awk-program': ["'{print $1}'"],
  'sed-script': ["'1p'"],
  sql: ["'select 1'"],
  'psql-command': ["'select 1'"],
};
const WORDS = [
  'x',
  '1',
  'all',
  'json',
  'web',
  'list',
  '0',
  '5m',
  '10.0.0.1',
  'x=1',
  '1.2.3.4:80',
  'pod',
  'a/b',
  'ff',
  'tcp',
];
/** A host on which nothing is named: what asks a host asks one that nobody configured. */
export const NO_HOSTS: Inventory = { units: [], mounts: [], containers: [], hosts: [], folders: [], processes: [] };
/** Tries of one family: the first is right of nearly all. */
const TRIES = 60;

export function allowedFamilies(policy: Policy): Families {
  const { rules, examples } = loadRules();
  const promised = examples.filter(({ decision }) => decision === 'allow').map(({ command }) => command);
  const allowed = new Map<string, AllowedCommand>();
  const take = (command: string, of: readonly string[] | null): boolean => {
    const { decision, program } = policy.check(command, null);
    if (decision !== 'allow' || program === null) return false;
    const one = { command, program, asksHost: policy.check(command, NO_HOSTS).attributes.includes('egress') };
    // One that asks nobody is of more use: it can be run, and watched.
    for (const family of of ?? familiesIn(program, rules))
      if (allowed.get(family)?.asksHost ?? true) allowed.set(family, one);
    return true;
  };
  for (const command of [...corpus(), ...promised, ...OTHERS]) take(command, null);
  const unknown: string[] = [];
  for (const [family, schema] of runnable(rules)) {
    if (allowed.has(family)) continue;
    const made = firstOf(linesOf(family, schema), TRIES, (line) => take(line, [family]));
    if (!made) unknown.push(family);
  }
  return { allowed, unknown };
}

function corpus(): readonly string[] {
  return readdirSync(CORPUS)
    .filter((name) => name.startsWith('allow-'))
    .flatMap((name) => readFileSync(new URL(name, CORPUS), 'utf8').trim().split('\n'))
    .map((line) => (JSON.parse(line) as { readonly cmd: string }).cmd);
}

/** The families that a program's commands are of: the binary with its sub-commands. */
function familiesIn(program: Program, rules: RuleSet): readonly string[] {
  return program.jobs.flatMap(({ pipe }) =>
    pipe.flatMap(({ argv: [first = '', ...words] }) => {
      let family = first.split('/').at(-1) ?? '';
      let schema = rules.commands.get(family);
      for (const word of words) {
        const sub = schema?.sub?.get(schema.fold ? word.toLowerCase() : word);
        if (sub === undefined) continue;
        schema = sub;
        family += ` ${schema.fold ? word.toLowerCase() : word}`;
      }
      return schema === undefined ? [] : [family];
    }),
  );
}

/** Every binary and sub-command that can stand alone, and of which its table says neither `review` nor `block`. */
function* runnable(rules: RuleSet): Generator<readonly [string, CommandSchema]> {
  function* below(family: string, schema: CommandSchema): Generator<readonly [string, CommandSchema]> {
    const mayRun = schema.decision === null ? schema.effect === 'read' : schema.decision === 'allow';
    if (mayRun && (schema.sub === null || schema.bare)) yield [family, schema];
    for (const [name, sub] of schema.sub ?? []) yield* below(`${family} ${name}`, sub);
  }
  for (const [name, schema] of rules.commands) yield* below(name, schema);
}

/** Command lines of a family, the shortest first: what must be given, then with optional operands or a flag. */
function* linesOf(family: string, { flags, operands, requires, needs, asks }: CommandSchema): Generator<string> {
  const groups = [requires, ...needs, asks].filter((group) => group.length > 0);
  const must = groups.map((group) => group.flatMap((flag) => wordsOfFlag(flag, flags.get(flag))));
  const others = groups.length > 0 ? [] : [...flags].flatMap(([flag, rule]) => wordsOfFlag(flag, rule).slice(0, 1));
  for (const given of [...product(must), ...others.map((flag) => [flag])]) {
    for (const least of [1, 0] as const)
      for (const named of product(operands.filter(({ min }) => min >= least).map(wordsOf)))
        yield [family, ...given, ...named].join(' ');
  }
}

function wordsOfFlag(flag: string, rule: FlagRule | undefined): readonly string[] {
  if (rule === undefined || rule.takes === null) return [flag];
  return wordsOf(rule.takes).map((word) => `${flag}${flag.startsWith('--') ? '=' : ' '}${word}`);
}

function wordsOf({ kind, values, pattern, range }: OperandRule): readonly string[] {
  if (values !== null) return [...values].map(quoted);
  const of = range === null ? (SAMPLES[kind] ?? WORDS) : [String(range[0])];
  if (pattern === null) return of.slice(0, 2);
  return [...of, ...WORDS, ...partsOf(pattern)]
    .filter((word) => pattern.test(word))
    .map(quoted)
    .slice(0, 3);
}

/** Words that stand in a pattern as they are: `^(?:eth|wlan)$` names two. */
const partsOf = ({ source }: RegExp): readonly string[] =>
  [source.replace(/[\^$()?:\\]/g, ''), source.replace(/^\^|\$$|[()]|\?:/g, '')].flatMap((text) => text.split('|'));

const quoted = (word: string): string => (/^[\w./:=@%+,-]+$/.test(word) || word.startsWith("'") ? word : `'${word}'`);

/** One of each list, in every way, the first of each first. */
function product(lists: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return lists.reduce<readonly (readonly string[])[]>(
    (made, list) => made.flatMap((before) => list.map((word) => [...before, word])).slice(0, TRIES),
    [[]],
  );
}

function firstOf(lines: Iterable<string>, most: number, isGood: (line: string) => boolean): boolean {
  let tries = 0;
  for (const line of lines) {
    if (isGood(line)) return true;
    if (++tries >= most) return false;
  }
  return false;
}
