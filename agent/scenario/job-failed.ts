import { groupBudget, NO_BUDGET, type Scenario } from './scenario.ts';
import { serviceOf } from './unit-files.ts';

const NAME = 'job-failed';

/** The job of a timer that fails once: the next time is a day away. */
export const jobFailed: Scenario = {
  name: NAME,
  what: 'the job of a timer fails, and would be started again in a day (root, systemd)',
  signal: 'unit.failed',
  metric: `unit.failed[${serviceOf(NAME)}]`,
  linger: 30,
  unit: 'job',
  async prepare() {
    return {
      signal: this.signal,
      metric: this.metric,
      expect: 'is 1 as soon as systemd says so',
      fix: `systemctl start ${serviceOf(NAME)}`,
      args: [],
      dropIn: groupBudget(NAME, NO_BUDGET),
    };
  },
};
