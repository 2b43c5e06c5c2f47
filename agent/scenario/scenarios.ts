import { certExpiry } from './cert-expiry.ts';
import { cpuSpin } from './cpu-spin.ts';
import { crashLoop } from './crash-loop.ts';
import { diskFill } from './disk-fill.ts';
import { fdLeak } from './fd-leak.ts';
import { forkStorm } from './fork-storm.ts';
import { heldLog } from './held-log.ts';
import { inodeFill } from './inode-fill.ts';
import { jobFailed } from './job-failed.ts';
import { logFlood } from './log-flood.ts';
import { memoryHog } from './memory-hog.ts';
import { oomKill } from './oom-kill.ts';
import { readOnly } from './read-only.ts';
import type { Scenario } from './scenario.ts';
import { workloadEnded } from './workload-ended.ts';
import { zombies } from './zombies.ts';

/** Every fault that can be made on purpose, in the order of the list command. */
export const scenarios: readonly Scenario[] = [
  memoryHog,
  cpuSpin,
  diskFill,
  crashLoop,
  fdLeak,
  forkStorm,
  zombies,
  inodeFill,
  logFlood,
  certExpiry,
  readOnly,
  oomKill,
  jobFailed,
  workloadEnded,
  heldLog,
];
