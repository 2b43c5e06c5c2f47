import type { Use } from './arguments.ts';
import { CHARSETS } from './charsets.ts';
import type { Finding } from './finding.ts';
import { isLocalHost, isSiteHost, urlHost } from './hosts.ts';
import { isLanguage, languageProblem } from './languages.ts';
import { holdsSecrets, isDevice, isSecret, isSystem, isSystemTree, normalise, passesProcess } from './paths.ts';
import { isPlaceholder, isUnfilled } from './placeholder.ts';
import type { Kind, PathMode } from './schema.ts';
import { isOwnPath, isOwnUnit } from './self.ts';
import type { Effect, Inventory } from './verdict.ts';

/** What an operand is looked at with. */
export interface Surroundings {
  readonly inventory: Inventory | null;
  readonly protectedUnits: readonly RegExp[];
  /** Effect of the whole command line on what it names. */
  readonly effect: Effect;
  readonly paths: PathMode | null;
}

type Judged = Omit<Finding, 'at' | 'effect' | 'attributes'> & Partial<Pick<Finding, 'effect' | 'attributes'>>;

/** Everything that is wrong with one operand; an empty list when it may stand. */
export function judgeOperand(use: Use, around: Surroundings): Finding[] {
  const found = wrongForm(use) ?? judgeThing(use, around);
  return found.map((judged) => ({ effect: around.effect, attributes: [], ...judged, at: use.at }));
}

/** A name without any folder; a number is a port where a path may stand too. */
const BARE = /^(?!\d+$)[\w@%+=,^][\w@%+=,.^-]*$/;

/** Kinds whose operand is the name of a thing; a blank in its place names nothing. */
const NAMES: ReadonlySet<Kind> = new Set([
  ...(['unit', 'mount', 'device', 'host', 'station', 'url', 'container', 'user', 'interface', 'package'] as const),
  ...(['path-read', 'path-list', 'path-tree', 'path-write', 'path-delete'] as const),
]);

const review = (rule: string, reason: string): Judged => ({ decision: 'review', rule, reason });
const block = (rule: string, reason: string, effect: Effect): Judged => ({ decision: 'block', rule, reason, effect });

function wrongForm({ rule, value }: Use): Judged[] | null {
  if (rule.kind === 'enum')
    return rule.values?.has(value) ? null : [review('operand.enum', 'a value that is not known here')];
  if (rule.kind === 'match') {
    return rule.pattern?.test(value) ? null : [review('operand.form', 'a value of a form that is not known here')];
  }
  if (isLanguage(rule.kind)) {
    const problem = languageProblem(rule.kind, value);
    if (problem === null) return null;
    return [
      {
        ...review(`operand.${rule.kind}`, problem.reason),
        ...(problem.secret === true ? { attributes: ['secret'] } : {}),
        ...(problem.changes ? { effect: 'change' } : {}),
      },
    ];
  }
  const named = rule.kind !== 'text' && rule.kind !== 'signed' && rule.kind !== 'time' && rule.kind !== 'size';
  if (named && value.startsWith('-') && !(value === '-' && rule.kind === 'path-read')) {
    return [review('operand.dash', 'a name never begins with a dash')];
  }
  if ((NAMES.has(rule.kind) && isPlaceholder(value)) || (rule.kind === 'word' && isUnfilled(value))) {
    return [review('operand.placeholder', 'this stands for a name that was not filled in')];
  }
  if (!CHARSETS[rule.kind].test(value)) return [review('operand.form', `this is no ${rule.kind.replace('-', ' to ')}`)];
  if (rule.pattern !== null && !rule.pattern.test(value)) {
    return [review('operand.form', 'a path of a form that is not known here')];
  }
  if (rule.range === null) return null;
  const number = Number(value);
  const [low, high] = rule.range;
  return number >= low && number <= high ? null : [review('operand.range', `outside ${low} to ${high}`)];
}

function judgeThing({ rule, value }: Use, around: Surroundings): Judged[] {
  switch (rule.kind) {
    case 'unit':
      return judgeUnit(value, around);
    case 'pid':
      return judgePid(Number(value), around);
    case 'pids':
      return value.split(',').flatMap((pid) => judgePid(Number(pid), around));
    case 'mount':
      return known(value, around.inventory?.mounts, 'mount');
    case 'container':
      return known(value, around.inventory?.containers, 'container');
    case 'host':
      return judgeHost(value, around);
    case 'station':
      return value.startsWith('/dev/') ? [] : judgeHost(value, around);
    case 'url':
      return judgeHost(urlHost(value), around);
    case 'path-read':
    case 'path-list':
    case 'path-tree':
    case 'path-write':
    case 'path-delete':
      return judgePath(value, around.paths ?? MODES[rule.kind], rule.kind, around);
    default:
      return [];
  }
}

