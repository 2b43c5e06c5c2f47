import { groupBudget, type Scenario, watchedName } from './scenario.ts';

const NAME = 'fork-storm';
const BUDGET = 20;
const MOST = 40;

/** A process that multiplies. Its children wait for a word from it, and end with it. */
export const forkStorm: Scenario = {
  name: NAME,
  what: `a process starts 8 others a second up to ${MOST}; its group may have ${BUDGET}`,
  signal: 'group.processes',
  metric: `group.processes[${watchedName(NAME)}]`,
  linger: 20,
  unit: 'may',
  async prepare() {
    return {
      signal: this.signal,
      metric: this.metric,
      expect: `passes ${BUDGET} within 10 s`,
      fix: 'end the process that starts them (SIGTERM)',
      args: [String(MOST)],
      dropIn: groupBudget(NAME, `processes_max: ${BUDGET}`),
    };
  },
};
