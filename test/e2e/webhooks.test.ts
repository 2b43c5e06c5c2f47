import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listIncidents } from '../../hub/store/incidents.ts';
import { fromAlertmanager } from '../hub/webhooks/payloads.ts';
import { Site } from './site.ts';

const test = suite('alerts of other systems, end to end');

test('an alert that was answered with 200 outlives its hub, and its end resolves it at the next one', async () => {
  const site = new Site();
  const token = '0123456789abcdef0123456789abcdef';
  const file = join(site.dir, 'webhooks.token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const address = (what: string) => [...site.log.matchAll(new RegExp(`${what} address=(\\S+)`, 'g'))].at(-1)?.[1] ?? '';
  const post = (body: string) =>
    fetch(`http://${address('takes alerts')}/webhook/alertmanager`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${token}` },
    });
  const incident = () => {
    const store = site.reader();
    return store === null ? undefined : listIncidents(store, 100).find(({ title }) => title === 'alert: NodeDiskFull');
  };
  const flags = ['--webhooks', '0', '--webhooks-token', file, '--metrics', '0'];
  try {
    await site.startHub(...flags);
    assert.is((await post(fromAlertmanager({}))).status, 200);
    await site.restartHub(...flags);
    const { id } = await site.until(() => (incident()?.state === 'escalated' ? incident() : false), 'the incident');
    assert.is((await post(fromAlertmanager({ status: 'resolved' }))).status, 200);
    await site.until(() => incident()?.state === 'resolved' && incident()?.id === id, 'its end');
    const metrics = await (await fetch(`http://${address('metrics and health')}/metrics`)).text();
    assert.match(metrics, /^sentinel_alerts_total\{source="alertmanager",outcome="taken"\} 1$/m);

    const { code, stderr } = await site.sentinel('hub', '--webhooks', '0');
    assert.is(code, 2, 'never without a token');
    assert.match(stderr, /--webhooks-token FILE belong together/);
  } finally {
    await site.close();
  }
});

test.run();
