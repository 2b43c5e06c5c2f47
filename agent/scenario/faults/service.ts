/**
 * A fault as a service: goes wrong at its first start and works well from the second on, as much does that a restart heals.
 * Arguments are those of every fault; its parent is process 1, so it watches the runner by itself.
 */
import { existsSync } from 'node:fs';
import { isAlive, runPaths, whoIs, writeWhole } from '../record.ts';
import { LOOK_MS, stayBounded } from './bound.ts';

const [name = '', state = ''] = process.argv.slice(2);
const [pid, start] = (process.env['SCENARIO_RUNNER'] ?? '').split(' ').map(Number);
const paths = runPaths(state, name);
const isFirst = !existsSync(paths.pgid);
const self = whoIs(process.pid);
if (self === null || pid === undefined || start === undefined) process.exit(1);
writeWhole(paths.pgid, `${self.pid} ${self.start}\n`);
setInterval(() => {
  if (!isAlive({ pid, start })) process.exit(0);
}, LOOK_MS).unref();
if (isFirst) await import(`./${name}.js`);
else if (process.env['SCENARIO_HEALTHY'] === 'stays') stayBounded();
