import type { ProcFiles } from './proc-files.ts';
import { percent, type Reading, type Sense } from './sense.ts';

/** The kernel's table of connections, where it keeps one: when it is full, new connections are dropped without a word. */
export class ConntrackSense implements Sense {
  readonly name = 'conntrack';
  readonly #proc: ProcFiles;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(): Reading[] {
    let texts: readonly string[];
    try {
      texts = ['count', 'max'].map((name) => this.#proc.head(`sys/net/netfilter/nf_conntrack_${name}`));
    } catch {
      return []; // no connection is tracked here
    }
    const [count = Number.NaN, max = Number.NaN] = texts.map((text) =>
      /^\d{1,12}\n?$/.test(text) ? Number(text) : Number.NaN,
    );
    return [{ name: 'conntrack.used_percent', unit: '%', scale: 0.01, value: percent(count, max) }];
  }
}
