import type { Cause } from '../cause.ts';
import { DATA_CAUSES } from './data.ts';
import { DISK_CAUSES } from './disks.ts';
import { HOST_CAUSES } from './host.ts';
import { NETWORK_CAUSES } from './network.ts';
import { SERVICE_CAUSES } from './services.ts';

/** Every kind of trouble that incidents are made of. */
export const CAUSES: readonly Cause[] = [
  ...DISK_CAUSES,
  ...SERVICE_CAUSES,
  ...HOST_CAUSES,
  ...NETWORK_CAUSES,
  ...DATA_CAUSES,
];
