import { LIMITS, type Metric } from '../../broker/messages.ts';
import { type Deadband, deadbandOf } from '../drop-in/deadband.ts';
import type { Watch } from '../watch.ts';
import { isOn, SENSES, type Senses } from './all-senses.ts';
import { DisksSense } from './disks.ts';
import { GroupsSense } from './groups.ts';
import { ProcFiles } from './proc-files.ts';
import { ProcessesSense } from './processes.ts';
import type { Reading, Sense } from './sense.ts';

/** All senses' readings at one moment, in the order of the schema's metrics. */
export interface Sample {
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly schema: number;
  readonly readings: readonly Reading[];
}

/** How often a sense failed since the start, and how it failed last. */
export interface Fault {
  readonly sense: string;
  readonly count: number;
  readonly message: string;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
  /** Milliseconds that never jump. */
  readonly monotonic: () => number;
}

export const systemClock: Clock = { wall: () => Date.now(), monotonic: () => performance.now() };

/**
 * Runs every sense that is on, and keeps the order of the metrics. The schema's number grows whenever the set of metrics changes:
 * frames name it, and a reader needs the birth of the same number to read them.
 */
export class Sensor {
  readonly proc: ProcFiles;
  readonly watch: Watch;
  readonly processes: ProcessesSense;
  readonly groups: GroupsSense;
  readonly disks: DisksSense;
  readonly #host: Senses;
  readonly #clock: Clock;
  readonly #extra: readonly Sense[];
  /** The senses that run, by name. */
  readonly #running = new Map<string, Sense>();
  /** What each sense said last: the shape of its nulls when it fails. */
  readonly #last = new Map<string, readonly Reading[]>();
  readonly #faults = new Map<string, Fault>();
  #metrics: readonly Metric[] = [];
  #deadbands: readonly Deadband[] = [];
  /** What the site had switched when it was last looked at, and what it wants by that. */
  #switched: { readonly by: ReadonlyMap<string, boolean>; readonly wanted: ReadonlySet<string> } | null = null;
  #schema = 0;

  /** `extra` senses run last; tests pass faulty ones. */
  constructor(options: {
    readonly proc: ProcFiles;
    readonly watch: Watch;
    readonly cores: number;
    readonly clock?: Clock;
    /** Files under /sys. */
    readonly sys?: ProcFiles;
    /** A folder for what senses must know after a restart. */
    readonly state?: string;
    readonly aheadOfHub?: () => number | null;
    readonly extra?: readonly Sense[];
  }) {
    const { proc, watch, cores, clock = systemClock, extra = [], sys = new ProcFiles('/sys') } = options;
    this.proc = proc;
    this.watch = watch;
    this.#clock = clock;
    this.processes = new ProcessesSense(proc);
    this.groups = new GroupsSense(proc, this.processes, () => watch.groups());
    this.disks = new DisksSense(proc);
    this.#extra = extra;
    const { processes, groups, disks } = this;
    const { wall, monotonic } = clock;
    const { state, aheadOfHub = () => null } = options;
    this.#host = { proc, sys, watch, cores, wall, monotonic, state, aheadOfHub, processes, groups, disks };
  }

  /** The metrics of the current schema, in the order of a sample's readings. */
  metrics(): readonly Metric[] {
    return this.#metrics;
  }

  /** 0 before the first sample, then 1 and up. */
  schema(): number {
    return this.#schema;
  }

  faults(): readonly Fault[] {
    return [...this.#faults.values()];
  }

  /** The sense of a class, where it is on: for what it knows beside its numbers. */
  find<T extends Sense>(kind: abstract new (...args: never[]) => T): T | undefined {
    for (const sense of this.#running.values()) if (sense instanceof kind) return sense;
    return undefined;
  }

  /** Ends what senses hold open. */
  close(): void {
    for (const sense of this.#running.values()) sense.close?.();
    this.#running.clear();
    this.proc.close();
  }

  /** Looks at the host once. Never throws: a fault in one sense is a gap in its metrics alone. */
  async sample(): Promise<Sample> {
    this.watch.refresh();
    const readings: Reading[] = [];
    const wanted = this.#switch();
    for (const [name, sense] of this.#running) {
      const said = await this.#ask(sense);
      if (wanted.has(name)) readings.push(...said);
    }
    for (const sense of this.#extra) readings.push(...(await this.#ask(sense)));
    const kept = readings.slice(0, LIMITS.metrics);
    this.#settle(kept);
    return { ts: this.#clock.wall(), schema: this.#schema, readings: kept };
  }

  /** Starts and ends senses as the site says now; the names of those whose metrics it wants. */
  #switch(): ReadonlySet<string> {
    const { senses } = this.watch.declared();
    if (this.#switched?.by === senses && this.#running.size > 0) return this.#switched.wanted;
    const wanted = new Set(Object.keys(SENSES).filter((name) => isOn(name, senses)));
    this.#switched = { by: senses, wanted };
    const needed = new Set([...wanted].flatMap((name) => [name, SENSES[name]?.needs ?? name]));
    if (needed.size === this.#running.size && [...needed].every((name) => this.#running.has(name))) return wanted;
    for (const [name, sense] of this.#running) if (!needed.has(name)) sense.close?.();
    // Made anew in the order of the list: metrics stand where they stood before.
    const before = new Map(this.#running);
    this.#running.clear();
    for (const [name, { make }] of Object.entries(SENSES)) {
      if (needed.has(name)) this.#running.set(name, before.get(name) ?? make(this.#host));
    }
    return wanted;
  }

  /** Reads all processes once more, those who sleep included: before a snapshot names some of them. */
  lookAgain(): void {
    const now = this.#clock.monotonic();
    try {
      this.processes.wakeAll();
      if (this.#running.has('processes')) this.processes.sample(now);
      if (this.#running.has('groups')) this.groups.sample(now);
    } catch {
      // The table of the sample stands.
    }
  }

  async #ask(sense: Sense): Promise<readonly Reading[]> {
    try {
      const said = sense.sample(this.#clock.monotonic());
      // Most answer at once: a wait for each would cost more than what it waits for.
      const readings = (said instanceof Promise ? await said : said).map(finite);
      this.#last.set(sense.name, readings);
      return readings;
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      const count = (this.#faults.get(sense.name)?.count ?? 0) + 1;
      this.#faults.set(sense.name, { sense: sense.name, count, message: message.slice(0, 200) });
      return (this.#last.get(sense.name) ?? []).map((reading) => ({ ...reading, value: null }));
    }
  }

  #settle(readings: readonly Reading[]): void {
    const { deadband: deadbands } = this.watch.declared();
    const same =
      deadbands === this.#deadbands &&
      readings.length === this.#metrics.length &&
      readings.every(({ name }, i) => name === this.#metrics[i]?.name);
    if (same && this.#schema > 0) return;
    this.#deadbands = deadbands;
    const metrics = readings.map(({ name, unit, scale }) => {
      const deadband = deadbandOf(deadbands, name);
      return { name, unit, scale, ...(deadband === undefined ? {} : { deadband }) };
    });
    // A file that was changed elsewhere declares the same deadbands anew.
    if (this.#schema > 0 && JSON.stringify(metrics) === JSON.stringify(this.#metrics)) return;
    this.#schema++;
    this.#metrics = metrics;
  }
}

const finite = (reading: Reading): Reading =>
  reading.value === null || Number.isFinite(reading.value) ? reading : { ...reading, value: null };
