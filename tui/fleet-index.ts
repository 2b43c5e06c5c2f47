import type { Birth, Metric } from '../broker/messages.ts';
import type { Presence, Store } from '../hub/store/store.ts';
import type { HostRow } from './desk.ts';

/** Without telemetry for so long a host is silent, whatever it said last. */
const SILENT_MS = 90_000;
/** Births that are read at once at the start, and then at a time: one of a large host takes a third of a millisecond. */
const FIRST = 200;
const SLICE = 50;
/** Births that are looked at for a change at each refresh, one after the other. */
const CHECKED = 200;
/** Of more hosts than this, who is there is looked at less often: to read 10,000 takes some 20 ms. */
const MANY = 1_000;
const MANY_MS = 2_500;

/** The metrics that every host's line shows, in this order; then whatever the site watches by name. */
const GAUGES = ['cpu.percent', 'memory.used_percent', 'load.1m', 'disk.used_percent[/]'];
const WATCHED = /^(group\.(memory_mib|cpu_percent|restarts_per_minute)|folder\.used_mib)\[/;

/** What the fleet's lines need of a birth, which is large. */
export interface HostFacts {
  readonly boot: string;
  /** Under which start it was there when its birth was read, and which birth of that start it was. */
  readonly seen: string;
  readonly count: number;
  readonly live: boolean;
  readonly privileged: boolean;
  readonly tags: readonly string[];
  /** The metrics worth a sparkline. */
  readonly metrics: readonly Pick<Metric, 'name' | 'unit'>[];
  readonly ring: Birth['ring'];
  readonly frames: Birth['frames'];
}

/** The hosts of a store as rows, by name, kept up to date without reading their births again. */
export class FleetIndex {
  readonly #store: Store;
  readonly #facts = new Map<string, HostFacts>();
  #rows: readonly HostRow[] = [];
  #unread: string[] = [];
  /** Hosts that are there without a birth, with their start: nothing can be read of them. */
  readonly #unborn = new Set<string>();
  #checked = 0;
  #looked = Number.NEGATIVE_INFINITY;

  constructor(store: Store, now: number) {
    this.#store = store;
    this.refresh(now);
    this.#read(FIRST);
    this.#look(now);
  }

  /** Another array whenever something in it is another. */
  get rows(): readonly HostRow[] {
    return this.#rows;
  }

  /** Births are still to be read: call `more`. */
  get isPartial(): boolean {
    return this.#unread.length > 0;
  }

  facts(agent: string): HostFacts | undefined {
    return this.#facts.get(agent);
  }

  /** Reads some of the births that are still to be read. */
  more(now: number): void {
    this.#read(SLICE);
    this.#look(now);
  }

  /** Takes in who is there; the store was refreshed before. */
  refresh(now: number): void {
    if (this.#rows.length > MANY && Math.abs(now - this.#looked) < MANY_MS) return;
    this.#look(now);
    this.#check();
    // What is new is few: it is there at once.
    if (this.#unread.length > 0 && this.#unread.length <= SLICE) this.more(now);
  }

  #look(now: number): void {
    this.#looked = now;
    const unread: string[] = [];
    const rows: HostRow[] = [];
    let isSame = true;
    for (const { key: agent, value: presence } of this.#store.presence.getRange({})) {
      const facts = this.#facts.get(agent);
      const isRead = facts === undefined ? this.#unborn.has(`${agent} ${presence.boot}`) : facts.seen === presence.boot;
      if (!isRead) unread.push(agent);
      if (facts === undefined) continue;
      const before = this.#rows[rows.length];
      const row = rowOf(agent, presence, facts, now);
      const same = before !== undefined && isAlike(before, row);
      rows.push(same ? before : row);
      isSame &&= same;
    }
    this.#unread = unread;
    if (!isSame || rows.length !== this.#rows.length) this.#rows = rows;
  }

  /** An agent says its birth again, under the same start, when its metrics or its tags are others. */
  #check(): void {
    const rows = this.#rows;
    for (let i = 0; i < Math.min(CHECKED, rows.length); i++) {
      const agent = rows[this.#checked++ % rows.length]?.agent ?? '';
      const facts = this.#facts.get(agent);
      if (facts === undefined) continue;
      const count = this.#store.handled.get([agent, facts.boot, 'b']) ?? 0;
      if (count !== facts.count && !this.#unread.includes(agent)) this.#unread.push(agent);
    }
  }

  #read(most: number): void {
    for (const agent of this.#unread.splice(0, most)) {
      const birth = this.#store.births.get(agent);
      const presence = this.#store.presence.get(agent);
      if (presence === undefined) continue;
      if (birth === undefined) {
        this.#unborn.add(`${agent} ${presence.boot}`);
        continue;
      }
      const { boot, host, can, metrics, ring, frames } = birth;
      const names = new Map(metrics.map((metric) => [metric.name, metric]));
      const shown = [...GAUGES, ...[...names.keys()].filter((name) => WATCHED.test(name))];
      this.#facts.set(agent, {
        boot,
        seen: presence.boot,
        count: this.#store.handled.get([agent, boot, 'b']) ?? 0,
        live: can.live,
        privileged: can.privileged,
        tags: host.tags,
        metrics: shown.flatMap((name) => names.get(name) ?? []).map(({ name, unit }) => ({ name, unit })),
        ring,
        frames,
      });
    }
  }
}

function rowOf(agent: string, { state, last_seen }: Presence, facts: HostFacts, now: number): HostRow {
  const isSilent = state === 'online' && now - last_seen > SILENT_MS;
  const { live, privileged, tags } = facts;
  return { agent, state: isSilent ? 'silent' : state, lastSeen: last_seen, live, privileged, tags };
}

const isAlike = (a: HostRow, b: HostRow): boolean =>
  a.agent === b.agent &&
  a.state === b.state &&
  a.lastSeen === b.lastSeen &&
  a.live === b.live &&
  a.privileged === b.privileged &&
  a.tags === b.tags;
