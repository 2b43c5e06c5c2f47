import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../agent/run-program.ts';
import { PROBE_IDS, PROBES } from '../../broker/probe-catalogue.ts';

import { loadPolicy } from '../../policy/policy.ts';
import type { Program } from '../../policy/program.ts';
import type { Inventory } from '../../policy/verdict.ts';
import { FRONT_DOOR, PATIENCE_MS, Site } from '../e2e/site.ts';
import { Screen } from '../tui/screen.ts';

/**
 * What the egress test watches from outside: a hub, an agent and a screen at work, every probe, and one command of each
 * family that may run alone. Prints what it did as JSON; ends with another code where it could not.
 */

const CORPUS = fileURLToPath(new URL('../../../fixtures/policy/corpus', import.meta.url));
/** Enough to try to reach somebody; what waits for more than this has tried. */
const COMMAND_MS = 4_000;
const AT_ONCE = 4;

async function site(): Promise<{ readonly probes: number }> {
  const at = new Site();
  try {
    await at.startHub('--metrics', '0');
    await at.startAgent();
    at.fill();
    const { id } = await at.reaches('proposed');
    const screen = new Screen(process.execPath, [FRONT_DOOR, 'tui', '--state', at.state.root], { cols: 120, rows: 40 });
    await screen.until((text) => /folder over its quota/.test(text), PATIENCE_MS);
    let probes = 0;
    for (const probe of PROBE_IDS) {
      const { about } = PROBES[probe];
      const name = { folder: at.spool, host: 'localhost', unit: 'cron.service', process: '1', nothing: '' }[about];
      const { code } = await at.sentinel('incident', 'probe', id, probe, ...(name === '' ? [] : [name]));
      if (code === 0) probes++;
    }
    await at.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');
    await at.reaches('escalated');
    for (const argv of [['doctor'], ['audit', 'verify'], ['incident', 'report', id]]) await at.sentinel(...argv);
    screen.type('q');
    screen.close();
    return { probes };
  } finally {
    await at.close();
  }
}

const NO_HOSTS: Inventory = { units: [], mounts: [], containers: [], hosts: [], folders: [], processes: [] };

/** One allowed command of each family: the first word, and the word after it where that is no option. */
async function families(): Promise<ReadonlyMap<string, Program>> {
  const policy = await loadPolicy();
  const found = new Map<string, Program>();
  for (const file of readdirSync(CORPUS).filter((name) => name.startsWith('allow-'))) {
    for (const line of readFileSync(`${CORPUS}/${file}`, 'utf8').trim().split('\n')) {
      const { cmd } = JSON.parse(line) as { readonly cmd: string };
      const { decision, program } = policy.check(cmd, null);
      if (decision !== 'allow' || program === null) continue;
      const unnamed = policy.check(cmd, NO_HOSTS);
      if (unnamed.attributes.includes('egress')) {
        // Allowed only because every host counts as configured in the corpus: here none is, and then a person decides.
        if (unnamed.decision === 'allow') throw new Error(`${cmd} asks a host that nobody named`);
        continue;
      }
      const [first = '', second = ''] = program.jobs[0]?.pipe[0]?.argv ?? [];
      const family = second.startsWith('-') || second.startsWith('/') ? first : `${first} ${second}`;
      if (!found.has(family)) found.set(family, program);
    }
  }
  return found;
}

async function commands(): Promise<{ readonly families: number; readonly ran: number }> {
  const all = await families();
  const queue = [...all.values()];
  let ran = 0;
  const work = async () => {
    for (let program = queue.shift(); program !== undefined; program = queue.shift()) {
      // A binary that is not on this machine is refused before anything is started.
      const ending = await runProgram(program, COMMAND_MS, Date.now).catch(() => null);
      if (ending !== null) ran++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { families: all.size, ran };
}

console.log(JSON.stringify({ ...(await site()), ...(await commands()) }));
