import { type Reading, splitMetric } from '../sense/sense.ts';
import { Consensus } from './consensus.ts';
import type { Finding } from './finding.ts';
import { LearnedMetric } from './learned-metric.ts';
import type { Limit } from './limit.ts';
import { LimitedMetric } from './limited-metric.ts';
import { LIMITS } from './limits.ts';
import { type Sensitivity, SLICE_MS, SLICES } from './settings.ts';
import { severityForRole } from './severity.ts';

/** What has not been seen for this long is forgotten. */
const FORGET_MS = 3_600_000;
/** What was learned of a metric is kept as long as it can say anything: two weeks. */
const FORGET_LEARNED_MS = SLICES * SLICE_MS;
/** Looked for so often: a loop over all metrics is dear for what happens once in two weeks. */
const SWEEP_MS = 60_000;
/** Metrics that are followed: as many as a message carries. */
const MAX_FOLLOWED = 512;
/** Names that are kept taken apart: metrics come and go with mounts and workloads. */
const MAX_BASES = 2 * MAX_FOLLOWED;

export interface DetectorOptions {
  /** What the host is for, as words or `role=word`: severities follow it. */
  readonly tags?: readonly string[];
  readonly sensitivity?: Sensitivity;
  /** What `save` gave in an earlier run, by metric. */
  readonly saved?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Turns samples into findings: hard limits that must hold for a while, a baseline and a trend to explain them, and one
 * recovery when it is over; and beside the limits what was learned to be usual. Gaps and nulls are neither trouble nor
 * health. Constant work per metric; it never throws.
 */
export class Detector {
  readonly #limits: ReadonlyMap<string, Limit>;
  readonly #limited = new Map<string, LimitedMetric>();
  readonly #learned = new Map<string, LearnedMetric>();
  readonly #context: { sensitivity: Sensitivity; tags: readonly string[] };
  readonly #saved: ReadonlyMap<string, Uint8Array>;
  readonly #consensus = new Consensus();
  readonly #bases = new Map<string, string>();
  #swept = Number.NaN;

  constructor(limits: readonly Limit[] = LIMITS, options: DetectorOptions = {}) {
    this.#limits = new Map(limits.map((limit) => [limit.metric, limit]));
    this.#context = { sensitivity: options.sensitivity ?? 'medium', tags: options.tags ?? [] };
    this.#saved = options.saved ?? new Map();
  }

  /** What the host is for may change while it runs. */
  set tags(tags: readonly string[]) {
    this.#context.tags = tags;
  }

