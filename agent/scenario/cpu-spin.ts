import { type Scenario, watchedName } from './scenario.ts';

const NAME = 'cpu-spin';
/** A busy thread gets 100 % of a core where one is free, and still over 60 % where one other wants it half the time. */
const BUDGET_PERCENT = 60;

/** One thread that never rests. */
export const cpuSpin: Scenario = {
  name: NAME,
  what: `a process keeps one core busy; its group may use ${BUDGET_PERCENT} % of a core`,
  signal: 'group.cpu',
  metric: `group.cpu_percent[${watchedName(NAME)}]`,
  linger: 20,
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
