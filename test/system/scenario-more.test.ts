import { readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scenarios } from '../../agent/scenario/scenarios.ts';
import { stage } from '../agent/scenario-stage.ts';

const test = suite('scenario: more faults');

test('there are twelve, each with a signal and a metric of its own', () => {
  assert.ok(scenarios.length >= 12);
  assert.is(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
  assert.is(new Set(scenarios.map(({ metric }) => metric)).size, scenarios.length);
});

for (const name of ['fd-leak', 'fork-storm', 'zombies'] as const) {
  test(`${name}: seen for its own reason, fixed by SIGTERM, seen to recover, gone without a trace`, async () => {
    const { abort, done, started, until, clean } = stage(name, ['--linger', '90']);
    const finding = await until('anomaly');
    assert.is(finding.signal, scenarios.find((one) => one.name === name)?.signal);
    process.kill(Number(started()?.pid), 'SIGTERM');
    assert.is((await until('recovery')).fingerprint, finding.fingerprint);
    abort.abort();
    assert.is(await done, 0);
    clean();
  });
}

test('inode-fill in a folder: seen, fixed by deleting, seen to recover, gone without a trace', async () => {
  const { abort, done, started, until, clean } = stage('inode-fill', ['--folder', '--linger', '90']);
  const finding = await until('anomaly');
  assert.is(finding.signal, 'folder.entries');
  const folder = started()?.folder ?? '';
  while (readdirSync(folder).length < 1_950) await sleep(100);
  // Longer than the runner's look: it must have seen that all of it was there.
  await sleep(1_000);
  for (const file of readdirSync(folder)) unlinkSync(join(folder, file));
  await until('recovery');
  abort.abort();
  assert.is(await done, 0);
  clean();
});

test('log-flood: seen by the log’s own budget, fixed by SIGTERM, gone without a trace', async () => {
  const { abort, done, started, until, clean } = stage('log-flood', ['--linger', '90']);
  const finding = await until('anomaly');
  assert.is(finding.signal, 'log.errors');
  process.kill(Number(started()?.pid), 'SIGTERM');
  await until('recovery');
  abort.abort();
  assert.is(await done, 0);
  clean();
});

test('cert-expiry: seen, fixed by deleting the file, gone without a trace', async () => {
  const { done, started, until, clean } = stage('cert-expiry', ['--linger', '0']);
  const finding = await until('anomaly');
  assert.is(finding.signal, 'certificate.expiry');
  assert.is(finding.limit.healthy, 'above');
  rmSync(join(started()?.folder ?? '', 'service.pem'));
  assert.is(await done, 0);
  clean();
});

test.run();
