import type { ProcFiles } from './proc-files.ts';
import { perSecond, type Reading, type Sense } from './sense.ts';

interface Counters {
  readonly at: number;
  readonly rx: number;
  readonly tx: number;
  readonly errors: number;
  readonly drops: number;
}

/** Traffic, errors and drops of all interfaces but loopback. Drops have no limit: a busy capture or a full queue is no fault. */
export class NetworkSense implements Sense {
  readonly name = 'network';
  readonly #proc: ProcFiles;
  #last: Counters | undefined;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  sample(now: number): Reading[] {
    const counters = { at: now, ...parse(this.#proc.text('net/dev')) };
    const last = this.#last;
    this.#last = counters;
    const rate = (of: (at: Counters) => number): number | null =>
      last === undefined ? null : perSecond(of(last), of(counters), counters.at - last.at);
    return [
      { name: 'network.rx_bytes_per_s', unit: 'B/s', scale: 1, value: rate((c) => c.rx) },
      { name: 'network.tx_bytes_per_s', unit: 'B/s', scale: 1, value: rate((c) => c.tx) },
      { name: 'network.errors_per_s', unit: '/s', scale: 0.01, value: rate((c) => c.errors) },
      { name: 'network.drops_per_s', unit: '/s', scale: 0.01, value: rate((c) => c.drops) },
    ];
  }
}

/** Columns after `name:` are bytes packets errs drop fifo frame compressed multicast, twice: in, then out. */
function parse(dev: string): Omit<Counters, 'at'> {
  let [rx, tx, errors, drops] = [0, 0, 0, 0];
  for (const line of dev.split('\n').slice(2)) {
    const colon = line.lastIndexOf(':');
    if (colon < 0 || line.slice(0, colon).trim() === 'lo') continue;
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    const [rxBytes = 0, , rxErrors = 0, rxDrops = 0, , , , , txBytes = 0, , txErrors = 0, txDrops = 0] = fields;
    if (![rxBytes, rxErrors, rxDrops, txBytes, txErrors, txDrops].every(Number.isFinite)) continue;
    rx += rxBytes;
    tx += txBytes;
    errors += rxErrors + txErrors;
    drops += rxDrops + txDrops;
  }
  return { rx, tx, errors, drops };
}
