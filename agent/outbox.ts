import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../broker/durable-file.ts';

/** More than a month of trouble on one host; past it the oldest goes, and the birth says how many went. */
const KEPT_MAX = 2_000;

/** One message that the hub has not yet said to have stored. */
export interface Waiting {
  readonly boot: string;
  readonly seq: number;
  readonly channel: 'e' | 'r';
  readonly payload: Uint8Array;
}

const NAME = /^(\d{10})-([0-9a-f]{16})-(\d{10})-([er])$/;

/**
 * Events and results on disk, a file each, until the hub's signed stored-through covers them: what a lost link, a
 * killed hub or a killed agent can't lose (invariant 9). File names sort in the order in which they were written.
 */
export class Outbox {
  dropped = 0;
  private readonly folder: string;
  private readonly waiting = new Map<string, Waiting>();
  private order: number;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    const names = readdirSync(folder)
      .filter((name) => NAME.test(name))
      .sort();
    for (const name of names) {
      const [, , boot = '', seq, channel] = NAME.exec(name) ?? [];
      const payload = new Uint8Array(readFileSync(join(folder, name)));
      this.waiting.set(name, { boot, seq: Number(seq), channel: channel === 'r' ? 'r' : 'e', payload });
    }
    this.order = Number(NAME.exec(names.at(-1) ?? '')?.[1] ?? 0);
  }

  /** Oldest first. */
  all(): readonly Waiting[] {
    return [...this.waiting.values()];
  }

  /** On the disk when it returns. Throws when the disk does not take it: then it waits in memory alone. */
  add(message: Waiting): void {
    const digits = (n: number) => String(n).padStart(10, '0');
    const name = `${digits(++this.order)}-${message.boot}-${digits(message.seq)}-${message.channel}`;
    this.waiting.set(name, message);
    this.forgetOldest();
    writeDurably(join(this.folder, name), message.payload);
  }

  private forgetOldest(): void {
    const [oldest] = this.waiting.keys();
    if (this.waiting.size > KEPT_MAX && oldest !== undefined) {
      this.remove(oldest);
      this.dropped++;
    }
  }

  /** The hub has stored everything of this boot up to `through`. */
  stored(boot: string, through: number): void {
    for (const [name, message] of this.waiting) {
      if (message.boot === boot && message.seq <= through) this.remove(name);
    }
  }

  private remove(name: string): void {
    this.waiting.delete(name);
    rmSync(join(this.folder, name), { force: true });
  }
}
