import type { Outbox, Waiting } from './outbox/outbox.ts';

/** Between messages of a backlog: a fleet that was cut off must not come back as a flood. */
const REPLAY_PAUSE_MS = 50;

/**
 * Carries the outbox to the hub, one message at a time, each once in a connection. What is new goes before what waited,
 * and of what waited the newest trouble first: who was cut off for a day says what is wrong now. Within a lane the oldest
 * goes first, whatever is newer: a recovery must not arrive before its anomaly, nor a step's result after the next one's.
 */
export class Sender {
  private readonly outbox: Outbox;
  private readonly publish: (channel: Waiting['channel'], payload: Uint8Array) => Promise<boolean>;
  private isOpen = false;
  private sent = new WeakSet<Waiting>();
  /** The newest message that waited when the connection began: from there on back it is a backlog. */
  private backlog = 0;
  private sending: Promise<void> | null = null;
  private hurry = false;
  /** Ends the pause between two messages. */
  private wake: () => void = () => {};

  /** `publish` answers whether the broker acknowledged the message; it never throws. */
  constructor(outbox: Outbox, publish: (channel: Waiting['channel'], payload: Uint8Array) => Promise<boolean>) {
    this.outbox = outbox;
    this.publish = publish;
  }

  /** The hub hears this agent now, and knows nothing of what was sent before. */
  open(): void {
    this.isOpen = true;
    this.sent = new WeakSet();
    this.backlog = this.outbox.waiting().at(-1)?.order ?? 0;
    this.go();
  }

  shut(): void {
    this.isOpen = false;
    this.wake();
  }

  /** A message was added. */
  go(): void {
    this.wake();
    this.sending ??= this.send().finally(() => {
      this.sending = null;
    });
  }

  /** Resolves when everything that waits now was sent, without a pause, or could not be. */
  async flush(): Promise<void> {
    this.hurry = true;
    this.go();
    while (this.sending !== null) await this.sending;
    this.hurry = false;
  }

  private async send(): Promise<void> {
    for (;;) {
      const { sent } = this;
      const next = this.isOpen ? this.next() : undefined;
      if (next === undefined) return;
      const payload = this.outbox.payload(next);
      if (payload !== null && !(await this.publish(next.channel, payload))) return;
      sent.add(next);
      if (next.order <= this.backlog) await this.pause();
    }
  }

  /** The oldest of the lane in which the newest message waits. */
  private next(): Waiting | undefined {
    const unsent = this.outbox.waiting().filter((one) => !this.sent.has(one));
    const newest = unsent.at(-1);
    return unsent.find(({ lane, channel }) => lane === newest?.lane && channel === newest.channel);
  }

  private pause(): Promise<void> {
    if (this.hurry) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), REPLAY_PAUSE_MS * (1 + Math.random()));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
