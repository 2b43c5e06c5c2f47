import { groupBudget, type Scenario, watchedName } from './scenario.ts';

const NAME = 'fd-leak';
const BUDGET = 200;
const MOST = 400;

/** A process that opens files and closes none. */
export const fdLeak: Scenario = {
  name: NAME,
  what: `a process opens 40 files a second up to ${MOST} and closes none; its group may have ${BUDGET} open`,
  signal: 'group.files',
  metric: `group.open_files[${watchedName(NAME)}]`,
  linger: 20,
  unit: 'may',
  async prepare() {
    return {
      signal: this.signal,
      metric: this.metric,
      expect: `passes ${BUDGET} within 10 s`,
      fix: 'end the process (SIGTERM)',
      args: [String(MOST)],
      dropIn: groupBudget(NAME, `open_files: ${BUDGET}`),
    };
  },
};
