import { readMeminfo } from '../sense/memory.ts';
import { ProcFiles } from '../sense/proc-files.ts';
import { type Scenario, ScenarioError, watchedName } from './scenario.ts';

const NAME = 'memory-hog';
const GROW_MIB = 256;
const BUDGET_MIB = 128;
/** What must be free: the hog's whole size, and as much again for everyone else. */
const ROOM_MIB = 512;

/** Grows past its own group's budget; a host with gigabytes to spare never notices. */
export const memoryHog: Scenario = {
  name: NAME,
  what: `a process takes 16 MiB a second up to ${GROW_MIB} MiB; its group may use ${BUDGET_MIB} MiB`,
  signal: 'group.memory',
  metric: `group.memory_mib[${watchedName(NAME)}]`,
  linger: 20,
  unit: 'may',
  async prepare() {
    const free = (readMeminfo(new ProcFiles()).get('MemAvailable') ?? 0) / 1_048_576;
    if (free < ROOM_MIB) {
      throw new ScenarioError(
        'E_SCENARIO_ROOM',
        `needs ${ROOM_MIB} MiB of available memory, and finds ${Math.floor(free)}`,
      );
    }
    return {
      signal: this.signal,
      metric: this.metric,
      expect: `passes ${BUDGET_MIB} MiB within 10 s`,
      fix: 'end the process (SIGTERM)',
      args: [String(GROW_MIB)],
      dropIn: (pgidFile) =>
        `version: 1\ngroups:\n  - name: ${watchedName(NAME)}\n    pgid_file: ${JSON.stringify(pgidFile)}\n    memory_mib: ${BUDGET_MIB}\n`,
    };
  },
};
