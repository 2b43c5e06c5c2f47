import { FrameWriter } from '../broker/frame-writer.ts';
import type { Metric } from '../broker/messages.ts';
import type { Sample } from './sense/sensor.ts';

/** Payloads without acknowledgement: past these the link is stuck, and telemetry is not what it is kept free for. */
const IN_FLIGHT = 8;

/** Sends samples to the hub, in frames. Nothing is waited for: a slow hub must not slow the sensing. */
export class Telemetry {
  private readonly writer: FrameWriter;
  private readonly publish: (payload: Uint8Array) => Promise<boolean>;
  private readonly inFlight = new Set<Promise<void>>();

  /** `publish` answers whether the broker acknowledged the payload; it never throws. */
  constructor(options: {
    readonly boot: string;
    readonly secretHash: Uint8Array;
    readonly batch: number;
    readonly publish: (payload: Uint8Array) => Promise<boolean>;
  }) {
    this.writer = new FrameWriter(options);
    this.publish = options.publish;
  }

  say({ schema, ts, readings }: Sample, metrics: readonly Metric[]): void {
    if (this.inFlight.size >= IN_FLIGHT) {
      this.skip();
      return;
    }
    const values = readings.map(({ value }) => value);
    for (const payload of this.writer.add({ schema, ts, values }, metrics)) this.send(payload);
  }

  /** A sample that nobody hears of: the hub will see that it is missing. */
  skip(): void {
    this.writer.skip();
  }

  /** After every greeting: this hub may know nothing of what was said before. */
  restart(): void {
    this.writer.restart();
  }

  /** Sends what waits for its batch to fill; resolves when all that is under way was acknowledged or lost. */
  async flush(): Promise<void> {
    for (const payload of this.writer.flush()) this.send(payload);
    await Promise.all(this.inFlight);
  }

  private send(payload: Uint8Array): void {
    const sending = this.publish(payload).then((acknowledged) => {
      // Perhaps lost, and then every delta after it is dropped: a keyframe costs less than 20 gaps.
      if (!acknowledged) this.writer.restart();
      this.inFlight.delete(sending);
    });
    this.inFlight.add(sending);
  }
}
