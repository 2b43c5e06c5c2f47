import { askHub, localOperator } from '../hub/acts/client.ts';
import { readHalt } from '../hub/site/halts.ts';
import { Store } from '../hub/store/store.ts';
import { COUNTING_PLAYBOOK } from '../test/e2e/counting-playbook.ts';
import { Site } from '../test/e2e/site.ts';
import { type Emit, percentile } from './row.ts';

/** Each is a site of its own: an incident that was halted stays a person's. */
const ROUNDS = 5;
/** What is promised: a running plan is ended within it. */
const AIM_MS = 1_000;

/**
 * From an operator's halt at the hub until the command that was running on the agent has ended, with hub and agent as
 * processes on this machine. Times are the hub's record of the halt and the agent's of the command.
 */
export async function haltBench(emit: Emit): Promise<boolean> {
  const taken: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`\rround ${round} of ${ROUNDS} `);
    taken.push(await haltedWithin());
  }
  process.stderr.write('\n');
  const worst = Math.max(...taken);
  emit({ bench: 'halt', metric: 'halt_to_ended_p50_ms', value: percentile(taken, 0.5), unit: 'ms' });
  emit({ bench: 'halt', metric: 'halt_to_ended_max_ms', value: worst, unit: 'ms' });
  return worst <= AIM_MS;
}

async function haltedWithin(): Promise<number> {
  const site = new Site();
  try {
    site.playbook('folder-full', COUNTING_PLAYBOOK.replace('sleep 2', 'sleep 600'));
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const { id } = await site.reaches('proposed');
    await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');
    await site.until(() => /step\.2","begun/.test(site.journal()), 'the step that would run on');
    const answer = await askHub(site.state, localOperator(site.state), { verb: 'halt', note: 'a bench' });
    if (answer.ok === 'no') throw new Error(answer.message);
    const ended = await site.until(
      () =>
        site
          .incidents()
          .find((one) => one.id === id)
          ?.results.find(({ code }) => code === 'E_HALTED')?.ended,
      'the command has ended',
    );
    const store = new Store(site.state.store, 'read');
    const at = readHalt(store)?.at ?? Number.NaN;
    await store.close();
    return ended - at;
  } finally {
    await site.close();
  }
}
