import { type Scenario, watchedName } from './scenario.ts';
import { serviceOf } from './unit-files.ts';

const NAME = 'workload-ended';

/** A service that ends without an error: systemd calls nothing failed, and yet its work is not done. */
export const workloadEnded: Scenario = {
  name: NAME,
  what: 'a service that must run ends by itself after 5 s, without an error (root, systemd)',
  signal: 'group.missing',
  metric: `group.missing[${watchedName(NAME)}]`,
  linger: 30,
  unit: 'only',
  async prepare() {
    return {
      signal: this.signal,
      metric: this.metric,
      expect: 'is 1 within 10 s',
      fix: `systemctl start ${serviceOf(NAME)}`,
      args: [],
      dropIn: (pgidFile) =>
        `version: 1\ngroups:\n  - name: ${watchedName(NAME)}\n    pgid_file: ${JSON.stringify(pgidFile)}\n    processes_min: 1\n    unit: ${serviceOf(NAME)}\n`,
    };
  },
};
