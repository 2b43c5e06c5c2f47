import type { LinkHealth } from '../store/store.ts';

/** What came of one agent since its presence was written last. */
interface Noted {
  readonly late: number | null;
  readonly stored: number | null;
}

const NOTHING: Noted = { late: null, stored: null };
const worse = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));

/**
 * How the telemetry of each agent comes, between two writings of its presence: the worst of what was seen is what an
 * operator should know. At most one entry for each enrolled agent.
 */
export class LinkWatch {
  readonly #noted = new Map<string, Noted>();

  /** A batch came: its newest sample was taken so many milliseconds ago; null where the agent's clock is not known. */
  came(agent: string, late: number | null): void {
    this.#note(agent, { late: late === null ? null : Math.max(0, Math.round(late)), stored: null });
  }

  /** A batch was on the disk, and so acknowledged, so many milliseconds after it came. */
  stored(agent: string, ms: number): void {
    this.#note(agent, { late: null, stored: Math.max(0, Math.round(ms)) });
  }

  /** What is to be written of this agent now; begins anew. `through`: the newest frame of its start that is here. */
  take(agent: string, through: number): LinkHealth {
    const { late, stored } = this.#noted.get(agent) ?? NOTHING;
    this.#noted.delete(agent);
    return { late, stored, through };
  }

  #note(agent: string, { late, stored }: Noted): void {
    const before = this.#noted.get(agent) ?? NOTHING;
    this.#noted.set(agent, { late: worse(before.late, late), stored: worse(before.stored, stored) });
  }
}
