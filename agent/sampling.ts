import type { Log } from '../broker/log.ts';
import { capture } from './capture.ts';
import type { Detector } from './detect/detector.ts';
import type { Finding } from './detect/finding.ts';
import type { Gateway } from './gateway/gateway.ts';
import type { Growth } from './growth.ts';
import type { Learned } from './learned.ts';
import type { Presence } from './presence.ts';
import type { Ring } from './ring/ring.ts';
import type { Sensor } from './sense/sensor.ts';
import type { Telemetry } from './telemetry.ts';
import type { Voice } from './voice.ts';

export interface SamplingParts {
  readonly sensor: Sensor;
  readonly detector: Detector;
  readonly learned: Learned;
  readonly growth: Growth;
  readonly voice: Voice;
  readonly presence: Presence;
  readonly telemetry: Telemetry;
  readonly ring: Ring;
  /** Speaks for devices as well; null for an agent of its host alone. */
  readonly gateway: Gateway | null;
  /** Milliseconds between samples. */
  readonly interval: number;
  readonly complain: (error: Error) => void;
  readonly log: Log;
}

/**
 * One sample after another: senses -> detector -> for an anomaly a snapshot, and the event to the voice; then a new birth
 * where the metrics changed, and the numbers to the telemetry.
 */
export class Sampling {
  readonly #parts: SamplingParts;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: SamplingParts) {
    this.#parts = parts;
  }

  /** Samples once now, then so long after each that has ended. */
  start(): void {
    const tick = () => {
      this.#running = this.#sample().catch((error: unknown) => {
        this.#parts.log.error('a sample failed', { why: error instanceof Error ? error.message : String(error) });
      });
      this.#timer = setTimeout(() => void this.#running.then(tick), this.#parts.interval);
    };
    tick();
  }

  /** Resolves when the sample that is being taken has ended, and no other will be. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    clearTimeout(this.#timer);
  }

  async #sample(): Promise<void> {
    const { sensor, detector, learned, growth, presence, telemetry, ring, complain } = this.#parts;
    const sample = await sensor.sample();
    detector.tags = sensor.watch.declared().tags;
    const findings = detector.feed(sample.ts, sample.readings);
    learned.keep(detector);
    for (const error of sensor.watch.errors()) complain(error);
    if (findings.some(({ kind }) => kind === 'anomaly')) sensor.lookAgain();
    for (const finding of findings) await this.#tell(finding, sample.ts);
    void growth.lookAhead(sensor.disks.disks());
    await presence.refresh();
    telemetry.say(sample, sensor.metrics());
    if (ring.trouble !== null) complain(new Error(`telemetry waits in memory alone: ${ring.trouble.message}`));
  }

  async #tell(finding: Finding, ts: number): Promise<void> {
    const { sensor, growth, voice, gateway, log } = this.#parts;
    const isAnomaly = finding.kind === 'anomaly';
    // This host's processes say nothing of a device.
    const snapshot = isAnomaly
      ? (gateway?.snapshotOf(finding.metric) ?? (await capture(finding, sensor, { growth })))
      : undefined;
    log.info(`${finding.kind}: ${finding.reason}`, { signal: finding.signal });
    voice.event(finding, ts, snapshot);
  }
}
