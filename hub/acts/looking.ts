/** A session that has not said so again within this is gone: twice the pace at which screens say it, and a little. */
const LOOKS_MS = 12_000;
/** Sessions at once: operators of one site, each with some screens. Past it the oldest is forgotten. */
const SESSIONS = 256;

interface Look {
  readonly by: string;
  readonly incident: string;
  readonly until: number;
}

/** Who looks at which incident now: in memory alone, since it means nothing a moment later. */
export class Looking {
  readonly #sessions = new Map<string, Look>();

  /**
   * A session looks at an incident. Answers the names of the others who do, each once; one's own name is in it when
   * one looks from another session too. `now` is in milliseconds.
   */
  note(session: string, by: string, incident: string, now: number): readonly string[] {
    this.#sessions.delete(session);
    for (const [one, { until }] of this.#sessions) if (until <= now) this.#sessions.delete(one);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    const others = [...this.#sessions.values()].filter((look) => look.incident === incident).map((look) => look.by);
    this.#sessions.set(session, { by, incident, until: now + LOOKS_MS });
    return [...new Set(others)];
  }
}
