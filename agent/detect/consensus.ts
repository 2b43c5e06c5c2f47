import type { Severity } from '../../broker/messages.ts';
import { placeOf } from './families.ts';
import type { Finding } from './finding.ts';
import { ACCEPTED_SLICES, JOIN_MS, SLICE_MS, WITNESS_MS } from './settings.ts';

/** What others of its family make of a metric that is unusual. */
export type Company =
  /** It has no partner that is known well enough to say anything. */
  | 'none'
  /** Partners are known, and all of them are as usual. */
  | 'alone'
  /** Another witness of its family is unusual too. */
  | 'agreed';

/** What a metric says for its family, as it was at its last sample. */
export interface Witness {
  readonly metric: string;
  readonly witness: number;
  seen: number;
  isUnusual: boolean;
}

/** The finding that speaks for a family's trouble. */
interface Lead {
  readonly metric: string;
  readonly at: number;
  readonly severity: Severity;
  /** When it recovered. */
  ended: number | null;
}

/** No trouble speaks for others for longer: by then what is learned is taken as usual. */
const LONGEST_MS = ACCEPTED_SLICES * SLICE_MS;

const NEVER = Number.NEGATIVE_INFINITY;

const ORDER: readonly Severity[] = ['info', 'warning', 'critical'];

/**
 * Lets the metrics of one family (`families.ts`) speak as one: how far they agree, and that one trouble is said once. Who
 * is unusual while another already speaks for the family joins it, and says nothing unless it is worse. Nothing is lost: who
 * is still unusual after the one that spoke has recovered is said then.
 */
export class Consensus {
  readonly #witnesses = new Map<number, Map<string, Witness>>();
  readonly #leads = new Map<number, Lead>();
  /** Metrics whose anomaly was not said, as another of their family had spoken, by whom. */
  readonly #joined = new Map<string, Lead>();

  /** The witness of a metric, to be told at each of its samples; null for a metric without partners. */
  witness(metric: string, base: string): Witness | null {
    const place = placeOf(base);
    if (place === undefined) return null;
    let family = this.#witnesses.get(place.family);
    if (family === undefined) {
      family = new Map();
      this.#witnesses.set(place.family, family);
    }
    const known = family.get(metric) ?? { metric, witness: place.witness, seen: NEVER, isUnusual: false };
    family.set(metric, known);
    return known;
  }

  /** How far its partners agree with a metric that is unusual, as they were at their last samples. */
  company(base: string, ts: number): Company {
    const place = placeOf(base);
    const family = place === undefined ? undefined : this.#witnesses.get(place.family);
    if (place === undefined || family === undefined) return 'none';
    let company: Company = 'none';
    for (const { witness, seen, isUnusual } of family.values()) {
      if (witness === place.witness || Math.abs(ts - seen) > WITNESS_MS) continue;
      if (isUnusual) return 'agreed';
      company = 'alone';
    }
    return company;
  }

  /** The other witnesses of its family that are unusual now, one metric of each. */
  partners(base: string, ts: number): readonly string[] {
    const place = placeOf(base);
    const family = place === undefined ? undefined : this.#witnesses.get(place.family);
    if (place === undefined || family === undefined) return [];
    const named = new Map<number, string>();
    for (const { metric, witness, seen, isUnusual } of family.values()) {
      if (isUnusual && witness !== place.witness && Math.abs(ts - seen) <= WITNESS_MS && !named.has(witness)) {
        named.set(witness, metric);
      }
    }
    return [...named.values()];
  }

  /** Whether a finding is said. A limit's always is: it is asked only to know who speaks. */
  admits(finding: Finding, base: string, ts: number, by: 'limit' | 'learned'): boolean {
    const family = placeOf(base)?.family;
    if (family === undefined) return true;
    const lead = this.#leads.get(family);
    if (finding.kind === 'recovery') {
      for (const one of [lead, ...this.#joined.values()]) if (one?.metric === finding.metric) one.ended ??= ts;
      return !this.#joined.delete(finding.metric);
    }
    const follows = lead !== undefined && lead.metric !== finding.metric && speaks(lead, ts);
    if (by === 'learned' && follows && ORDER.indexOf(finding.severity) <= ORDER.indexOf(lead.severity)) {
      this.#joined.set(finding.metric, lead);
      return false;
    }
    this.#joined.delete(finding.metric);
    if (!follows) this.#leads.set(family, { metric: finding.metric, at: ts, severity: finding.severity, ended: null });
    return true;
  }

  /** Metrics that joined a trouble which is over, and that have outlasted it: they are to be said for themselves. */
  outlasting(ts: number): readonly string[] {
    if (this.#joined.size === 0) return [];
    return [...this.#joined].flatMap(([metric, { at, ended }]) =>
      ts < at || ts - (ended ?? at + LONGEST_MS) >= JOIN_MS ? [metric] : [],
    );
  }

  /** Somebody joined a trouble that another speaks for. */
  get hasJoined(): boolean {
    return this.#joined.size > 0;
  }

  /** A metric that joined is said for itself now. */
  release(metric: string): void {
    this.#joined.delete(metric);
  }
}

/** A trouble takes others in for so long after it was said; a clock that was set back ends that. */
const speaks = ({ at, ended }: Lead, ts: number): boolean =>
  ts >= at && ts - at < JOIN_MS && (ended === null || ts - ended < JOIN_MS);
