import { randomBytes } from 'node:crypto';
import type { StateFolder } from '../broker/state-folder.ts';
import { type Acting, askHub } from '../hub/acts/client.ts';

/** So often a screen says what it looks at; the hub forgets it after a little more than twice that. */
const SAY_MS = 5_000;

/** Tells the hub which incident this screen shows, and knows who else looks at it. A hub that is away changes nothing. */
export class Presence {
  readonly #folder: StateFolder;
  readonly #operator: Acting;
  readonly #changed: () => void;
  readonly #session = randomBytes(8).toString('hex');
  #incident: string | null = null;
  #others: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: StateFolder, operator: Acting, changed: () => void) {
    this.#folder = folder;
    this.#operator = operator;
    this.#changed = changed;
  }

  get others(): readonly string[] {
    return this.#others;
  }

  look(incident: string | null): void {
    if (incident === this.#incident) return;
    this.#incident = incident;
    this.#others = [];
    clearInterval(this.#timer);
    if (incident === null) return;
    this.#timer = setInterval(() => void this.#say(incident), SAY_MS);
    void this.#say(incident);
  }

  close(): void {
    this.#incident = null;
    clearInterval(this.#timer);
  }

  async #say(incident: string): Promise<void> {
    const session = this.#session;
    const heard = await askHub(this.#folder, this.#operator, { verb: 'look', incident, session }).then(
      ({ looking = [] }) => looking,
      () => [],
    );
    // An answer about what was looked at before says nothing.
    if (incident !== this.#incident || heard.join() === this.#others.join()) return;
    this.#others = heard;
    this.#changed();
  }
}
