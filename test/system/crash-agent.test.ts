import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomLlama } from '../../fixtures/model/random-llama.ts';
import { COUNTING_PLAYBOOK } from '../e2e/counting-playbook.ts';
import { kill, Site } from '../e2e/site.ts';

/** How often a state that lasts milliseconds is tried to be caught before the test gives up. */
const ATTEMPTS = 20;

const crash = suite('agent killed with -9');

async function withSite<T>(act: (site: Site) => Promise<T>, model?: (site: Site) => string): Promise<T> {
  const site = new Site();
  site.playbook('folder-full', COUNTING_PLAYBOOK);
  try {
    const flags = model === undefined ? [] : ['--model', model(site)];
    await site.startHub('--live', ...flags);
    if (model !== undefined) await site.until(() => /the model is ready/.test(site.log), 'the model');
    await site.startAgent('--live');
    site.fill();
    return await act(site);
  } finally {
    await site.close();
  }
}

const killAgent = async (site: Site) => {
  if (site.watcher) await kill(site.watcher, 'SIGKILL');
};

const approve = (site: Site, id: string) => site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');

/** Approves the plan of an incident that was caught early, and checks that it ends as if nothing had happened. */
async function finishes(site: Site): Promise<void> {
  await site.startAgent('--live');
  const { id } = await site.reaches('proposed');
  assert.is((await approve(site, id)).code, 0);
  const ended = await site.reaches('resolved', 'outcome_unknown', 'failed');
  assert.is(ended.state, 'resolved', site.told());
  assert.is(site.runs(), 1);
  assert.is((await site.sentinel('audit', 'verify')).code, 0);
}

crash('in open: the incident goes on without it, and its plan runs once it is back', async () => {
  for (let n = 1; n <= ATTEMPTS; n++) {
    const caught = await withSite(async (site) => {
      const seen = await site.catches('open');
      await killAgent(site);
      if (seen) await finishes(site);
      return seen;
    });
    if (caught) return;
  }
  assert.unreachable('no incident was ever caught in open');
});

/** Wide enough that llama.cpp thinks for seconds on one thread: `diagnosing` then lasts as long. */
const slowModel = (site: Site): string => {
  const file = join(site.dir, 'slow.gguf');
  randomLlama(file, { width: 512, layers: 6, heads: 8, feedForward: 1_024 });
  return file;
};

crash('in diagnosing: the thought is finished without it, and the plan runs once it is back', () =>
  withSite(async (site) => {
    assert.ok(await site.catches('diagnosing'), 'the model made it last');
    await killAgent(site);
    assert.is(site.incidents()[0]?.state, 'diagnosing', 'it died while the model thought');
    await finishes(site);
  }, slowModel),
);

crash('in proposed: the agent that comes back runs the plan that was approved meanwhile', () =>
  withSite(async (site) => {
    const { id } = await site.reaches('proposed');
    await killAgent(site);
    assert.is((await approve(site, id)).code, 0);
    await site.startAgent('--live');
    const ended = await site.reaches('resolved', 'outcome_unknown', 'failed');
    assert.is(ended.state, 'resolved', site.told());
    assert.is(site.runs(), 1);
  }),
);

crash('in executing, between begin and end of a step: outcome unknown, a person named, nothing run again', () =>
  withSite(async (site) => {
    const { id } = await site.reaches('proposed');
    assert.is((await approve(site, id)).code, 0);
    await site.reaches('executing');
    await site.until(() => /step\.2","begun"/.test(site.journal()), 'the second step to begin');
    await killAgent(site);
    await site.startAgent('--live');
    const ended = await site.reaches('outcome_unknown', 'resolved', 'failed');
    assert.is(ended.state, 'outcome_unknown', site.told());
    assert.is.not(ended.owner, 'nobody');
    assert.is(site.runs(), 1, 'no step ran twice');
    assert.is((await site.sentinel('audit', 'verify')).code, 0);
  }),
);

crash('in verifying: telemetry of the new start resolves the incident', () =>
  withSite(async (site) => {
    const { id } = await site.reaches('proposed');
    assert.is((await approve(site, id)).code, 0);
    await site.reaches('verifying');
    await killAgent(site);
    await site.startAgent('--live');
    const ended = await site.reaches('resolved', 'outcome_unknown', 'failed');
    assert.is(ended.state, 'resolved', site.told());
    assert.is(site.runs(), 1);
  }),
);

crash('while the hub is down: what it saw reaches the hub when both are back', async () => {
  const site = new Site();
  site.playbook('folder-full', COUNTING_PLAYBOOK);
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    await site.until(() => /agent is here/.test(site.log), 'the agent at the hub');
    if (site.hub) await kill(site.hub, 'SIGKILL');
    site.fill();
    await site.until(() => /anomaly:/.test(site.log), 'the anomaly at the agent');
    await killAgent(site);
    await site.startHub('--live');
    assert.is(site.incidents().length, 0);
    await site.startAgent('--live');
    const { event } = await site.reaches('proposed');
    assert.is(event.signal, 'folder.space');
  } finally {
    await site.close();
  }
});

crash.run();
