import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openReceiver } from '../hub/notify/receiver.ts';
import { kill, Site } from './site.ts';

const test = suite('telling of incidents');

test('a hub that is killed tells, when it is back, what a channel did not take', async () => {
  const site = new Site();
  const receiver = await openReceiver();
  receiver.answer = () => ({ status: 503 });
  try {
    const channel = `{ name: ops, kind: webhook, url: "${receiver.url}", match: "signal=folder.*" }`;
    writeFileSync(site.state.notify, `version: 1\nchannels:\n  - ${channel}\n`);
    await site.startHub('--metrics', '0');
    await site.startAgent();
    site.fill();
    const { id } = await site.reaches('proposed', 'escalated');
    await site.until(() => receiver.got.length > 0, 'a first try');
    const [, address = ''] = /metrics and health address=(\S+)/.exec(site.log) ?? [];
    const metrics = await (await fetch(`http://${address}/metrics`)).text();
    assert.match(metrics, /^sentinel_notices_waiting\{channel="ops"\} 1$/m);

    if (site.hub !== null) await kill(site.hub, 'SIGKILL');
    const before = receiver.got.length;
    receiver.answer = () => ({ status: 200 });
    await site.startHub();
    await site.until(() => receiver.got.length > before, 'the notice');
    const [first] = receiver.got;
    const last = receiver.got[before];
    assert.is((last?.body['incident'] as { readonly id: string } | undefined)?.id, id);
    assert.is(last?.body['id'], first?.body['id'], 'the same notice, not another');

    const { code, stdout } = await site.sentinel('incident', 'report', id, '--html');
    assert.is(code, 0);
    assert.match(stdout, new RegExp(`^<!doctype html>[\\s\\S]*Incident ${id}, `));
  } finally {
    await receiver.close();
    await site.close();
  }
});

test.run();
