import { groupBudget, NO_BUDGET, type Scenario } from './scenario.ts';

const NAME = 'zombies';
/** Over the host's own limit of 50. */
const COUNT = 64;

/** A parent that does not collect its children: no budget of its own, the host's limit sees it. */
export const zombies: Scenario = {
  name: NAME,
  what: `a process starts ${COUNT} others, which end, and collects none of them`,
  signal: 'host.zombies',
  metric: 'process.zombies',
  linger: 20,
  unit: 'may',
  async prepare() {
    return {
      signal: this.signal,
      metric: this.metric,
      expect: 'passes the host’s limit of 50 within 10 s',
      fix: 'end their parent (SIGTERM)',
      args: [String(COUNT)],
      dropIn: groupBudget(NAME, NO_BUDGET),
    };
  },
};
