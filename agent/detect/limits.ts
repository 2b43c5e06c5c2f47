import type { Limit } from './limit.ts';
import { DECLARED_LIMITS } from './limits/declared.ts';
import { DISK_LIMITS } from './limits/disk.ts';
import { HOST_LIMITS } from './limits/host.ts';
import { NETWORK_LIMITS } from './limits/network.ts';

/** Every hard limit; a metric has one at most. */
export const LIMITS: readonly Limit[] = [...HOST_LIMITS, ...DISK_LIMITS, ...NETWORK_LIMITS, ...DECLARED_LIMITS];
