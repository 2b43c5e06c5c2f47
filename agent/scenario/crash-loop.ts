import { type Scenario, watchedName } from './scenario.ts';

const NAME = 'crash-loop';
const BUDGET = 6;

/** A supervisor and a worker that dies as often as it is started. */
export const crashLoop: Scenario = {
  name: NAME,
  what: `a supervisor restarts a worker that dies after 0.6 s; its group may restart ${BUDGET} times a minute`,
  signal: 'group.restarts',
  metric: `group.restarts_per_minute[${watchedName(NAME)}]`,
  // The rate falls to zero when the group has been gone for ten seconds; then come three good samples.
  linger: 40,
  async prepare() {
    return {
      signal: this.signal,
      metric: this.metric,
      expect: `reaches ${BUDGET} a minute within ${BUDGET + 1} samples`,
      fix: 'end the supervisor (SIGTERM)',
      args: [],
      dropIn: (pgidFile) =>
        `version: 1\ngroups:\n  - name: ${watchedName(NAME)}\n    pgid_file: ${JSON.stringify(pgidFile)}\n    restarts_per_minute: ${BUDGET}\n`,
    };
  },
};
