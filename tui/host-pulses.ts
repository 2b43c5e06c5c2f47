import { readGaps } from '../hub/mesh/gaps.ts';
import { heardOf, missingOf } from '../hub/mesh/heard.ts';
import { readSamples } from '../hub/store/samples.ts';
import type { Store } from '../hub/store/store.ts';
import type { HostLink, HostPulse } from './desk.ts';
import type { FleetIndex, HostFacts } from './fleet-index.ts';

/** Points of a sparkline. */
const HISTORY = 120;
/** Hosts whose history is kept between two pictures: more than any screen shows at once. */
const KEPT = 256;
const DAY_MS = 86_400_000;
/** The newest samples from whose distance the host's interval is read. */
const APART = 10;

/** A host's newest samples, as far as its line shows them. */
interface Kept {
  readonly facts: HostFacts;
  /** When each sample was taken, oldest first, and of each metric its value then. */
  readonly times: readonly number[];
  readonly histories: readonly (readonly (number | null)[])[];
  /** The refresh of the store that this is of. */
  readonly turn: number;
  readonly pulse: HostPulse;
}

/** Histories and links of the hosts that are shown: a refresh reads only the samples that are new. */
export class HostPulses {
  readonly #store: Store;
  readonly #fleet: FleetIndex;
  readonly #kept = new Map<string, Kept>();
  #turn = 0;

  constructor(store: Store, fleet: FleetIndex) {
    this.#store = store;
    this.#fleet = fleet;
  }

  /** The store was refreshed: what is known of each host is looked at again when it is next shown. */
  refresh(): void {
    this.#turn++;
  }

  of(agent: string, now: number): HostPulse | undefined {
    const facts = this.#fleet.facts(agent);
    if (facts === undefined) return undefined;
    const known = this.#kept.get(agent);
    if (known?.turn === this.#turn && known.facts === facts) return known.pulse;
    const kept = this.#read(agent, facts, known?.facts === facts ? known : undefined, now);
    // The one that was shown longest ago goes first.
    this.#kept.delete(agent);
    this.#kept.set(agent, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return kept.pulse;
  }

  #read(agent: string, facts: HostFacts, before: Kept | undefined, now: number): Kept {
    const since = before?.times.at(-1) ?? 0;
    const fresh = readSamples(this.#store, agent, { since, limit: HISTORY })
      .filter(({ at }) => at > since)
      .toReversed();
    const isSame = before !== undefined && fresh.length === 0;
    const times = isSame ? before.times : [...(before?.times ?? []), ...fresh.map(({ at }) => at)].slice(-HISTORY);
    const histories = isSame
      ? before.histories
      : facts.metrics.map(({ name }, i) =>
          [...(before?.histories[i] ?? []), ...fresh.map(({ values }) => values[name] ?? null)].slice(-HISTORY),
        );
    const gauges = facts.metrics.map(({ name, unit }, i) => {
      const history = histories[i] ?? [];
      return { metric: name, unit, value: history.at(-1) ?? null, history };
    });
    const pulse = { gauges: isSame ? before.pulse.gauges : gauges, link: this.#link(agent, facts, times, now) };
    return { facts, times, histories, turn: this.#turn, pulse };
  }

  #link(agent: string, facts: HostFacts, times: readonly number[], now: number): HostLink {
    const store = this.#store;
    const presence = store.presence.get(agent);
    const gaps = readGaps(store, agent).filter(({ at }) => now - at < DAY_MS);
    const { ring, frames, boot } = facts;
    // Of a start whose birth was not read yet nothing is known.
    const through = presence?.boot === boot ? presence.link?.through : undefined;
    const waiting = ring.oldest > 0 ? missingOf(heardOf(store, agent, boot), [ring.oldest, ring.newest]) : [];
    return {
      every: apart(times),
      late: presence?.link?.late ?? null,
      stored: presence?.link?.stored ?? null,
      gaps: gaps.length,
      missing: gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0),
      backlog: frames === undefined || through === undefined ? null : Math.max(0, frames.newest - through),
      waiting: waiting.reduce((sum, [from, to]) => sum + to - from + 1, 0),
      dropped: ring.dropped + (frames?.dropped ?? 0),
    };
  }
}

/** The usual distance between samples: the middle one of the newest, so that a gap does not count. */
function apart(times: readonly number[]): number | null {
  const newest = times.slice(-APART - 1);
  const steps = newest.slice(1).map((at, i) => at - (newest[i] ?? at));
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? null;
}
