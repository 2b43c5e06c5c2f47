import type { Cause } from '../cause.ts';
import { DATA_CAUSES } from './data.ts';
import { FOLDER_CAUSES } from './folders.ts';
import { HOST_CAUSES } from './host.ts';
import { NETWORK_CAUSES } from './network.ts';
import { SERVICE_CAUSES } from './services.ts';
import { SPACE_CAUSES } from './space.ts';
import { START_CAUSES } from './starts.ts';
import { STORAGE_CAUSES } from './storage.ts';

/** Every kind of trouble that incidents are made of. */
export const CAUSES: readonly Cause[] = [
  ...SPACE_CAUSES,
  ...FOLDER_CAUSES,
  ...STORAGE_CAUSES,
  ...SERVICE_CAUSES,
  ...START_CAUSES,
  ...HOST_CAUSES,
  ...NETWORK_CAUSES,
  ...DATA_CAUSES,
];
