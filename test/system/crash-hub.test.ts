import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Incident, State } from '../../hub/incident.ts';
import { COUNTING_PLAYBOOK } from '../e2e/counting-playbook.ts';
import { kill, Site } from '../e2e/site.ts';

/** How often a state that lasts milliseconds is tried to be caught before the test gives up. */
const ATTEMPTS = 40;

const crash = suite('hub killed with -9');

/** Kills the hub when the store shows this state; answers the incident as the killed hub left it on the disk. */
async function killIn(site: Site, state: State): Promise<Incident | undefined> {
  await site.until(
    () => site.incidents().some((one) => one.state === state) || site.incidents().some(isPast(state)),
    state,
  );
  if (site.hub) await kill(site.hub, 'SIGKILL');
  return site.incidents()[0];
}

const ORDER: readonly State[] = ['open', 'diagnosing', 'proposed', 'approved', 'executing', 'verifying', 'resolved'];
const isPast = (state: State) => (incident: Incident) => ORDER.indexOf(incident.state) > ORDER.indexOf(state);

/** Until the incident waits for its approval nothing is approved; afterwards the approval is given once. */
const beforeApproval = (state: State) => ORDER.indexOf(state) <= ORDER.indexOf('proposed');

async function round(state: State): Promise<boolean> {
  const site = new Site();
  site.playbook('folder-full', COUNTING_PLAYBOOK);
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    let approved = false;
    const approve = async () => {
      const { id } = await site.reaches('proposed');
      const answer = await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');
      approved = answer.code === 0;
      return answer;
    };
    // `approved` lasts while the agent is away: it is stopped first, and started again with the hub.
    if (state === 'approved' && site.watcher) {
      await site.reaches('proposed');
      await kill(site.watcher, 'SIGKILL');
      await site.until(() => /agent is dead/.test(site.log), 'the will of the agent');
    }
    // Not awaited: a hub killed at the right moment never answers.
    const answer = beforeApproval(state) ? null : approve();
    const left = await killIn(site, state);
    await answer;
    const caught = left?.state === state;

    await site.startHub('--live');
    if (state === 'approved') await site.startAgent('--live');
    if (!approved && left !== undefined && beforeApproval(left.state)) await approve();
    const ended = await site.reaches('resolved', 'outcome_unknown', 'failed');
    assert.is(site.incidents().filter(({ fingerprint }) => fingerprint === ended.fingerprint).length, 1, site.told());
    assert.is(ended.state, 'resolved', site.told());
    assert.is(site.runs(), 1, 'its step ran exactly once');
    assert.is((await site.sentinel('audit', 'verify')).code, 0);
    return caught;
  } finally {
    await site.close();
  }
}

for (const state of ['open', 'diagnosing', 'proposed', 'approved', 'executing', 'verifying'] as const) {
  crash(`in ${state}: the next hub finishes the incident, and no step runs twice`, async () => {
    for (let n = 1; n <= ATTEMPTS; n++) if (await round(state)) return;
    assert.unreachable(`the hub was never caught in ${state}`);
  });
}

crash.run();
