import type { Limit } from './limit.ts';
import { DECLARED_LIMITS } from './limits/declared.ts';
import { DISK_LIMITS } from './limits/disk.ts';
import { HOST_LIMITS } from './limits/host.ts';
import { LOG_LIMITS } from './limits/logs.ts';
import { MACHINE_LIMITS } from './limits/machine.ts';
import { NETWORK_LIMITS } from './limits/network.ts';
import { PROCESS_LIMITS } from './limits/process.ts';
import { SERVICE_LIMITS } from './limits/services.ts';

/** Every hard limit; a metric has one at most. */
export const LIMITS: readonly Limit[] = [
  ...HOST_LIMITS,
  ...PROCESS_LIMITS,
  ...DISK_LIMITS,
  ...NETWORK_LIMITS,
  ...MACHINE_LIMITS,
  ...LOG_LIMITS,
  ...SERVICE_LIMITS,
  ...DECLARED_LIMITS,
];
