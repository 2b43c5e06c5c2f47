import { type Reading, splitMetric } from '../sense/sense.ts';
import { Consensus } from './consensus.ts';
import type { Finding } from './finding.ts';
import { FollowedMetric } from './followed-metric.ts';
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
/** Metrics that are held against a limit, and as many that are learned: as many as a message carries. */
const MAX_HELD = 512;
/** Names that are known: metrics come and go with mounts and workloads. */
const MAX_NAMES = 4 * MAX_HELD;

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
  readonly #followed = new Map<string, FollowedMetric>();
  /** Who stood where in the last sample: metrics hardly ever change places. */
  readonly #placed: FollowedMetric[] = [];
  readonly #held = { limited: 0, learned: 0 };
  readonly #context: { sensitivity: Sensitivity; tags: readonly string[] };
  readonly #saved: ReadonlyMap<string, Uint8Array>;
  readonly #consensus = new Consensus();
  #swept = Number.NaN;
  /** Numbers the samples. */
  #turn = 0;
  /** Something was said, and may not have recovered. */
  #inTrouble = false;

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
    return new Map(
      [...this.#followed.values()].flatMap(({ name, learned }) =>
        learned === null ? [] : [[name, learned.toBytes()] as const],
      ),
    );
  }

  /** One sample, with its time in milliseconds since the epoch. */
  feed(ts: number, readings: readonly Reading[]): Finding[] {
    const findings: Finding[] = [];
    if (!Number.isFinite(ts) || ts < 0) return findings;
    const turn = ++this.#turn;
    for (let i = 0; i < readings.length; i++) {
      const reading = readings[i];
      const metric = reading === undefined ? undefined : this.#find(i, reading);
      if (reading === undefined || metric === undefined) continue;
      metric.turn = turn;
      const { value } = reading;
      if (value !== null && Number.isFinite(value)) this.#judge(ts, reading, value, metric, findings);
    }
    if (this.#inTrouble) {
      findings.push(...this.#gone(ts, readings), ...this.#outlasting(ts));
      this.#inTrouble = this.#consensus.hasJoined || [...this.#followed.values()].some(({ active }) => active);
    }
    if (!(Math.abs(ts - this.#swept) < SWEEP_MS)) this.#forget(ts);
    // Named when all have been looked at: a step shows in several at the same sample.
    return findings.map((finding) => this.#withPartners(finding, ts));
  }

  /** Undefined for one that never had a value. */
  #find(place: number, { name, value }: Reading): FollowedMetric | undefined {
    const placed = this.#placed[place];
    if (placed !== undefined && placed.name === name) return placed;
    let metric = this.#followed.get(name);
    if (metric === undefined) {
      if (value === null) return undefined;
      if (this.#followed.size >= MAX_NAMES) this.#forgetBare();
      metric = new FollowedMetric(name, this.#limits, this.#consensus);
      this.#followed.set(name, metric);
    }
    this.#placed[place] = metric;
    return metric;
  }

  #forget(ts: number): void {
    this.#swept = ts;
    for (const metric of this.#followed.values()) {
      const { limited, learned } = metric;
      if (limited !== null && ts - limited.seen > FORGET_MS) {
        metric.limited = null;
        this.#held.limited--;
      }
      if (learned !== null && ts - learned.seen > FORGET_LEARNED_MS) {
        metric.learned = null;
        this.#held.learned--;
      }
    }
  }

  #forgetBare(): void {
    for (const [name, { isBare }] of this.#followed) if (isBare) this.#followed.delete(name);
    this.#placed.length = 0;
  }

  #judge(ts: number, reading: Reading, value: number, metric: FollowedMetric, findings: Finding[]): void {
    const { limit } = metric;
    const limited = limit === undefined ? null : (metric.limited ?? this.#hold(metric, limit));
    const over = limited === null ? null : limited.feed(ts, reading, value);
    if (over !== null) this.#say(findings, this.#forRole(over), ts, 'limit');
    const learned = reading.learn === false ? null : (metric.learned ?? this.#learn(metric, reading));
    if (learned === null) return;
    const speaks = over !== null || limited?.active === true;
    const says = speaks ? 'speaks' : limited?.crossed === true ? 'crossed' : 'quiet';
    const finding = learned.feed(ts, value, says, metric.isAlone);
    const { unusual } = learned;
    if (unusual !== undefined) metric.note(ts, unusual || speaks);
    if (finding !== null) this.#say(findings, finding, ts, 'learned');
  }

  #say(findings: Finding[], finding: Finding, ts: number, by: 'limit' | 'learned'): void {
    this.#inTrouble = true;
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
      const metric = this.#followed.get(name)?.learned;
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
    for (const by of ['limit', 'learned'] as const) {
      for (const { turn, limited, learned } of this.#followed.values()) {
        const metric = by === 'limit' ? limited : learned;
        if (metric?.active !== true) continue;
        const isThere = turn === this.#turn;
        if (isThere) metric.meet();
        const finding = isThere ? null : metric.miss(ts);
        if (finding !== null) this.#say(findings, finding, ts, by);
      }
    }
    return findings;
  }

  #forRole(finding: Finding): Finding {
    if (finding.kind === 'recovery') return finding;
    return { ...finding, severity: severityForRole(finding.severity, this.#context.tags) };
  }

  #learn(metric: FollowedMetric, reading: Reading): LearnedMetric | null {
    if (this.#held.learned >= MAX_HELD) return null;
    this.#held.learned++;
    metric.learned = new LearnedMetric(reading, metric.limit, this.#context, this.#saved.get(metric.name));
    return metric.learned;
  }

  #hold(metric: FollowedMetric, limit: Limit): LimitedMetric | null {
    if (this.#held.limited >= MAX_HELD) return null;
    this.#held.limited++;
    metric.limited = new LimitedMetric(metric.name, limit);
    return metric.limited;
  }
}
