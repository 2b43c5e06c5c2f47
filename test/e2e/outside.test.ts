import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Outsider } from '../broker/outsider.ts';
import { kill, Site } from './site.ts';

/** Hub and agent as clients of a broker that neither of them runs. */
const outside = suite<{ site: Site; outsider: Outsider; flags: string[] }>('outside broker');

outside.before.each(async (context) => {
  context.site = new Site();
  context.outsider = new Outsider();
  await context.outsider.start();
  const credentials = join(context.site.dir, 'hub.json');
  writeFileSync(credentials, JSON.stringify({ version: 1, username: 'hub', password: 'any' }), { mode: 0o600 });
  context.flags = ['--live', '--broker', `mqtt://127.0.0.1:${context.outsider.port}`, '--credentials', credentials];
});
outside.after.each(async ({ site, outsider }) => {
  await site.close();
  await outsider.stop();
});

outside(
  'the whole way through, and an event that came while hub and broker were gone',
  async ({ site, outsider, flags }) => {
    await site.startHub(...flags);
    await site.startAgent('--live');
    site.fill();
    const proposed = await site.reaches('proposed');
    const approved = await site.sentinel('incident', 'approve', proposed.id, '--reviewed', 'all', '--yes');
    assert.is(approved.code, 0, approved.stderr);
    const resolved = await site.reaches('resolved');
    assert.ok(resolved.results.every(({ state }) => state === 'done'));

    // The hub is killed, then the broker loses all that it knew: subscriptions, queues, retained messages.
    if (site.hub !== null) await kill(site.hub, 'SIGKILL');
    await outsider.stop();
    await outsider.start();
    site.fill();
    // The broker has acknowledged the event, and had nobody to give it to.
    await site.until(() => site.log.split('anomaly:').length > 2, 'a second anomaly');
    await site.startHub(...flags);
    const again = await site.until(
      () => site.incidents().find(({ id, state }) => id !== resolved.id && state === 'proposed'),
      'the incident of the event that was said to nobody',
    );
    assert.is(again.event.signal, 'folder.space');
  },
);

outside('a wrong pair of flags is named', async ({ site }) => {
  for (const [flags, expected] of [
    [['--broker', 'mqtt://127.0.0.1:1'], /--credentials/],
    [['--broker', 'http://x', '--credentials', join(site.dir, 'hub.json')], /E_CREDENTIALS/],
    [['--broker', 'mqtt://a:b@x', '--credentials', join(site.dir, 'hub.json')], /E_CREDENTIALS/],
  ] as const) {
    const { code, stderr } = await site.sentinel('hub', ...flags);
    assert.is(code, 2);
    assert.match(stderr, expected);
  }
  const { code, stderr } = await site.sentinel('agent', '--id', 'web-1', '--credentials', join(site.dir, 'hub.json'));
  assert.is(code, 2);
  assert.match(stderr, /its username must be the agent's id, web-1/);
});

outside.run();
