import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { getIncident, listIncidents } from '../../hub/store/incidents.ts';
import { kill, Site } from '../e2e/site.ts';
import { hasCommand, needsPackages, ROOT_PATH } from './debian.ts';

const test = suite('alerts of a real Alertmanager');

/** A port of loopback that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('Debian’s Alertmanager brings an alert and takes it back', async () => {
  needsPackages(['prometheus-alertmanager'], () => hasCommand('prometheus-alertmanager'));
  const site = new Site();
  const token = join(site.dir, 'webhooks.token');
  writeFileSync(token, '0123456789abcdef0123456789abcdef\n', { mode: 0o600 });
  await site.startHub('--webhooks', '0', '--webhooks-token', token);
  const [, address = ''] = /takes alerts address=(\S+)/.exec(site.log) ?? [];
  const config = `
route: { receiver: sentinel, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 5s }
receivers:
  - name: sentinel
    webhook_configs:
      - url: http://${address}/webhook/alertmanager
        max_alerts: 1000
        http_config: { authorization: { credentials_file: ${token} } }
`;
  const file = join(site.dir, 'alertmanager.yml');
  writeFileSync(file, config);
  const port = await freePort();
  const flags = [`--config.file=${file}`, `--storage.path=${site.dir}/am`, `--web.listen-address=127.0.0.1:${port}`];
  const manager = spawn('prometheus-alertmanager', [...flags, '--cluster.listen-address='], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: ROOT_PATH },
  });
  let said = '';
  manager.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  const started = new Date().toISOString();
  const tell = (change: object): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([
        {
          labels: { alertname: 'PumpStuck', instance: `${site.agent}:9100`, severity: 'page' },
          annotations: { summary: 'Pump 3 does not turn' },
          startsAt: started,
          ...change,
        },
      ]),
    }).then(
      ({ ok }) => ok,
      () => false,
    );
  const incident = () => {
    const store = site.reader();
    const known = store === null ? [] : listIncidents(store, 10).filter(({ title }) => title === 'alert: PumpStuck');
    return known[0] && store ? getIncident(store, known[0].id) : undefined;
  };
  try {
    for (let n = 0; n < 300 && !(await tell({})); n++) await sleep(100);
    const opened = await site.until(() => (incident()?.state === 'escalated' ? incident() : false), `it\n${said}`);
    assert.is(opened.host, site.agent);
    assert.is(opened.severity, 'critical');
    assert.is(opened.event.reason, 'Pump 3 does not turn');
    await site.until(() => (incident()?.repeats ?? 0) > 0, 'its repeat');
    assert.ok(await tell({ endsAt: new Date().toISOString() }));
    const closed = await site.until(() => (incident()?.state === 'resolved' ? incident() : false), `its end\n${said}`);
    assert.is(closed.reason, 'recovered');
    assert.is(closed.id, opened.id);
  } finally {
    await kill(manager, 'SIGTERM');
    await site.close();
  }
});

test.run();