const known = (value: string, names: readonly string[] | undefined, what: string): Judged[] =>
  names === undefined || names.includes(value) ? [] : [review(`inventory.${what}`, `no such ${what} on this host`)];

function judgeUnit(value: string, { inventory, protectedUnits, effect }: Surroundings): Judged[] {
  const full = /\.[a-z]+$/.test(value) ? value : `${value}.service`;
  const found: Judged[] = [];
  if (inventory !== null && !inventory.units.includes(full) && !inventory.units.includes(value)) {
    found.push(review('inventory.unit', 'no such unit on this host'));
  }
  if (effect === 'read') return found;
  if (isOwnUnit(value)) found.push(block('self.unit', 'Sentinel does not act on itself', 'breach'));
  if (!/\.(?:service|timer)$/.test(full))
    found.push(review('unit.kind', 'only services and timers restart without a person'));
  if (protectedUnits.some((pattern) => pattern.test(full) || pattern.test(full.replace(/\.[a-z]+$/, '')))) {
    found.push(
      review(
        'unit.protected',
        'this unit carries login, network, storage, messages or control, or is a job that changes files',
      ),
    );
  }
  return found;
}

function judgePid(pid: number, { inventory, effect }: Surroundings): Judged[] {
  const process = inventory?.processes.find((known) => known.pid === pid);
  if (effect === 'read')
    return inventory === null || process !== undefined
      ? []
      : [review('inventory.pid', 'no such process in the evidence')];
  if (pid === 1) return [block('destruction.init', 'process 1 is the host', 'destroy')];
  if (inventory === null) return [];
  if (process === undefined) return [review('inventory.pid', 'no such process in the evidence: pids are reused')];
  if (isOwnUnit(process.comm) || (process.exe !== undefined && isOwnPath(process.exe))) {
    return [block('self.process', 'Sentinel does not act on itself', 'breach')];
  }
  return [];
}

function judgeHost(host: string, { inventory }: Surroundings): Judged[] {
  if (isLocalHost(host)) return [];
  const configured = inventory === null ? isSiteHost(host) : inventory.hosts.includes(host);
  if (configured) return [];
  return [{ ...review('egress.host', 'this host is not in the configuration'), attributes: ['egress'] }];
}

const MODES = {
  'path-read': 'read',
  'path-list': 'list',
  'path-tree': 'tree',
  'path-write': 'write',
  'path-delete': 'delete',
} as const satisfies Record<string, PathMode>;

/** True when a site declared its folders and this path is below none of them. */
const isOutside = (path: string, folders: readonly string[]): boolean =>
  folders.length > 0 &&
  !folders.some((folder) => path === normalise(folder) || path.startsWith(`${normalise(folder)}/`));

function judgePath(
  value: string,
  flagged: PathMode,
  kind: keyof typeof MODES,
  { effect, inventory }: Surroundings,
): Judged[] {
  if (value === '-' && kind === 'path-read') return [];
  // Plans name files by their whole path: a bare name is a sentence's next word, or whatever the folder happens to hold.
  if (BARE.test(value))
    return [review('path.bare', 'a bare name means another file in every folder: give its whole path')];
  const path = normalise(value);
  const mode = kind === 'path-write' || kind === 'path-delete' ? MODES[kind] : flagged;
  if (mode === 'write' || mode === 'delete' || mode === 'prune') {
    if (isOwnPath(value)) return [block('self.path', 'Sentinel does not act on itself', 'breach')];
    if (isDevice(path)) return [block('destruction.device', 'this is a device', 'destroy')];
    if (mode === 'prune' ? isSystemTree(path) : isSystem(path))
      return [block('destruction.system', 'the host does not live without this path', 'destroy')];
    const effect = mode === 'write' ? 'change' : 'destroy';
    if (isOutside(path, inventory?.folders ?? [])) {
      return [{ ...review('inventory.folder', 'this is outside the folders that the site declared'), effect }];
    }
    return [{ ...review(`path.${mode}`, mode === 'write' ? 'it writes a file' : 'it removes files'), effect }];
  }
  if (passesProcess(value)) {
    const reason = 'it leads into what another process has open, where no list of secrets reaches';
    return [{ ...review('path.elsewhere', reason), attributes: ['secret'] }];
  }
  if (mode === 'list')
    return effect === 'read' || !isOwnPath(value)
      ? []
      : [block('self.path', 'Sentinel does not act on itself', 'breach')];
  const secret = isOwnPath(value) || isSecret(path) || (mode === 'tree' && holdsSecrets(path));
  if (secret) return [{ ...review('path.secret', 'it may show a secret'), attributes: ['secret'] }];
  if (isDevice(path)) return [review('path.device', 'this is a device, not a file')];
  return [];
}
