import type { Attribute, Decision, Effect } from './verdict.ts';

/** What an operand is: its character set, and what must hold for the thing that it names. */
export const KINDS = [
  ...['text', 'word', 'integer', 'signed', 'size', 'duration', 'time', 'signal', 'unit', 'unit-glob', 'mount'],
  ...['device', 'pid', 'pids', 'host', 'station', 'url', 'port', 'container', 'user', 'interface', 'package', 'key'],
  ...['path-read', 'path-list', 'path-tree', 'path-write', 'path-delete', 'enum', 'match'],
  ...['awk-program', 'sed-script', 'sql', 'psql-command'],
] as const;
export type Kind = (typeof KINDS)[number];

/** What a command does to the paths that it is given; `prune` removes some of what is below (`find -delete`). */
export const PATH_MODES = ['list', 'read', 'tree', 'write', 'prune', 'delete'] as const;
export type PathMode = (typeof PATH_MODES)[number];

/** One place for operands: how many, of what kind. */
export interface OperandRule {
  readonly kind: Kind;
  readonly min: 0 | 1;
  readonly many: boolean;
  readonly values: ReadonlySet<string> | null;
  /** Of a `match`; of a path it is a further condition. */
  readonly pattern: RegExp | null;
  readonly range: readonly [low: number, high: number] | null;
}

/** What a command, a sub-command or a flag means by itself. */
export interface Meaning {
  readonly effect: Effect;
  /** Set only where a rule says other than its effect does. */
  readonly decision: Decision | null;
  readonly attributes: readonly Attribute[];
  readonly reason: string | null;
  readonly alternative: string | null;
}

export interface FlagRule extends Meaning {
  readonly takes: OperandRule | null;
  /** The value is only read when attached: `--color=auto`. */
  readonly attached: boolean;
  readonly paths: PathMode | null;
  /** The flag's value stands for the first operand: `grep -e TEXT FILE`. */
  readonly instead: boolean;
  /** One of these must be given too: `free -s 1` ends only with `-c 5`. Empty: none. */
  readonly with: readonly string[];
  /** What follows, up to `;` or `{} +`, is a command that runs on what was found: `find -exec`. */
  readonly runs: boolean;
}

/** The arguments of one binary or one sub-command. */
export interface CommandSchema extends Meaning {
  /** `family.binary.sub`. */
  readonly id: string;
  readonly flags: ReadonlyMap<string, FlagRule>;
  /**
   * `single`: words are matched whole (`find -name`); `gnu`: getopt_long without abbreviations; `posix`: the same, but
   * flags end at the first operand, and a sub-command does not know the flags that stand before it; `words`: what is
   * no flag is an operand, whatever it begins with (`echo --- disk ---`).
   */
  readonly style: 'gnu' | 'single' | 'posix' | 'words';
  /** A first word without a dash is a bundle of flags: `tar tzf FILE`. */
  readonly bundled: boolean;
  /** Sub-commands are known in any case of letters: `redis-cli INFO`. */
  readonly fold: boolean;
  /** Whatever its words are, flags too, it tells names, sizes and times: what `xargs` may give words to. */
  readonly harmless: boolean;
  /** Its operands are a command that runs with words from standard input: `xargs`. */
  readonly runs: boolean;
  /** `head -20`: the dash and number are a flag. */
  readonly numeric: boolean;
  readonly operands: readonly OperandRule[];
  readonly sub: ReadonlyMap<string, CommandSchema> | null;
  /** Without a sub-command this answers itself (`systemctl`), else it is not known. */
  readonly bare: boolean;
  /** It may sample more than once: an interval of this form and a count stand last, `vmstat 1 5`, but not `vmstat 1`. */
  readonly repeat: OperandRule | null;
  /** With nothing but these flags it only asks, whatever it does otherwise: `kill -0`. Empty: it has none. */
  readonly asks: readonly string[];
  /** It reads no settings from a home folder: `sudo -u postgres` may run it as another account than root. */
  readonly anyAccount: boolean;
  /** At least one of these must be given: `top -b`. Empty: none. */
  readonly requires: readonly string[];
  /** Of each of these groups one must be given: `psql -X` and `-c`. */
  readonly needs: readonly (readonly string[])[];
  /** It takes root to be of use: what `sentinel policy sudoers` lists. */
  readonly root: boolean;
}

/** A restriction that a site adds: it can only make a verdict stricter. */
export interface Tighten {
  readonly id: string;
  readonly match: readonly string[];
  readonly operand: RegExp | null;
  readonly decision: 'review' | 'block';
  readonly reason: string;
}

/** Everything that rule files say, ready to judge with. */
export interface RuleSet {
  readonly commands: ReadonlyMap<string, CommandSchema>;
  readonly protectedUnits: readonly RegExp[];
  readonly tighten: readonly Tighten[];
  /** `review: never`: what is not allowed does not run, whoever consents (invariant 6). */
  readonly reviewForbidden: boolean;
}

/** A glob of rule files as an anchored pattern: `*` is any run of characters, nothing else is special. */
export function globPattern(glob: string): RegExp {
  return new RegExp(`^${glob.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replace(/\*+/g, '.*')}$`);
}
