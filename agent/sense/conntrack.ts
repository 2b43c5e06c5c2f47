import type { ProcFiles } from './proc-files.ts';
import { percent, type Reading, type Sense } from './sense.ts';

/** A host that tracks no connection may begin to, with the first rule of a firewall; an error for each sample is dear. */
const SEARCH_MS = 60_000;

/** The kernel's table of connections, where it keeps one: when it is full, new connections are dropped without a word. */
export class ConntrackSense implements Sense {
  readonly name = 'conntrack';
  readonly #proc: ProcFiles;
  #searchAt = Number.NEGATIVE_INFINITY;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(now: number): Reading[] {
    if (now < this.#searchAt) return [];
    let texts: readonly string[];
    try {
      texts = ['count', 'max'].map((name) => this.#proc.head(`sys/net/netfilter/nf_conntrack_${name}`));
    } catch {
      this.#searchAt = now + SEARCH_MS;
      return []; // no connection is tracked here
    }
    const [count = Number.NaN, max = Number.NaN] = texts.map((text) =>
      /^\d{1,12}\n?$/.test(text) ? Number(text) : Number.NaN,
    );
    return [{ name: 'conntrack.used_percent', unit: '%', scale: 0.01, value: percent(count, max) }];
  }
}
