import { spawnSync } from 'node:child_process';
import { readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stage } from '../agent/scenario-stage.ts';

const test = suite('scenario: faults that only root can make');

test('read-only: a mount that was writable is seen to be so no more, and to be well again', async () => {
  const { abort, done, started, until, clean } = stage('read-only', ['--linger', '90']);
  const finding = await until('anomaly');
  assert.is(finding.signal, 'disk.read_only');
  assert.is(finding.severity, 'critical');
  // The scenario has to have seen it closed as well, to know that it was opened again.
  await sleep(4_000);
  assert.is(spawnSync('mount', ['-o', 'remount,rw', started()?.folder ?? '']).status, 0);
  await until('recovery');
  abort.abort();
  assert.is(await done, 0);
  clean();
});

test('oom-kill: the kernel’s own count of kills is seen, from a group that harms nobody else', async () => {
  const { done, abort, started, until, clean } = stage('oom-kill', ['--linger', '90']);
  const finding = await until('anomaly');
  assert.is(finding.signal, 'host.oom');
  assert.match(finding.reason, /Programs killed for want of memory: [1-9]/);
  process.kill(Number(started()?.pid), 'SIGTERM');
  await until('recovery');
  abort.abort();
  assert.is(await done, 0);
  clean();
});

test('inode-fill on a filesystem of its own: seen as its inodes, fixed by deleting', async () => {
  const { abort, done, started, until, clean } = stage('inode-fill', ['--linger', '90']);
  const finding = await until('anomaly');
  assert.is(finding.signal, 'disk.inodes');
  const folder = started()?.folder ?? '';
  while (readdirSync(folder).length < 1_950) await sleep(100);
  await sleep(1_000);
  for (const file of readdirSync(folder)) unlinkSync(join(folder, file));
  await until('recovery');
  abort.abort();
  assert.is(await done, 0);
  clean();
});

test.run();
