import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Site } from '../e2e/site.ts';
import { hasCommand, needsPackages, ROOT_PATH } from './debian.ts';

const test = suite('metrics, by Prometheus’ own parser');

test('promtool reads what a real hub serves, and finds nothing to mend', async () => {
  needsPackages(['prometheus'], () => hasCommand('promtool'));
  const site = new Site();
  try {
    await site.startHub('--metrics', '0');
    const [, address = ''] = /metrics and health address=(\S+)/.exec(site.log) ?? [];
    const health = await fetch(`http://${address}/healthz`);
    assert.is(health.status, 200, await health.text());
    const input = await (await fetch(`http://${address}/metrics`)).text();
    assert.match(input, /^sentinel_incident_transitions_total\{state="open"\} 0$/m);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input,
      encoding: 'utf8',
      env: { PATH: ROOT_PATH },
    });
    assert.is(`${stdout}${stderr}`, '');
    assert.is(status, 0);
  } finally {
    await site.close();
  }
});

test.run();
