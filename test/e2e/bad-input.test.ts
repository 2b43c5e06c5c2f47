import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FRONT_DOOR, kill, Site } from './site.ts';

/** What a user or a host gets wrong: each has its coded error, and nothing else is disturbed. */
const bad = suite('bad input');

const run = (argv: readonly string[], options: { uid?: number; input?: string } = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [FRONT_DOOR, ...argv], {
    ...options,
    timeout: 60_000,
  });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
};

bad('a command that does not exist, an option that does not exist: usage and exit 2', () => {
  for (const argv of [['frobnicate'], ['hub', '--frobnicate'], ['incident', 'frobnicate'], []]) {
    const { status, stderr } = run(argv);
    assert.is(status, 2, argv.join(' '));
    assert.match(stderr, /sentinel/);
  }
});

bad('every command has --help with an example, and exits 0', () => {
  for (const name of ['up', 'hub', 'agent', 'tui', 'incident', 'policy', 'audit', 'scenario']) {
    const { status, stdout } = run([name, '--help']);
    assert.is(status, 0, name);
    assert.match(stdout, /example/i, name);
  }
});

bad('no site in the state folder: E_NO_SITE and the way out', () => {
  const dir = mkdtempSync('/var/tmp/sentinel-test-empty-');
  try {
    for (const argv of [['incident', 'list'], ['audit', 'verify'], ['agent']]) {
      const { status, stderr } = run([...argv, '--state', join(dir, 'none')]);
      assert.is(status, 2, argv.join(' '));
      assert.match(stderr, /E_NO_SITE.*sentinel up/s);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

bad('a state folder that can’t be written: E_STATE_READONLY and the way out', () => {
  const dir = mkdtempSync('/var/tmp/sentinel-test-readonly-');
  try {
    // Root may write anywhere but into a file, so the folder's place is taken by one.
    writeFileSync(join(dir, 'file'), '');
    for (const command of ['up', 'hub', 'agent']) {
      const { status, stderr } = run([command, '--state', join(dir, 'file', 'state')]);
      assert.is(status, 2, command);
      assert.match(stderr, /E_STATE_READONLY.*--state DIR/s);
    }
    if (process.geteuid?.() !== 0) {
      mkdirSync(join(dir, 'closed'), { mode: 0o500 });
      assert.match(run(['hub', '--state', join(dir, 'closed')]).stderr, 'E_STATE_READONLY');
      chmodSync(join(dir, 'closed'), 0o700);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

bad('a broken playbook is named with file and line, and the others work on', async () => {
  const site = new Site();
  site.playbook('broken', 'version: 1\nid: broken\ntitle: [unclosed\n');
  site.playbook('dangerous', DANGEROUS);
  try {
    await site.startHub('--live');
    assert.match(site.log, /E_PLAYBOOK|broken\.yaml:\d/);
    assert.match(site.log, /dangerous\.yaml/);
    await site.startAgent('--live');
    site.fill();
    assert.is((await site.reaches('proposed')).plan?.playbook, 'folder-full');
  } finally {
    await site.close();
  }
});

bad('a full disk: the hub says E_STORE_WRITE, acknowledges nothing, and works on when there is room', async () => {
  const site = new Site();
  try {
    // Its files may grow by a few KiB more: every later write fails as on a full disk.
    await site.startHub('--live');
    if (site.hub) await kill(site.hub, 'SIGTERM');
    const used = statSync(join(site.state.store, 'data.mdb')).size;
    await site.startHubWithin(Math.ceil(used / 1_024) + 8, '--live');
    await site.startAgent('--live');
    await site.until(() => /E_STORE_WRITE|can't write the store/.test(site.log), 'the failing write');
    // Its own model joins meanwhile: that it can't be noted costs nothing but the note.
    await site.until(() => /the model is ready/.test(site.log), 'the model');
    assert.is(site.hub?.exitCode, null, 'the hub lives');
    await site.restartHub('--live');
    site.fill();
    await site.reaches('proposed');
    assert.is((await site.sentinel('audit', 'verify')).code, 0);
  } finally {
    await site.close();
  }
});

bad('an unknown binary, rm -rf /, an unterminated quote: review or block, never allow, each with a rule', () => {
  const input = ['frobnicate --now', 'rm -rf /', "echo 'unterminated", 'uptime'].join('\n');
  const { status, stdout } = run(['policy', 'check', '-'], { input });
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(
    answers.map(({ verdict }) => verdict),
    ['review', 'block', 'review', 'allow'],
  );
  assert.ok(answers.every(({ rule, reason }) => rule && reason));
  assert.is(status, 1);
});

const DANGEROUS = `version: 1
id: dangerous
title: Removes everything
class: disk
match:
  signals: [folder.space]
  description: a watched folder is over its quota
pre_checks: []
steps:
  - run: rm -rf /
    why: Never.
    rollback: null
verify:
  within: 30s
  post_checks: []
idempotent: true
concurrency: host
max_wait: 60s
`;

bad.run();
