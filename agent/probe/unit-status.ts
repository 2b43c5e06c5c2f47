import { existsSync } from 'node:fs';
import { foreign, type Probe, ProbeError } from './probe.ts';
import { runFixed } from './run-fixed.ts';

/** What tells whether a unit runs, since when, how often it was restarted and how it ended. */
const PROPERTIES = [
  'Id',
  'LoadState',
  'ActiveState',
  'SubState',
  'Result',
  'MainPID',
  'NRestarts',
  'Restart',
  'ExecMainStatus',
  'ExecMainCode',
  'ActiveEnterTimestamp',
  'InactiveEnterTimestamp',
  'MemoryCurrent',
  'MemoryMax',
  'TasksCurrent',
  'UnitFileState',
  'FragmentPath',
  'DropInPaths',
];

/** The state of a unit, a property a line. */
export const unitStatus: Probe = async ({ name }, { signal }) => {
  if (!existsSync('/run/systemd/system')) throw new ProbeError('E_PROBE_ABSENT', 'no systemd runs here');
  const args = ['show', '--no-pager', `--property=${PROPERTIES.join(',')}`, '--', name];
  const lines = await runFixed('systemctl', args, signal);
  return lines.filter((line) => /^\w{2,32}=./.test(line)).map(foreign);
};
