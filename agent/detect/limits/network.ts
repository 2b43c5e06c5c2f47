import { type Limit, SAMPLES } from '../limit.ts';

/** Links. */
export const NETWORK_LIMITS: readonly Limit[] = [
  {
    signal: 'net.errors',
    metric: 'network.errors_per_s',
    what: 'network errors',
    at: 10,
    samples: SAMPLES,
    ms: 10_000,
    severity: 'warning',
    why: 'a good link has none; ten a second is a bad cable, port or driver',
  },
  {
    signal: 'net.flaps',
    metric: 'network.flaps',
    what: 'changes of carrier on % within five minutes',
    at: 6,
    samples: 1,
    ms: 0,
    severity: 'warning',
    why: 'who plugs a cable in anew makes two, who does it twice four; six is a bad cable, port or partner',
  },
  {
    signal: 'net.link_down',
    metric: 'network.link_down',
    what: 'link % without carrier',
    at: 1,
    samples: SAMPLES,
    ms: 0,
    severity: 'warning',
    why: 'it had a carrier since the agent looks, and nobody switched it off',
  },
  {
    signal: 'net.conntrack',
    metric: 'conntrack.used_percent',
    what: 'table of connections in use',
    at: 85,
    samples: SAMPLES,
    ms: 0,
    severity: 'warning',
    critical: 95,
    full: 100,
    why: 'when it is full, packets of new connections are dropped without a word to anyone',
  },
];
