import { hubTopic } from '../broker/topics.ts';
import type { Request } from './exec/protocol.ts';
import type { Trust } from './trust.ts';

type Signed = Pick<Request, 'roster' | 'ack' | 'halt' | 'checkpoint'>;

/**
 * What the hub tells every agent, retained: the roster, the audit checkpoint and the halt. They arrive in any order, and
 * before the first roster nothing can be checked, so what comes earlier waits for it.
 */
export class SiteWords {
  readonly #trust: Trust;
  readonly #halted: (roster: Uint8Array, halt: Uint8Array) => void;
  readonly #changed: (word: Pick<Signed, 'roster' | 'checkpoint'>) => void;
  readonly #early = new Map<string, Uint8Array>();
  /** Of the checkpoint that is kept. */
  #told = { epoch: 0, count: 0 };
  #signed: Signed = { roster: new Uint8Array() };

  /**
   * `halted` is called when a halt that the hub signed begins, with the messages as they came; `changed` with a new roster, or
   * a new checkpoint and the roster that it is checked with.
   */
  constructor(
    trust: Trust,
    halted: (roster: Uint8Array, halt: Uint8Array) => void,
    changed: (word: Pick<Signed, 'roster' | 'checkpoint'>) => void = () => {},
  ) {
    this.#trust = trust;
    this.#halted = halted;
    this.#changed = changed;
  }

  /** The newest signed messages, as they came: what an executor checks an order with. */
  get signed(): Signed {
    return this.#signed;
  }

  /** Throws what Trust throws, for a roster that the site root did not sign or an older one. */
  hearRoster(payload: Uint8Array): void {
    this.#trust.learnRoster(payload);
    this.#signed = { ...this.#signed, roster: payload };
    this.#changed({ roster: payload });
    const early = [...this.#early];
    this.#early.clear();
    // One that is refused must not take the others with it.
    const refused = early.flatMap(([topic, word]) => {
      try {
        this.hear(topic, word);
        return [];
      } catch (error) {
        return [error];
      }
    });
    if (refused.length > 0) throw refused[0];
  }

  /** A checkpoint or a halt; throws what Trust throws for one that the hub did not sign, that goes back, or whose time is not believed. */
  hear(topic: string, payload: Uint8Array): void {
    if (!this.#trust.hasRoster) {
      this.#early.set(topic, payload);
      return;
    }
    if (topic === hubTopic('ckpt')) {
      const { checkpoint, doubt } = this.#trust.learnCheckpoint(payload);
      const { epoch, audit_head } = checkpoint;
      const { count } = audit_head;
      // An old one says less of what is revoked.
      const isOld = epoch === this.#told.epoch && count < this.#told.count;
      if (!isOld) {
        this.#told = { epoch, count };
        this.#signed = { ...this.#signed, checkpoint: payload };
        this.#changed({ roster: this.#signed.roster, checkpoint: payload });
      }
      if (doubt !== null) throw doubt;
      return;
    }
    const halted = this.#trust.learnHalt(payload);
    this.#signed = { ...this.#signed, halt: payload };
    if (halted) this.#halted(this.#signed.roster, payload);
  }

  /** An ack that was checked. */
  keepAck(payload: Uint8Array): void {
    this.#signed = { ...this.#signed, ack: payload };
  }
}
