import type { LinkHealth } from '../store/store.ts';

/** What came of one agent since its presence was written last; kept in place, since every message changes it twice. */
interface Noted {
  late: number | null;
  stored: number | null;
}

const NOTHING: Noted = { late: null, stored: null };

/**
 * How the telemetry of each agent comes, between two writings of its presence: the worst of what was seen is what an
 * operator should know. At most one entry for each enrolled agent.
 */
export class LinkWatch {
  readonly #noted = new Map<string, Noted>();

  /** A batch came: its newest sample was taken so many milliseconds ago; null where the agent's clock is not known. */
  came(agent: string, late: number | null): void {
    if (late === null) return;
    const noted = this.#of(agent);
    noted.late = Math.max(noted.late ?? 0, Math.round(late));
  }

  /** A batch was on the disk, and so acknowledged, so many milliseconds after it came. */
  stored(agent: string, ms: number): void {
    const noted = this.#of(agent);
    noted.stored = Math.max(noted.stored ?? 0, Math.round(ms));
  }

  /** What is to be written of this agent now; begins anew. `through`: the newest frame of its start that is here. */
  take(agent: string, through: number): LinkHealth {
    const { late, stored } = this.#noted.get(agent) ?? NOTHING;
    this.#noted.delete(agent);
    return { late, stored, through };
  }

  #of(agent: string): Noted {
    const known = this.#noted.get(agent);
    if (known !== undefined) return known;
    const noted = { ...NOTHING };
    this.#noted.set(agent, noted);
    return noted;
  }
}
