import { auditHead, readAudit } from '../hub/chain/audit.ts';
import { getIncident } from '../hub/store/incidents.ts';
import type { IncidentSummary, Store } from '../hub/store/store.ts';

/** At once, at the start: more than any screen shows. */
const FIRST = 500;
/** Of the older ones so many at a time, so that keys are answered in between. */
const SLICE = 2_000;
/** The newest incidents that a screen lists; what is older is found with `sentinel incident list`. */
export const LISTED = 100_000;
/** When more records than this were written since the last look, everything is read again. */
const CATCH_UP = 5_000;

/**
 * The incidents of a store as list rows, newest first, kept up to date without reading them all again: every transition
 * has its record in the audit chain, so the records since the last look name what has changed.
 */
export class IncidentIndex {
  readonly #store: Store;
  #rows: readonly IncidentSummary[] = [];
  readonly #catchUp: number;
  #seen = 0;
  /** Key of the oldest row that was read; null when all are. */
  #oldest: [number, string] | null = null;

  /** `catchUp`: after more new records than this everything is read again. */
  constructor(store: Store, catchUp = CATCH_UP) {
    this.#store = store;
    this.#catchUp = catchUp;
    this.#begin();
  }

  /** Newest first; another array whenever something in it is another. */
  get rows(): readonly IncidentSummary[] {
    return this.#rows;
  }

  /** Older incidents are still to be read: call `more`. */
  get isPartial(): boolean {
    return this.#oldest !== null;
  }

  /** Reads on towards the older ones. */
  more(): void {
    if (this.#oldest === null) return;
    const from = this.#oldest;
    const read = this.#rows.filter((row) => !isOlder(row, from));
    const older = this.#read(from, Math.min(SLICE, LISTED - read.length));
    const all = [...read, ...older];
    this.#oldest = older.length < SLICE || all.length >= LISTED ? null : keyOf(older.at(-1));
    this.#rows = this.#withBefore(all);
  }

  /** Takes in what was written since; the store was refreshed before. */
  refresh(): void {
    const { count } = auditHead(this.#store);
    if (count === this.#seen) return;
    // A chain that is shorter than it was belongs to another store.
    if (count < this.#seen || count - this.#seen > this.#catchUp) {
      if (count < this.#seen) this.#rows = [];
      this.#begin();
      return;
    }
    const changed = this.#changedSince(this.#seen);
    this.#seen = count;
    const rows: IncidentSummary[] = [];
    for (const row of this.#rows) {
      if (!changed.delete(row.id)) rows.push(row);
      else rows.push(this.#store.summaries.get([row.opened, row.id]) ?? row);
    }
    const fresh = [...changed].flatMap((id) => this.#summary(id) ?? []);
    if (fresh.length === 0 && rows.every((row, i) => row === this.#rows[i])) return;
    this.#rows = fresh.length === 0 ? rows : [...fresh, ...rows].sort(newestFirst);
  }

  #begin(): void {
    this.#seen = auditHead(this.#store).count;
    const newest = this.#read(undefined, FIRST);
    this.#oldest = newest.length < FIRST ? null : keyOf(newest.at(-1));
    this.#rows = this.#withBefore(newest);
  }

  /** What was listed before stands behind what was read anew until it is read again: what is selected stays there. */
  #withBefore(read: readonly IncidentSummary[]): readonly IncidentSummary[] {
    const oldest = this.#oldest;
    return oldest === null ? read : [...read, ...this.#rows.filter((row) => isOlder(row, oldest))];
  }

  #read(before: [number, string] | undefined, limit: number): IncidentSummary[] {
    const start = before === undefined ? {} : { start: before, exclusiveStart: true };
    return [...this.#store.summaries.getRange({ reverse: true, limit, ...start })].map(({ value }) => value);
  }

  #changedSince(seen: number): Set<string> {
    const ids = new Set<string>();
    for (const { value } of this.#store.audit.getRange({ start: seen + 1 })) {
      try {
        const { incident } = readAudit(value);
        if (typeof incident === 'string') ids.add(incident);
      } catch {
        // A record that does not read is the chain check's to report.
      }
    }
    return ids;
  }

  /** The row of an incident that is not in the list: a new one, or one that is too old for it. */
  #summary(id: string): IncidentSummary | undefined {
    const incident = getIncident(this.#store, id);
    if (incident === undefined) return undefined;
    const oldest = this.#rows.at(-1);
    if (this.#oldest !== null && oldest !== undefined && incident.opened < oldest.opened) return undefined;
    return this.#store.summaries.get([incident.opened, id]);
  }
}

const newestFirst = (a: IncidentSummary, b: IncidentSummary) => b.opened - a.opened || (a.id < b.id ? 1 : -1);

const isOlder = (row: IncidentSummary, [opened, id]: readonly [number, string]): boolean =>
  row.opened < opened || (row.opened === opened && row.id < id);

const keyOf = (row: IncidentSummary | undefined): [number, string] | null =>
  row === undefined ? null : [row.opened, row.id];
