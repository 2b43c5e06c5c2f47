import { mkdtempSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Growth } from '../../agent/growth.ts';
import { ANSWERS } from '../../agent/probe/catalogue.ts';
import { runProgram } from '../../agent/run-program.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { Watch } from '../../agent/watch.ts';
import { PROBE_IDS, PROBES, type ProbeId } from '../../broker/probe-catalogue.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { FRONT_DOOR, PATIENCE_MS, Site } from '../e2e/site.ts';
import { Screen } from '../tui/screen.ts';
import { allowedFamilies } from './allowed-families.ts';

/**
 * What the egress test watches from outside: `site`, a hub, an agent and a screen at work and every probe; or part N of M of
 * the families of the policy's tables that may run alone, one command of each. Prints what it did as JSON; ends with another
 * code where it could not.
 */

/** Enough to try to reach somebody; what waits for more than this has tried. */
const COMMAND_MS = 4_000;
const AT_ONCE = 4;

async function site(): Promise<void> {
  const at = new Site();
  try {
    await at.startHub('--metrics', '0');
    await at.startAgent();
    at.fill();
    const { id } = await at.reaches('proposed');
    const screen = new Screen(process.execPath, [FRONT_DOOR, 'tui', '--state', at.state.root], { cols: 120, rows: 40 });
    await screen.until((text) => /folder over its quota/.test(text), PATIENCE_MS);
    await at.sentinel('incident', 'probe', id, 'largest_folders', at.spool);
    await at.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');
    await at.reaches('escalated');
    for (const argv of [['doctor'], ['audit', 'verify'], ['incident', 'report', id]]) await at.sentinel(...argv);
    screen.type('q');
    screen.close();
  } finally {
    await at.close();
  }
}

/** Every question of the catalogue, put to what answers it: a site would refuse what its host does not name. */
async function probes(): Promise<readonly ProbeId[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-egress-'));
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch(dir), cores: availableParallelism() });
  await sensor.sample();
  const names = { folder: '/etc', host: 'localhost', unit: 'cron.service', process: '', nothing: '' } as const;
  const asked: ProbeId[] = [];
  for (const probe of PROBE_IDS) {
    const host = { sensor, growth: new Growth(), root: '/', now: Date.now, signal: AbortSignal.timeout(PATIENCE_MS) };
    // What is not there to be asked, as systemd in a namespace, says so: it has tried.
    await Promise.resolve()
      .then(() => ANSWERS[probe]({ name: names[PROBES[probe].about], pid: process.pid }, host))
      .catch(() => []);
    asked.push(probe);
  }
  sensor.close();
  return asked;
}

interface Ran {
  readonly families: number;
  readonly unknown: readonly string[];
  /** Of how many families the binary is on this machine. */
  readonly ran: number;
}

async function commands(part: number, of: number): Promise<Ran> {
  const { allowed, unknown } = allowedFamilies(await loadPolicy());
  // What asks a host is a person's to decide where none is configured, as here: test/system/families.test.ts.
  const queue = [...allowed.values()]
    .filter(({ asksHost }, i) => !asksHost && i % of === part)
    .map(({ program }) => program);
  let ran = 0;
  const work = async () => {
    for (let program = queue.shift(); program !== undefined; program = queue.shift()) {
      // A binary that is not on this machine is refused before anything is started.
      const ending = await runProgram(program, COMMAND_MS, Date.now).catch(() => null);
      if (ending !== null) ran++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { families: allowed.size, unknown, ran };
}

const [part = '', of] = process.argv.slice(2);
if (part === 'site') {
  await site();
  console.log(JSON.stringify({ probes: await probes() }));
} else console.log(JSON.stringify(await commands(Number(part), Number(of))));
// What became a daemon would be waited for: all else in this namespace of processes ends with it.
try {
  process.kill(-1, 'SIGKILL');
} catch {
  // There is nobody else.
}
