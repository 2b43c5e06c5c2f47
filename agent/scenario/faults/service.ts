/**
 * A fault as a service: goes wrong at its first start and works well from the second on, as much does that a restart heals.
 * Arguments are those of every fault; its parent is process 1, and its environment names the runner.
 */
import { existsSync } from 'node:fs';
import { runPaths, writeWhole } from '../record.ts';
import { ownIdentity, writtenWho } from '../who.ts';
import { stayBounded } from './bound.ts';

const [name = '', state = ''] = process.argv.slice(2);
const paths = runPaths(state, name);
const isFirst = !existsSync(paths.pgid);
writeWhole(paths.pgid, `${writtenWho(ownIdentity())}\n`);
if (isFirst) await import(`./${name}.js`);
else if (process.env['SCENARIO_HEALTHY'] === 'stays') stayBounded();
