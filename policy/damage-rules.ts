import { DATA_DAMAGES } from './damage-data.ts';
import { FILE_DAMAGES } from './damage-files.ts';
import { HOST_DAMAGES } from './damage-host.ts';
import type { DamageRule } from './damage-words.ts';

/** Every known way to ruin a host; the first that matches names the damage. */
export const DAMAGES: readonly DamageRule[] = [...FILE_DAMAGES, ...HOST_DAMAGES, ...DATA_DAMAGES];
