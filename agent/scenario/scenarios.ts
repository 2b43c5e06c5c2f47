import { cpuSpin } from './cpu-spin.ts';
import { crashLoop } from './crash-loop.ts';
import { diskFill } from './disk-fill.ts';
import { memoryHog } from './memory-hog.ts';
import type { Scenario } from './scenario.ts';

/** Every fault that can be made on purpose, in the order of the list command. */
export const scenarios: readonly Scenario[] = [memoryHog, cpuSpin, diskFill, crashLoop];
