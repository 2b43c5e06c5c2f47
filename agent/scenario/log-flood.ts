import { join } from 'node:path';
import { ownFolder } from './own-folder.ts';
import { type Scenario, watchedName } from './scenario.ts';

const NAME = 'log-flood';
const BUDGET_PER_MINUTE = 120;
const ROOM_MIB = 64;

/** A service that fails and says so without a pause. */
export const logFlood: Scenario = {
  name: NAME,
  what: `a process writes 10 error lines a second to its log, which may have ${BUDGET_PER_MINUTE} a minute`,
  signal: 'log.errors',
  metric: `log.errors_per_minute[${watchedName(NAME)}]`,
  linger: 90,
  async prepare() {
    const folder = await ownFolder(NAME, ROOM_MIB);
    return {
      signal: this.signal,
      metric: this.metric,
      expect: `passes ${BUDGET_PER_MINUTE} a minute within 30 s`,
      fix: 'end the process (SIGTERM)',
      args: [join(folder, 'service.log')],
      folder,
      dropIn: () =>
        `version: 1\nlogs:\n  - name: ${watchedName(NAME)}\n    glob: ${folder}/*.log\n    errors_per_minute: ${BUDGET_PER_MINUTE}\n`,
    };
  },
};
