import { FrameCoder } from '../broker/frame-coder.ts';
import { BATCH_MAX, encodeFrame, sealFrames, sealPreface } from '../broker/frame-payload.ts';
import type { Metric } from '../broker/messages.ts';
import type { Kept, Place, Ring } from './ring/ring.ts';
import type { Sample } from './sense/sensor.ts';

/** One publish: on a link of 9,600 bit/s it takes two seconds, and an alert waits for no more than one. */
const PAYLOAD_BYTES = 2_048;
/** Between publishes of a backlog: what was missed for a day comes in minutes, and a fleet's does not come as a flood. */
const REPLAY_PAUSE_MS = 50;

/**
 * Keeps samples in the ring and carries them to the hub in the order in which they were taken, one publish at a time.
 * Nothing is waited for: a slow hub must not slow the sensing.
 */
export class Telemetry {
  private readonly boot: string;
  private readonly secretHash: Uint8Array;
  private readonly batch: number;
  private readonly ring: Ring;
  private readonly publish: (payload: Uint8Array) => Promise<boolean>;
  private readonly coder = new FrameCoder();
  /** Under which columns the hub reads what comes next; null while nothing may be sent. */
  private told: { boot: string; schema: number } | null = null;
  /**
   * Whether the greeting is done. What is said between the birth and the state would be read by neither: on a slow link a
   * backlog's first batch was refused so, and its samples were lost.
   */
  private isOpen = false;
  private place: Place | null = null;
  private sending: Promise<void> | null = null;
  private hurry = false;
  /** Ends the pause between two publishes. */
  private wake: () => void = () => {};

  /** `publish` answers whether the broker acknowledged the payload; it never throws. */
  constructor(options: {
    readonly boot: string;
    readonly secretHash: Uint8Array;
    readonly batch: number;
    readonly ring: Ring;
    readonly publish: (payload: Uint8Array) => Promise<boolean>;
  }) {
    this.boot = options.boot;
    this.secretHash = options.secretHash;
    this.batch = Math.min(BATCH_MAX, Math.max(1, options.batch));
    this.ring = options.ring;
    this.publish = options.publish;
  }

  say({ schema, ts, readings }: Sample, metrics: readonly Metric[]): void {
    const { boot, ring, coder } = this;
    if (ring.prepare({ boot, schema, metrics })) coder.restart();
    const frame = coder.next({ schema, ts, values: readings.map(({ value }) => value) }, metrics);
    ring.add(coder.seq, encodeFrame(frame));
    this.go();
  }

  /** The hub knows this start under this schema, and may know nothing else: after every birth. */
  born(schema: number): void {
    this.told = { boot: this.boot, schema };
  }

  /** A connection's greeting is done: what the hub has not stored is sent, the oldest first. */
  restart(): void {
    this.isOpen = true;
    this.place = this.ring.start();
    this.go();
  }

  /** Nothing is sent until the next greeting. */
  shut(): void {
    this.isOpen = false;
    this.told = null;
    this.wake();
  }

  /** The hub has stored this start's frames so far. */
  stored(boot: string, through: number): void {
    this.ring.stored(boot, through);
  }

  /** The hub can't read on: this start's frames from there on, again. */
  again(boot: string, from: number): void {
    const place = this.ring.start({ boot, from });
    if (this.told === null || place === null) return;
    this.place = place;
    this.told = { boot: '', schema: 0 };
    this.go();
  }

  /** Sends what waits for its batch to fill; resolves when what is under way was acknowledged or lost. */
  async flush(): Promise<void> {
    this.hurry = true;
    this.wake();
    this.go();
    while (this.sending !== null) await this.sending;
    this.hurry = false;
  }

  private go(): void {
    if (this.sending !== null || this.told === null || !this.isOpen) return;
    this.sending = this.send().finally(() => {
      this.sending = null;
    });
  }

  private async send(): Promise<void> {
    for (;;) {
      this.place ??= this.ring.start();
      const { place } = this;
      const next = place === null ? null : this.ring.next(place, { frames: BATCH_MAX, bytes: PAYLOAD_BYTES });
      if (this.told === null || next === null) return;
      if (!next.more && next.frames.length < this.batch && !this.hurry) return;
      if (!(await this.carry(next))) return;
      // Asked for something again meanwhile, it goes on from there.
      if (this.place === place) this.place = next.place;
      if (next.more && !this.hurry) await this.pause();
    }
  }

  private async carry({ columns, seq, frames }: Kept & { readonly frames: readonly Uint8Array[] }): Promise<boolean> {
    const { boot, schema } = columns;
    // A birth that is said meanwhile changes how the hub reads: then the preface comes once more.
    while (this.told !== null && (this.told.boot !== boot || this.told.schema !== schema)) {
      this.told = { boot, schema };
      if (!(await this.publish(sealPreface(columns, this.secretHash)))) return false;
    }
    return this.publish(sealFrames(seq, frames, boot, this.secretHash));
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), REPLAY_PAUSE_MS + Math.random() * REPLAY_PAUSE_MS);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
