import type { Outbox, Waiting } from './outbox.ts';

/**
 * Carries the outbox to the hub: oldest first, one at a time, each once in a connection. The order is not a nicety: the
 * hub takes a higher number as word that the lower ones were stored, so one that overtakes would lose the others.
 */
export class Sender {
  private readonly outbox: Outbox;
  private readonly publish: (message: Waiting) => Promise<boolean>;
  private isOpen = false;
  private sent = new WeakSet<Waiting>();
  private sending: Promise<void> = Promise.resolve();

  /** `publish` answers whether the broker acknowledged the message; it never throws. */
  constructor(outbox: Outbox, publish: (message: Waiting) => Promise<boolean>) {
    this.outbox = outbox;
    this.publish = publish;
  }

  /** The hub hears this agent now, and knows nothing of what was sent before. */
  open(): void {
    this.isOpen = true;
    this.sent = new WeakSet();
    void this.flush();
  }

  shut(): void {
    this.isOpen = false;
  }

  /** Resolves when everything that waits now was sent, or could not be. */
  flush(): Promise<void> {
    this.sending = this.sending.then(async () => {
      for (const message of this.outbox.all()) {
        if (!this.isOpen) return;
        if (this.sent.has(message)) continue;
        const { sent } = this;
        if (!(await this.publish(message))) return;
        sent.add(message);
      }
    });
    return this.sending;
  }
}
