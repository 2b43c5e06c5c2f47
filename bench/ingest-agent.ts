import { secretHash } from '../broker/enroll.ts';
import { FrameWriter } from '../test/broker/frame-writer.ts';
import * as samples from '../test/broker/samples.ts';
import { testAgent } from '../test/broker/site.ts';
import { METRICS } from './ingest-metrics.ts';

/** One agent's frames, whose values wander as a host's do: about a third change from one sample to the next. */
export class IngestAgent {
  readonly name: string;
  private readonly writer: FrameWriter;
  private readonly values = METRICS.map((_, i) => 10 + i);
  private ts = 1_700_000_000_000;

  constructor(i: number) {
    const { name, secret } = testAgent(`agent-${i}`);
    this.name = name;
    this.writer = new FrameWriter({ boot: samples.birth.boot, secretHash: secretHash(secret) });
  }

  frames(count: number): readonly Uint8Array[] {
    return Array.from({ length: count }, () => {
      this.ts += 30_000;
      for (const i of this.values.keys()) if (Math.random() < 0.33) this.values[i] = Math.random() * 100;
      return this.writer.add({ schema: samples.birth.schema, ts: this.ts, values: [...this.values] }, METRICS);
    }).flat();
  }
}
