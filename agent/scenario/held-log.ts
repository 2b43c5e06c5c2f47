import { mountOrRefuse, ownFolder } from './own-folder.ts';
import { groupBudget, NO_BUDGET, type Scenario } from './scenario.ts';
import { serviceOf } from './unit-files.ts';

const NAME = 'held-log';
const SIZE_MIB = 64;
/** 94 % of it. */
const FILL_MIB = 60;

export const HELD_LOG_PREFIX = '/var/tmp/sentinel-held-log-';

/** A service that goes on writing to a log that was deleted: the space is gone, and no file shows where. */
export const heldLog: Scenario = {
  name: NAME,
  what: `a service writes ${FILL_MIB} of ${SIZE_MIB} MiB to a log that was deleted: a tmpfs of its own (root, systemd)`,
  signal: 'disk.space',
  metric: `disk.used_percent[${HELD_LOG_PREFIX}...]`,
  linger: 30,
  unit: 'only',
  async prepare({ say }) {
    const folder = await ownFolder(NAME, 0);
    mountOrRefuse(folder, `size=${SIZE_MIB}m`, say);
    return {
      signal: this.signal,
      metric: `disk.used_percent[${folder}]`,
      expect: 'passes 90 % within 10 s',
      fix: `systemctl restart ${serviceOf(NAME)}`,
      args: [folder, String(FILL_MIB)],
      folder,
      mounted: true,
      dropIn: groupBudget(NAME, NO_BUDGET),
    };
  },
};
