import { existsSync, readdirSync } from 'node:fs';
import type { ProcFiles } from './proc-files.ts';
import { Recent } from './recent.ts';
import { labelled, type Reading, type Sense } from './sense.ts';

/** A cable that is plugged in anew changes twice; a bad one changes all the time. */
const FLAP_WINDOW_MS = 300_000;
/** Links that are followed: a host with more is a switch. */
const MAX_LINKS = 16;
/** Names that fit a metric's label; the kernel would take nearly any byte. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,14}$/;
/** The flag of an interface that was switched on, cable or not. */
const IFF_UP = 1;

interface Link {
  readonly flaps: Recent;
  /** The kernel's count as it was read last. */
  changes: string;
  /** It had a carrier since we look, and was not switched off. */
  wasUp: boolean;
  down: 0 | 1;
}

/**
 * Each real link's changes of carrier, and whether it lost it. Interfaces that come and go with containers, machines
 * and tunnels (veth, bridges, tun, VLANs) are left out: their carrier is no cable. Reads two small files for each link.
 */
export class LinksSense implements Sense {
  readonly name = 'links';
  readonly #sys: ProcFiles;
  #links = new Map<string, Link | null>();

  constructor(sys: ProcFiles) {
    this.#sys = sys;
  }

  sample(now: number): Reading[] {
    const links = new Map<string, Link | null>();
    const readings: Reading[] = [];
    for (const name of readdirSync(this.#sys.path('class/net'))) {
      if (name === 'lo' || !NAME.test(name)) continue;
      const link = this.#known(name);
      links.set(name, link);
      if (link !== null && readings.length < 2 * MAX_LINKS) readings.push(...this.#look(name, link, now));
    }
    this.#links = links;
    return readings;
  }

  /** What an interface is does not change while its name stands. Null for one that is not followed. */
  #known(name: string): Link | null {
    const before = this.#links.get(name);
    // What was left out stays so until the name is gone: a sample must not classify 200 container links anew.
    if (before === null) return null;
    if (before !== undefined) return before;
    const has = (entry: string) => existsSync(this.#sys.path(`class/net/${name}/${entry}`));
    const virtual = has('bridge') || has('tun_flags') || this.#read(`${name}/iflink`) !== this.#read(`${name}/ifindex`);
    return virtual && !has('device') ? null : { flaps: new Recent(FLAP_WINDOW_MS), changes: '', wasUp: false, down: 0 };
  }

  #look(name: string, link: Link, now: number): Reading[] {
    const text = this.#read(`${name}/carrier_changes`);
    // Without a change the carrier is what it was; one that is down may have been switched off since.
    if (text === '' || text !== link.changes || link.down === 1) {
      const switchedOn = (Number(this.#read(`${name}/flags`)) & IFF_UP) !== 0;
      // Reading the carrier of an interface that is switched off is an error.
      const carrier = switchedOn ? this.#read(`${name}/carrier`) : '';
      // Who switches an interface off means it.
      link.wasUp = switchedOn && (link.wasUp || carrier === '1');
      link.down = link.wasUp && carrier === '0' ? 1 : 0;
      link.changes = text;
    }
    const changes = Number(text || Number.NaN);
    const flaps = Number.isSafeInteger(changes) ? link.flaps.see(now, changes) : null;
    return [
      { name: labelled('network.flaps', name), unit: '', scale: 1, learn: false, value: flaps },
      { name: labelled('network.link_down', name), unit: '', scale: 1, learn: false, value: link.down },
    ];
  }

  /** A file's one word; empty where it can't be read. */
  #read(name: string): string {
    try {
      return this.#sys.head(`class/net/${name}`).trim();
    } catch {
      return '';
    }
  }
}
