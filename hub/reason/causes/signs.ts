import type { Snapshot } from '../../../broker/messages.ts';
import { EVIDENCE_LIMITS } from '../../evidence/builder.ts';
import type { Evidence, EvidenceItem } from '../../evidence/evidence.ts';
import { itemAbout, labelledProcess, type MountFigures, metricItem, mountFigures } from '../../evidence/find.ts';
import { addressesReader, isPlanted } from '../../evidence/injection.ts';
import { GREW, holdLittle } from '../../evidence/memory-held.ts';
import { splitMetric } from '../../evidence/names.ts';
import type { TopProcess } from '../../evidence/processes.ts';
import { number, oneLine, plainName, unitOf } from '../../evidence/words.ts';
import { changeOf, type Since } from './changes.ts';
import { programOf, unitRunning } from './programs.ts';

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

/** A process this far above the next one stands out. */
const DOMINANT = 2;
/** Seconds: below the first a process is new to the host, from the second on it is part of what is usual. */
const NEW_S = 86_400;
const OLD_S = 7 * 86_400;

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

  /**
   * Whether this alert is about what runs short on the host itself: room on a disk, memory, processor time. What another
   * alert beside it says is then no reason for it by itself.
   */
  get isOfHost(): boolean {
    const { signal } = this.evidence.event;
    return /^(?:disk|folder|group)\.|^host\.(?:cpu|load|memory|swap|tasks|zombies|files)/.test(signal);
  }

  /** Whether this alert is about room on a file system, which nobody's memory or processor time takes. */
  get isOfRoom(): boolean {
    return /^(?:disk\.(?:space|forecast|inodes)|folder\.)/.test(this.evidence.event.signal);
  }

  /** The first metric of this alert and the others whose name a pattern finds; what it is about is no part of its name. */
  metric(name: RegExp): SpokenMetric | undefined {
    return this.metrics(name)[0];
  }

  /** All of them, this alert's first. */
  metrics(name: RegExp): readonly SpokenMetric[] {
    const { event, also = [] } = this.evidence;
    return [event, ...also].flatMap(({ metric, signal, value }) => {
      const { base, label } = splitMetric(metric ?? '');
      if (!name.test(base || signal)) return [];
      return [
        {
          name: base || signal,
          value,
          label,
          words: value === undefined ? '' : `${number(value)}${unitOf(base)}`,
        },
      ];
    });
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

  /** The first line that a program or the kernel itself said: other alerts, which only repeat names of metrics, are none. */
  says(pattern: RegExp): Line | undefined {
    for (const { id, kind, text } of this.#items) {
      if (kind !== 'log' && (kind !== 'fact' || text.startsWith('also '))) continue;
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

  /** Whether an item is one to look at: what addresses its reader is none. */
  isSound(id: string): boolean {
    return this.#items.some((item) => item.id === id);
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

  /** The process that stands out in memory or processor time: far above the next, or growing, or the only new one. */
  outstanding(by: 'rss' | 'cpu'): TopProcess | undefined {
    const [first, second] = [...this.processes].filter(({ rss }) => rss > 0).sort((a, b) => b[by] - a[by]);
    if (first === undefined || first[by] <= 0) return undefined;
    if (by === 'rss' && holdLittle(this.evidence, [first])) return undefined;
    const grows = by === 'rss' && (first.growth ?? 0) >= GREW;
    if (grows || second === undefined || first[by] >= second[by] * DOMINANT) return first;
    return by === 'rss' ? this.#newcomer(first.rss) : undefined;
  }

  /** Of several large ones, what has run for weeks had room before: the one that came lately takes it. */
  #newcomer(largest: number): TopProcess | undefined {
    const large = this.processes.filter(({ rss }) => rss * DOMINANT >= largest);
    const young = large.filter(({ age_s: age }) => age !== undefined && age < NEW_S);
    const [only] = young;
    if (only === undefined || young.length > 1) return undefined;
    return large.every((one) => one === only || (one.age_s ?? 0) >= OLD_S) ? only : undefined;
  }

  /** `month_end.py (pid 15220)`: the program or script, in harmless characters. */
  name(process: TopProcess): string {
    return `${this.program(process)} (pid ${process.process.pid})`;
  }

  program(process: TopProcess): string {
    return programOf(process);
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
    return unitRunning(process, this.units);
  }

  /** What was changed of one of these things before it began. */
  since(...names: readonly (string | undefined)[]): Since {
    return changeOf(this.evidence, this.#items, names);
  }
}

/** What the groups caught, in harmless characters; empty where one caught nothing. */
const groupsOf = (found: RegExpExecArray): readonly string[] =>
  found.slice(1).map((group: string | undefined) => (group ? plainName(group) : ''));
