import type { Snapshot } from '../../../broker/messages.ts';
import { EVIDENCE_LIMITS } from '../../evidence/builder.ts';
import type { Evidence, EvidenceItem } from '../../evidence/evidence.ts';
import { itemAbout, labelledProcess, type MountFigures, metricItem, mountFigures } from '../../evidence/find.ts';
import { addressesReader, isPlanted } from '../../evidence/injection.ts';
import { splitMetric } from '../../evidence/names.ts';
import type { TopProcess } from '../../evidence/processes.ts';
import { number, oneLine, plainName, unitOf } from '../../evidence/words.ts';

/** A line that a pattern found, and what its groups caught. */
export interface Line {
  readonly id: string;
  readonly groups: readonly string[];
  /** As it stands there, in whatever characters: to look for more in it, never to be said. */
  readonly text: string;
}

/** A metric that is out of bounds. */
export interface SpokenMetric {
  /** Without what it is about. */
  readonly name: string;
  readonly value: number | undefined;
  readonly label: string | null;
  /** The value with its own unit, as the name tells it: what a sentence says. Empty where there is no value. */
  readonly words: string;
}

const INTERPRETER = /^(?:python[0-9.]*|node|java|bash|sh|perl|ruby|php[0-9.]*)$/;
/** A process this far above the next one stands out. */
const DOMINANT = 2;
const GREW = 64 * 1_048_576;
/** A change longer ago than this is not looked at: who would still think of it? */
const CHANGE_MS = 8 * 86_400_000;

/**
 * Questions that known causes ask of an evidence record. Lines that address their reader are not looked at: they are
 * planted, and what they say is no sign of anything.
 */
export class Signs {
  readonly evidence: Evidence;
  readonly #items: readonly EvidenceItem[];

  constructor(evidence: Evidence) {
    this.evidence = evidence;
    this.#items = evidence.items.filter((item) => !isPlanted(item));
  }

  /** Whether this alert or another open one of the host has one of these signals. */
  hasSignal(...signals: readonly string[]): boolean {
    const { event, also = [] } = this.evidence;
    return [event, ...also].some(({ signal }) => signals.includes(signal));
  }

  /** Whether this very alert has one of these signals. */
  isAbout(...signals: readonly string[]): boolean {
    return signals.includes(this.evidence.event.signal);
  }

  /** The metrics of this alert and the others, by a pattern of their names. */
  metric(name: RegExp): SpokenMetric | undefined {
    const { event, also = [] } = this.evidence;
    const found = [event, ...also].find((one) => name.test(one.metric ?? one.signal));
    if (found === undefined) return undefined;
    const { base, label } = splitMetric(found.metric ?? '');
    const { value } = found;
    return {
      name: base || found.signal,
      value,
      label,
      words: value === undefined ? '' : `${number(value)}${unitOf(base)}`,
    };
  }

  /** The first line (log, alert or fact) that a pattern finds. */
  line(pattern: RegExp): Line | undefined {
    for (const { id, kind, text } of this.#items) {
      if (kind === 'process' || kind === 'mount' || kind === 'change') continue;
      const found = pattern.exec(text);
      if (found !== null) return { id, groups: groupsOf(found), text };
    }
    return undefined;
  }

  /** Every log line, for what a pattern alone can't ask. */
  lines(): readonly Pick<Line, 'id' | 'text'>[] {
    return this.#items.filter(({ kind }) => kind === 'log').map(({ id, text }) => ({ id, text }));
  }

  change(pattern: RegExp): Line | undefined {
    for (const { id, kind, text } of this.#items) {
      const found = kind === 'change' && / before: /.test(text) ? pattern.exec(text) : null;
      if (found !== null) return { id, groups: groupsOf(found), text };
    }
    return undefined;
  }

  /** The id of the metric's item, which every cause may cite. */
  get main(): readonly string[] {
    const item = metricItem(this.evidence);
    return item === undefined ? [] : [item.id];
  }

  get mounts(): readonly MountFigures[] {
    return mountFigures(this.evidence);
  }

  /** The mount that the alert is about, or the fullest that is nearly full. */
  fullMount(): string | undefined {
    const label = this.metric(/^disk\.(?:used|forecast)/)?.label;
    return label ?? this.mounts.find(({ used }) => used >= 90)?.mount.path;
  }

