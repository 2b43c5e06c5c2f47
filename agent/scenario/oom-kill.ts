import { makeOomGroup } from './oom-group.ts';
import { groupBudget, NO_BUDGET, type Scenario, ScenarioError } from './scenario.ts';

const NAME = 'oom-kill';
const MIB = 1_048_576;
/** Of the control group: less than what the process in it takes. */
const BOUND_MIB = 48;
const HOG_MIB = 160;

/** The kernel kills for want of memory, within a small control group: nothing else on the host is at risk. */
export const oomKill: Scenario = {
  name: NAME,
  what: `a process takes ${HOG_MIB} MiB in a control group of ${BOUND_MIB} MiB, again and again (root only)`,
  signal: 'host.oom',
  metric: 'memory.oom_kills',
  // Kills are told for a minute; then come three good samples.
  linger: 90,
  async prepare() {
    const group = process.geteuid?.() === 0 ? makeOomGroup(BOUND_MIB * MIB) : null;
    if (group === null) {
      throw new ScenarioError('E_SCENARIO_RIGHTS', 'needs a control group with a bound on memory: run it as root');
    }
    return {
      signal: this.signal,
      metric: this.metric,
      expect: 'is 1 or more within 20 s',
      fix: 'end the process that starts it (SIGTERM)',
      args: [group, String(HOG_MIB)],
      dropIn: groupBudget(NAME, NO_BUDGET),
    };
  },
};
