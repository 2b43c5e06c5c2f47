import { type Scenario, watchedName } from './scenario.ts';

const NAME = 'cpu-spin';
/** The group is meant to idle: a busy thread gets all of a core where one is free, and still this much on a crowded host. */
const BUDGET_PERCENT = 5;

/** One thread that never rests. */
export const cpuSpin: Scenario = {
  name: NAME,
  what: `a process keeps one core busy; its group may use ${BUDGET_PERCENT} % of a core`,
  signal: 'group.cpu',
  metric: `group.cpu_percent[${watchedName(NAME)}]`,
  linger: 20,
  unit: 'may',
  async prepare() {
    return {
      signal: this.signal,
      metric: this.metric,
      expect: `is over ${BUDGET_PERCENT} % at once`,
      fix: 'end the process (SIGTERM)',
      args: [],
      dropIn: (pgidFile) =>
        `version: 1\ngroups:\n  - name: ${watchedName(NAME)}\n    pgid_file: ${JSON.stringify(pgidFile)}\n    cpu_percent: ${BUDGET_PERCENT}\n`,
    };
  },
};