  /** Every process that the top lists show, the largest first. */
  get processes(): readonly TopProcess[] {
    const { top_mem = [], top_cpu = [], top_fds = [] }: Partial<Snapshot> = this.evidence.snapshot ?? {};
    const byPid = new Map([...top_mem, ...top_cpu, ...top_fds].map((one) => [one.process.pid, one]));
    return [...byPid.values()].filter((one) =>
      this.evidence.entities.some(({ kind, value }) => kind === 'process' && value === String(one.process.pid)),
    );
  }

  process(program: RegExp): TopProcess | undefined {
    return this.processes.find(
      (one) => program.test(one.process.comm) || (!addressesReader(one.cmd.text) && program.test(one.cmd.text)),
    );
  }

  /**
   * A process that the look at the host speaks of (`pid 77: 4096 MiB written ...`). What other alerts and the alert's own
   * sentence say of a process may be quoted from anywhere, and points to none.
   */
  told(
    pattern: RegExp,
  ): { readonly process: TopProcess; readonly id: string; readonly groups: readonly string[] } | undefined {
    const reason = oneLine(this.evidence.event.reason, EVIDENCE_LIMITS.text);
    for (const { id, kind, text } of this.#items) {
      // The number stands at the beginning; behind it, a file may be named `pid 77`.
      const pid = kind === 'fact' && text !== reason ? /^[a-z]+(?:\.\d+)?: pid (\d+)\b/.exec(text)?.[1] : undefined;
      const found = pid === undefined ? null : pattern.exec(text);
      const process = found === null ? undefined : this.processes.find((one) => String(one.process.pid) === pid);
      if (found !== null && process !== undefined) return { process, id, groups: groupsOf(found) };
    }
    return undefined;
  }

  /** The process that stands out in memory or processor time: far above the next, or growing. */
  outstanding(by: 'rss' | 'cpu'): TopProcess | undefined {
    const [first, second] = [...this.processes].filter(({ rss }) => rss > 0).sort((a, b) => b[by] - a[by]);
    if (first === undefined || first[by] <= 0) return undefined;
    const grows = by === 'rss' && (first.growth ?? 0) >= GREW;
    return grows || second === undefined || first[by] >= second[by] * DOMINANT ? first : undefined;
  }

  /** `month_end.py (pid 15220)`: the program or script, in harmless characters. */
  name(process: TopProcess): string {
    return `${this.program(process)} (pid ${process.process.pid})`;
  }

  program({ process, cmd }: TopProcess): string {
    const words = cmd.text.split(/\s+/);
    const script = INTERPRETER.test(process.comm) ? words.slice(1).find((word) => !word.startsWith('-')) : undefined;
    const path = script ?? process.comm;
    return plainName(path.slice(path.lastIndexOf('/') + 1));
  }

  /** The item that shows a process. */
  itemOf({ process }: TopProcess): readonly string[] {
    const entity = this.evidence.entities.find(
      ({ kind, value }) => kind === 'process' && value === String(process.pid),
    );
    const item = entity && itemAbout(this.evidence, entity);
    return item === undefined ? [] : [item.id];
  }

  /** Units that a command may name: those that the agent points to first. */
  get units(): readonly string[] {
    const known = this.evidence.entities.filter(({ kind, labels }) => kind === 'unit' && !labels.includes('unlisted'));
    return [...known]
      .sort((a, b) => Number(b.labels.includes('subject')) - Number(a.labels.includes('subject')))
      .map(({ value }) => value);
  }

  /** The unit that the alert is about. */
  get unit(): string | undefined {
    return this.evidence.entities.find(({ kind, labels }) => kind === 'unit' && labels.includes('subject'))?.value;
  }

  /**
   * The unit that a command may stop, restart or bound: what the alert is about, or what runs the process that the agent
   * points to. A unit that only a line names is none: anyone may write a line.
   */
  get ownUnit(): string | undefined {
    if (this.unit !== undefined) return this.unit;
    const culprit = labelledProcess(this.evidence, 'culprit');
    const process = this.processes.find((one) => String(one.process.pid) === culprit?.value);
    return process && this.unitOf(process);
  }

  /**
   * The workers of one program and user that stand out together: each busy, and all of them far above everything else.
   * Null where a single process does.
   */
  busyWorkers(): readonly TopProcess[] | null {
    const alike = (one: TopProcess) => `${one.user} ${one.process.comm}`;
    const all = this.processes.filter(({ rss }) => rss > 0);
    const [first] = [...all].sort((a, b) => b.cpu - a.cpu);
    if (first === undefined) return null;
    const own = all.filter((one) => alike(one) === alike(first) && one.cpu * DOMINANT >= first.cpu);
    const next = Math.max(0, ...all.filter((one) => alike(one) !== alike(first)).map(({ cpu }) => cpu));
    return own.length >= 2 && first.cpu >= next * DOMINANT ? own : null;
  }

