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
];