  /** What was learned, by metric, at most 16 kB each: given to the next Detector it goes on from there. */
  save(): Map<string, Uint8Array> {
    return new Map([...this.#learned].map(([name, metric]) => [name, metric.toBytes()]));
  }

  /** One sample, with its time in milliseconds since the epoch. */
  feed(ts: number, readings: readonly Reading[]): Finding[] {
    const findings: Finding[] = [];
    if (!Number.isFinite(ts) || ts < 0) return findings;
    for (const reading of readings) {
      if (reading.value !== null && Number.isFinite(reading.value)) {
        this.#judge(ts, reading, reading.value, findings);
      }
    }
    findings.push(...this.#gone(ts, readings), ...this.#outlasting(ts));
    if (!(Math.abs(ts - this.#swept) < SWEEP_MS)) this.#forget(ts);
    // Named when all have been looked at: a step shows in several at the same sample.
    return findings.map((finding) => this.#withPartners(finding, ts));
  }

  #forget(ts: number): void {
    this.#swept = ts;
    for (const [name, { seen }] of this.#limited) if (ts - seen > FORGET_MS) this.#limited.delete(name);
    for (const [name, { seen }] of this.#learned) if (ts - seen > FORGET_LEARNED_MS) this.#learned.delete(name);
  }

  #judge(ts: number, reading: Reading, value: number, findings: Finding[]): void {
    const { name } = reading;
    const base = this.#baseOf(name);
    const limit = this.#limits.get(base);
    const limited = limit === undefined ? null : this.#hold(name, limit);
    const over = limited === null ? null : limited.feed(ts, reading, value);
    if (over !== null) this.#say(findings, this.#forRole(over), ts, 'limit');
    const speaks = over !== null || limited?.active === true;
    const metric = reading.learn === false ? null : this.#learn(reading, limit);
    if (metric === null) return;
    const voice = speaks ? 'speaks' : limited?.crossed === true ? 'crossed' : 'quiet';
    const finding = metric.feed(ts, value, voice, () => this.#consensus.company(base, ts) === 'alone');
    if (metric.unusual !== undefined) this.#consensus.note(name, base, ts, metric.unusual || speaks);
    if (finding !== null) this.#say(findings, finding, ts, 'learned');
  }

  /** What a metric's limit and family are found by. Names hardly ever change, and taking one apart is dear for each sample. */
  #baseOf(name: string): string {
    let base = this.#bases.get(name);
    if (base === undefined) {
      if (this.#bases.size >= MAX_BASES) this.#bases.clear();
      base = splitMetric(name).base;
      this.#bases.set(name, base);
    }
    return base;
  }

  #say(findings: Finding[], finding: Finding, ts: number, by: 'limit' | 'learned'): void {
    if (this.#consensus.admits(finding, splitMetric(finding.metric).base, ts, by)) findings.push(finding);
  }

  #withPartners(finding: Finding, ts: number): Finding {
    const partners = this.#consensus.partners(splitMetric(finding.metric).base, ts);
    if (finding.kind === 'recovery' || partners.length === 0) return finding;
    const reason = `${finding.reason.replace(/\.$/, '')}; unusual with it: ${partners.join(', ')}.`;
    return { ...finding, reason };
  }

  /** What joined a trouble that is over, and goes on without it. */
  #outlasting(ts: number): Finding[] {
    return this.#consensus.outlasting(ts).flatMap((name) => {
      const metric = this.#learned.get(name);
      const finding = metric?.outlast(ts) ?? null;
      if (finding !== null || metric?.active !== true) this.#consensus.release(name);
      return finding ?? [];
    });
  }

  /**
   * What is no longer there, an unmounted file system or a workload that is not declared any more, is no longer in
   * trouble. A sense that failed keeps its metrics, with nulls: that is a gap.
   */
  #gone(ts: number, readings: readonly Reading[]): Finding[] {
    const findings: Finding[] = [];
    if (readings.length === 0) return findings;
    let present: ReadonlySet<string> | null = null;
    for (const metrics of [this.#limited, this.#learned]) {
      metrics.forEach((metric, name) => {
        if (!metric.active) return;
        present ??= new Set(readings.map((reading) => reading.name));
        const isThere = present.has(name);
        if (isThere) metric.meet();
        const finding = isThere ? null : metric.miss(ts);
        if (finding !== null) this.#say(findings, finding, ts, metrics === this.#limited ? 'limit' : 'learned');
      });
    }
    return findings;
  }

  #forRole(finding: Finding): Finding {
    if (finding.kind === 'recovery') return finding;
    return { ...finding, severity: severityForRole(finding.severity, this.#context.tags) };
  }

  #learn(reading: Reading, limit: Limit | undefined): LearnedMetric | null {
    const known = this.#learned.get(reading.name);
    if (known !== undefined) return known;
    if (this.#learned.size >= MAX_FOLLOWED) return null;
    const metric = new LearnedMetric(reading, limit, this.#context, this.#saved.get(reading.name));
    this.#learned.set(reading.name, metric);
    return metric;
  }

  #hold(name: string, limit: Limit): LimitedMetric | null {
    const known = this.#limited.get(name);
    if (known !== undefined) return known;
    if (this.#limited.size >= MAX_FOLLOWED) return null;
    const metric = new LimitedMetric(name, limit);
    this.#limited.set(name, metric);
    return metric;
  }
}