  unitLike(name: RegExp): string | undefined {
    return this.units.find((unit) => name.test(unit));
  }

  /** The unit that runs a process, as far as its name tells. */
  unitOf(process: TopProcess): string | undefined {
    const words = [process.process.comm, this.program(process)].map((word) => word.replace(/\.[a-z]+$/, ''));
    const bare = (unit: string) => unit.replace(/\.service$/, '');
    return (
      this.units.find((unit) => unit.endsWith('.service') && words.includes(bare(unit))) ??
      this.units.find((unit) => unit.endsWith('.service') && process.cmd.text.split(/[\s/]+/).includes(bare(unit)))
    );
  }

  /**
   * What was changed of one of these things before it began: `, since NAME was changed from A to B`, and its item. A
   * package to go back to is named by what the agent itself read in the package manager's log, and is the thing's own.
   */
  since(...names: readonly (string | undefined)[]): {
    readonly words: string;
    readonly ids: readonly string[];
    readonly package: readonly [string, string] | null;
  } {
    const wanted = names.flatMap((name) => (name === undefined ? [] : partsOf(name)));
    const own = names.flatMap((name) => (name === undefined ? [] : [bareName(name)]));
    const { event, snapshot } = this.evidence;
    const recent = (snapshot?.changes ?? []).filter(({ ts }) => ts <= event.ts && event.ts - ts <= CHANGE_MS);
    for (const { id, kind, text, trusted } of this.#items) {
      if (kind !== 'change' || !/ before: /.test(text)) continue;
      const what = text.slice(text.indexOf(' before: ') + 9);
      if (!recent.some((one) => oneLine(one.what.text, 240).startsWith(what.slice(0, 40)))) continue;
      if (!wanted.some((part) => what.toLowerCase().includes(part))) continue;
      const upgrades = upgradesIn(what);
      const of = upgrades.find(({ name }) => wanted.some((part) => name.toLowerCase().includes(part))) ?? upgrades[0];
      const words =
        of === undefined
          ? `, since a change: ${harmless(what)}`
          : `, since the upgrade (deploy) of ${of.name} from ${of.from} to ${of.to}`;
      const back = trusted ? upgrades.find(({ name }) => own.some((one) => isPackageOf(name, one))) : undefined;
      return { words, ids: [id], package: back === undefined ? null : [back.name, back.from] };
    }
    return { words: '', ids: [], package: null };
  }
}

/** What the groups caught, in harmless characters; empty where one caught nothing. */
const groupsOf = (found: RegExpExecArray): readonly string[] =>
  found.slice(1).map((group: string | undefined) => (group ? plainName(group) : ''));

interface Upgrade {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** The upgrades that a change speaks of: `packages upgraded: nginx 1.22 -> 1.24, libc6 2.36-8 -> 2.36-9`. */
function upgradesIn(what: string): readonly Upgrade[] {
  if (!/package|upgraded|deploy|image|installed/i.test(what)) return [];
  const found = what.matchAll(
    /(?:^|[\s,])([a-z0-9](?:[a-z0-9.+_-]{0,98}[a-z0-9])?)(?:\s+image)?\s+v?([0-9][\w.+~:-]{0,78})\s*->\s*v?([0-9][\w.+~:-]{0,78})/gi,
  );
  return [...found].map(([, name = '', from = '', to = '']) => ({ name, from, to }));
}

/** Whether a package is what a service is named after: `postgresql-15` of `postgresql`, and not `rsync` of `recipe-sync`. */
const isPackageOf = (name: string, of: string): boolean =>
  of.length >= 2 && (name === of || name.startsWith(`${of}-`) || of.startsWith(`${name}-`));

const bareName = (name: string): string => name.toLowerCase().replace(/\.(?:service|timer|socket|py|js|sh|jar)$/, '');

/** The parts of a name by which a change may speak of it: `recipe` of `recipe-sync.service`. */
const partsOf = (name: string): readonly string[] => {
  const bare = bareName(name);
  return [bare, ...bare.split(/[^a-z0-9]+/)].filter((part) => part.length >= 4);
};

/** Foreign words for a sentence: letters, digits and the signs of paths and versions, cut short. */
const harmless = (text: string): string => oneLine(text.replace(/[^A-Za-z0-9 ._:/=>()+-]/g, ' '), 90);
