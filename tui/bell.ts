import { WAITS_FOR_PERSON } from '../hub/incident.ts';
import type { IncidentRow } from './desk.ts';

/** Two rings are at least so far apart: a storm of incidents is one call, not a siren. */
const QUIET_MS = 10_000;
/** So many of the newest rows are looked at: what begins to wait is new, and a list may have 100,000. */
const NEWEST = 500;

/** Calls somebody who looks elsewhere: once for each incident that begins to wait for a person. */
export class Bell {
  readonly #ring: () => void;
  #waiting: ReadonlySet<string> | null = null;
  #rows: readonly IncidentRow[] = [];
  #rang = Number.NEGATIVE_INFINITY;
  #owes = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** What is listed now. What waited when the screen began calls nobody: it stands there. */
  hear(rows: readonly IncidentRow[], now: number): void {
    if (rows !== this.#rows) {
      const before = this.#waiting;
      const waiting = rows.slice(0, NEWEST).filter(({ state }) => WAITS_FOR_PERSON.has(state));
      if (before !== null && waiting.some(({ id }) => !before.has(id))) this.#owes = true;
      this.#waiting = new Set(waiting.map(({ id }) => id));
      this.#rows = rows;
    }
    if (!this.#owes || now - this.#rang < QUIET_MS) return;
    this.#owes = false;
    this.#rang = now;
    this.#ring();
  }
}
