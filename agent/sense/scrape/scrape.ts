import type { WatchedEndpoint } from '../../drop-in/endpoints.ts';
import { Background } from '../background.ts';
import { labelled, perSecond, type Reading, type Sense } from '../sense.ts';
import { type Scraped, scrape } from './fetch.ts';
import type { Selector } from './text-format.ts';

const EVERY_MS = 30_000;
const DEADLINE_MS = 5_000;

interface Page {
  readonly at: number;
  readonly found: readonly Scraped[];
}

interface Followed {
  readonly endpoint: WatchedEndpoint;
  readonly look: Background<Page>;
  /** The two newest pages: a counter needs both. */
  older: Page | null;
  newer: Page | null;
}

/** Numbers of the declared Prometheus endpoints: chosen metrics alone, counters as rates, summed over their labels. */
export class ScrapeSense implements Sense {
  readonly name = 'endpoints';
  readonly #declared: () => readonly WatchedEndpoint[];
  readonly #clock: () => number;
  readonly #followed = new Map<string, Followed>();

  /** `clock` gives monotonic milliseconds. */
  constructor(declared: () => readonly WatchedEndpoint[], clock: () => number) {
    this.#declared = declared;
    this.#clock = clock;
  }

  sample(now: number): Reading[] {
    const declared = this.#declared();
    this.#forget(new Set(declared));
    return declared.flatMap((endpoint) => this.#read(this.#follow(endpoint), now));
  }

  close(): void {
    this.#forget(new Set());
  }

  #read(followed: Followed, now: number): Reading[] {
    const { endpoint, look } = followed;
    const page = look.value(now);
    if (page !== null && page !== followed.newer) {
      followed.older = followed.newer;
      followed.newer = page;
    }
    const { older, newer } = followed;
    // Null before the first answer: neither up nor down.
    const down = look.looks === 0 ? null : look.error === null ? 0 : 1;
    const values = endpoint.metrics.map((selector, i): Reading => {
      const fresh = page === null ? undefined : newer?.found[i];
      const name = labelled(`scrape.${selector.name}`, labelFor(endpoint.name, selector));
      if (fresh?.counter !== true) return { name, unit: '', scale: 0.001, value: fresh?.value ?? null };
      const before = older?.found[i]?.value ?? null;
      const ms = newer === null || older === null ? 0 : newer.at - older.at;
      const value = before === null || fresh.value === null ? null : perSecond(before, fresh.value, ms);
      return { name, unit: '/s', scale: 0.001, value };
    });
    return [{ name: labelled('scrape.down', endpoint.name), unit: '', scale: 1, value: down, learn: false }, ...values];
  }

  #follow(endpoint: WatchedEndpoint): Followed {
    const known = this.#followed.get(endpoint.name);
    if (known !== undefined) return known;
    const look = new Background<Page>({
      ...{ everyMs: EVERY_MS, deadlineMs: DEADLINE_MS },
      look: async (signal) => {
        const found = await scrape(endpoint.url, endpoint.metrics, signal);
        return { at: this.#clock(), found };
      },
    });
    const followed = { endpoint, look, older: null, newer: null };
    this.#followed.set(endpoint.name, followed);
    return followed;
  }

  #forget(kept: ReadonlySet<WatchedEndpoint>): void {
    for (const [name, { endpoint, look }] of this.#followed) {
      if (kept.has(endpoint)) continue;
      look.stop();
      this.#followed.delete(name);
    }
  }
}

/** The endpoint's name, and the labels that were chosen. */
function labelFor(endpoint: string, { labels }: Selector): string {
  const chosen = [...labels].map(([label, value]) => `,${label}=${value.replace(/[^A-Za-z0-9_./:@+-]/g, '_')}`);
  return `${endpoint}${chosen.join('')}`.slice(0, 96);
}
