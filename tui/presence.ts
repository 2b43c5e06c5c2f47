import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { StateFolder } from '../broker/state-folder.ts';
import { type Acting, askHub } from '../hub/acts/client.ts';
import type { Response } from '../hub/acts/protocol.ts';
import type { Thinking } from '../hub/reason/thinking.ts';

/** So often a screen says what it looks at; the hub forgets it after a little more than twice that. */
const SAY_MS = 5_000;
/** While the incident is being diagnosed: what a model writes is read along. */
const READ_ALONG_MS = 1_000;

/**
 * Tells the hub which incident this screen shows, and knows who else looks at it and what is being thought about it. A hub
 * that is away changes nothing.
 */
export class Presence {
  readonly #folder: StateFolder;
  readonly #operator: Acting;
  readonly #isDiagnosing: (incident: string) => boolean;
  readonly #changed: () => void;
  readonly #session = randomBytes(8).toString('hex');
  #incident: string | null = null;
  #others: readonly string[] = [];
  #thinking: readonly Thinking[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    folder: StateFolder,
    operator: Acting,
    { isDiagnosing, changed }: { readonly isDiagnosing: (incident: string) => boolean; readonly changed: () => void },
  ) {
    this.#folder = folder;
    this.#operator = operator;
    this.#isDiagnosing = isDiagnosing;
    this.#changed = changed;
  }

  get others(): readonly string[] {
    return this.#others;
  }

  /** What each reasoner that is at work on the incident has written so far: data of the far side, as any other. */
  get thinking(): readonly Thinking[] {
    return this.#thinking;
  }

  look(incident: string | null): void {
    if (incident === this.#incident) return;
    this.#incident = incident;
    this.#others = [];
    this.#thinking = [];
    clearTimeout(this.#timer);
    // Saying so takes a signature each time, and a token would ask for a touch.
    if (incident !== null && this.#operator.isTouched !== true) void this.#keepSaying(incident);
  }

  close(): void {
    this.#incident = null;
    clearTimeout(this.#timer);
  }

  async #keepSaying(incident: string): Promise<void> {
    await this.#say(incident);
    if (incident !== this.#incident) return;
    const pace = this.#isDiagnosing(incident) ? READ_ALONG_MS : SAY_MS;
    this.#timer = setTimeout(() => void this.#keepSaying(incident), pace);
  }

  async #say(incident: string): Promise<void> {
    const session = this.#session;
    const { looking = [], thinking = [] } = await askHub(this.#folder, this.#operator, {
      verb: 'look',
      incident,
      session,
    }).catch((): Partial<Response> => ({}));
    // An answer about what was looked at before says nothing.
    if (incident !== this.#incident) return;
    const isSame = looking.join() === this.#others.join() && isDeepStrictEqual(thinking, this.#thinking);
    this.#others = looking;
    this.#thinking = thinking;
    if (!isSame) this.#changed();
  }
}
