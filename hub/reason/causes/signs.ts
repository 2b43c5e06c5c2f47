import type { Snapshot } from '../../../broker/messages.ts';
import type { Evidence, EvidenceItem } from '../../evidence/evidence.ts';
import { itemAbout, type MountFigures, metricItem, mountFigures } from '../../evidence/find.ts';
import { addressesReader } from '../../evidence/injection.ts';
import { splitMetric } from '../../evidence/names.ts';
import type { TopProcess } from '../../evidence/processes.ts';
import { number, oneLine, plainName, unitOf } from '../../evidence/words.ts';

/** A line that a pattern found, and what its groups caught. */
export interface Line {
  readonly id: string;
  readonly groups: readonly string[];
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
    this.#items = evidence.items.filter((item) => item.trusted || !addressesReader(item.text));
  }

  /** Whether this alert or another open one of the host has one of these signals. */
  hasSignal(...signals: readonly string[]): boolean {
    const { event, also = [] } = this.evidence;
    return [event, ...also].some(({ signal }) => signals.includes(signal));
  }

  /** The metrics of this alert and the others, by a pattern of their names. */
  metric(
    name: RegExp,
  ): { readonly value: number | undefined; readonly label: string | null; readonly words: string } | undefined {
    const { event, also = [] } = this.evidence;
    const found = [event, ...also].find((one) => name.test(one.metric ?? one.signal));
    if (found === undefined) return undefined;
    const { base, label } = splitMetric(found.metric ?? '');
    const { value } = found;
    return { value, label, words: value === undefined ? '' : `${number(value)}${unitOf(base)}` };
  }

  /** The first line (log, alert or fact) that a pattern finds. */
  line(pattern: RegExp): Line | undefined {
    for (const { id, kind, text } of this.#items) {
      if (kind === 'process' || kind === 'mount' || kind === 'change') continue;
      const found = pattern.exec(text);
      if (found !== null) return { id, groups: found.slice(1).map((group) => plainName(group ?? '')) };
    }
    return undefined;
  }

  change(pattern: RegExp): Line | undefined {
    for (const { id, kind, text } of this.#items) {
      const found = kind === 'change' && / before: /.test(text) ? pattern.exec(text) : null;
      if (found !== null) return { id, groups: found.slice(1).map((group) => plainName(group ?? '')) };
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

  /** A process that a fact speaks of (`pid 77: 4096 MiB written ...`), or that a line names by its number. */
  told(
    pattern: RegExp,
  ): { readonly process: TopProcess; readonly id: string; readonly groups: readonly string[] } | undefined {
    for (const { id, kind, text } of this.#items) {
      const found = kind === 'fact' ? pattern.exec(text) : null;
      const pid = /\bpid (\d+)/.exec(text)?.[1];
      const process = found === null ? undefined : this.processes.find((one) => String(one.process.pid) === pid);
      if (found !== null && process !== undefined)
        return { process, id, groups: found.slice(1).map((group) => plainName(group ?? '')) };
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

  /** What was changed of one of these things before it began: `, since NAME was changed from A to B`, and its item. */
  since(...names: readonly (string | undefined)[]): {
    readonly words: string;
    readonly ids: readonly string[];
    readonly package: readonly [string, string] | null;
  } {
    const wanted = names.flatMap((name) => (name === undefined ? [] : partsOf(name)));
    const { event, snapshot } = this.evidence;
    const recent = (snapshot?.changes ?? []).filter(({ ts }) => ts <= event.ts && event.ts - ts <= CHANGE_MS);
    for (const { id, kind, text } of this.#items) {
      if (kind !== 'change' || !/ before: /.test(text)) continue;
      const what = text.slice(text.indexOf(' before: ') + 9);
      if (!recent.some((one) => oneLine(one.what.text, 240).startsWith(what.slice(0, 40)))) continue;
      if (!wanted.some((part) => what.toLowerCase().includes(part))) continue;
      const versions =
        /(?:package|upgraded|deploy(?:ed)?|image|installed)\s+([a-z0-9][a-z0-9.+_-]*)(?:\s+image)?\s+v?([0-9][\w.+~:-]*)\s*->\s*v?([0-9][\w.+~:-]*)/i.exec(
          what,
        );
      const [, name = '', from = '', to = ''] = versions ?? [];
      const words =
        versions === null
          ? `, since a change: ${harmless(what)}`
          : `, since the upgrade (deploy) of ${name} from ${from} to ${to}`;
      return {
        words,
        ids: [id],
        package: versions !== null && /package|upgraded|installed/i.test(what) ? [name, from] : null,
      };
    }
    return { words: '', ids: [], package: null };
  }
}

/** The parts of a name by which a change may speak of it: `recipe` of `recipe-sync.service`. */
const partsOf = (name: string): readonly string[] => {
  const bare = name.toLowerCase().replace(/\.(?:service|timer|socket|py|js|sh|jar)$/, '');
  return [bare, ...bare.split(/[^a-z0-9]+/)].filter((part) => part.length >= 4);
};

/** Foreign words for a sentence: letters, digits and the signs of paths and versions, cut short. */
const harmless = (text: string): string => oneLine(text.replace(/[^A-Za-z0-9 ._:/=>()+-]/g, ' '), 90);
