import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kill, Site } from './site.ts';

/** The whole way through with hub and agent as separate processes over a real socket. */
const journey = suite('journey');

journey(
  'a fault is detected, proposed, approved, fixed live, verified and resolved; the audit chain verifies',
  async () => {
    const site = new Site();
    try {
      await site.startHub('--live');
      await site.startAgent('--live');
      site.fill();
      const proposed = await site.reaches('proposed');
      assert.is(proposed.event.signal, 'folder.space');
      assert.is(proposed.plan?.decision, 'review', 'deleting files needs a person');
      assert.ok(
        proposed.plan?.chain.every(({ evidence }) => evidence.length > 0),
        'every claim cites evidence',
      );

      const refused = await site.sentinel('incident', 'approve', proposed.id, '--yes');
      assert.is(refused.code, 1, 'a review step without consent runs nothing');
      assert.match(refused.stderr, 'E_ACT_CONSENT');

      const approved = await site.sentinel('incident', 'approve', proposed.id, '--reviewed', 'all', '--yes');
      assert.is(approved.code, 0, approved.stderr);
      const resolved = await site.reaches('resolved');
      assert.is(resolved.id, proposed.id);
      assert.equal(
        resolved.timeline.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]),
        ['open', 'diagnosing', 'proposed', 'approved', 'executing', 'verifying', 'resolved'],
      );
      assert.ok(resolved.results.every(({ state }) => state === 'done'));
      assert.is(site.runs('full'), 0, 'the files are really gone');

      const listed = await site.sentinel('incident', 'list', '--json');
      const own = listed.stdout.split('\n').find((line) => line.includes(resolved.id));
      const { id, state, host, title, severity, opened } = JSON.parse(own ?? '');
      assert.equal([id, state, host], [resolved.id, 'resolved', site.agent]);
      assert.ok(title && severity && opened);
      const exported = join(site.dir, 'audit.jsonl');
      const audit = await site.sentinel('audit', 'verify', '--export', exported);
      assert.is(audit.code, 0, audit.stdout);
      const lines = readFileSync(exported, 'utf8').trim().split('\n');
      const kinds = lines.map((line) => JSON.parse(line).kind);
      for (const kind of ['hub.started', 'incident.opened', 'plan.vetted', 'plan.approved', 'order.sent']) {
        assert.ok(kinds.includes(kind), kind);
      }
    } finally {
      await site.close();
    }
  },
);

journey('a dry run on either side records what would have run, changes nothing and goes to a person', async () => {
  for (const [hubMode, agentMode] of [
    [['--live'], []],
    [[], ['--live']],
  ] as const) {
    const site = new Site();
    try {
      await site.startHub(...hubMode);
      await site.startAgent(...agentMode);
      site.fill();
      const { id } = await site.reaches('proposed');
      assert.is((await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes')).code, 0);
      const escalated = await site.reaches('escalated');
      assert.is(escalated.reason, 'dry_run');
      assert.is.not(escalated.owner, 'nobody');
      assert.ok(escalated.results.every(({ state }) => state === 'dry_run'));
      assert.is(site.runs('full'), 1, 'nothing was deleted');
    } finally {
      await site.close();
    }
  }
});

journey('a rejected incident is closed with who and why; approving it afterwards is refused', async () => {
  const site = new Site();
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const { id } = await site.reaches('proposed');
    assert.is((await site.sentinel('incident', 'reject', id, '--note', 'known: nightly import')).code, 0);
    const rejected = await site.reaches('rejected');
    assert.match(rejected.timeline.at(-1)?.note ?? '', 'nightly import');
    const late = await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');
    assert.is.not(late.code, 0);
    assert.is(site.runs('full'), 1);
  } finally {
    await site.close();
  }
});

journey('a fix that does not help is undone, is not tried again, and ends with a person', async () => {
  const site = new Site();
  site.playbook(
    'folder-full',
    `version: 1
id: folder-full
title: Touches a file, which helps nothing
class: disk
match:
  signals: [folder.space]
  description: a watched folder is over its quota
pre_checks: []
steps:
  - run: mktemp -p {folder} ran.XXXXXX
    why: Leaves one file for each run.
    rollback: mktemp -p {folder} undone.XXXXXX
verify:
  within: 2s
  post_checks: []
idempotent: true
concurrency: host
max_wait: 60s
`,
  );
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const { id } = await site.reaches('proposed');
    assert.is((await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes')).code, 0);
    const ended = await site.reaches('escalated');
    assert.ok(
      ended.timeline.some(({ state }) => state === 'rolled_back'),
      site.told(),
    );
    assert.equal(ended.tried, ['folder-full']);
    assert.is.not(ended.owner, 'nobody');
    assert.equal([site.runs(), site.runs('undone.')], [1, 1]);
  } finally {
    await site.close();
  }
});

journey('a second hub on the same state says so and exits 2; an occupied port takes the next', async () => {
  const site = new Site();
  const other = new Site();
  try {
    await site.startHub();
    const second = await site.sentinel('hub');
    assert.is(second.code, 2);
    assert.match(second.stderr, 'E_RUNNING');
    const taken = Number(/address=\S+:(\d+)/.exec(site.log)?.[1]);
    await other.startHub('--port', String(taken));
    assert.is.not(Number(/address=\S+:(\d+)/.exec(other.log)?.[1]), taken);
    if (site.hub) await kill(site.hub, 'SIGTERM');
    await site.startHub();
    assert.ok(site.hub?.exitCode === null, 'a second start finds its state');
  } finally {
    await site.close();
    await other.close();
  }
});

journey(
  'a rule that the site adds holds at once, at the hub and at the agent; a broken one changes nothing',
  async () => {
    const site = new Site();
    const rule = (body: string) => writeFileSync(join(site.state.policy, 'plant.yaml'), `family: plant\n${body}`);
    try {
      await site.startHub('--live');
      await site.startAgent('--live');
      site.fill();
      const { id, plan } = await site.reaches('proposed');
      rule('tighten:\n  - { match: [uptime], decision: sometimes }\nexamples: {}\n');
      await site.until(
        () => /the rules stay as they were.*E_POLICY_SCHEMA/.test(site.log),
        'the refusal of a broken rule',
      );
      rule(
        "tighten:\n  - { match: [find], decision: block, reason: nobody deletes here }\nexamples:\n  block: ['find /srv -name x']\n",
      );
      await site.until(() => /hub .*the rules have changed/.test(site.log), 'the new rules');
      // The plan was vetted by the rules of before: the agent, which has the new ones too, refuses it.
      assert.is((await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes')).code, 0);
      const failed = await site.reaches('failed', 'resolved', 'rolled_back', 'escalated');
      assert.is(failed.state, 'failed', site.told());
      assert.is(failed.reason, 'E_POLICY_BLOCK');
      assert.is(site.runs('full'), 1, 'nothing was deleted');
      assert.is((await site.sentinel('incident', 'reject', id)).code, 0);
      // What is vetted from now on is blocked before anyone sees it.
      rmSync(join(site.spool, 'full.tmp'));
      await site.until(() => /recovery:/.test(site.log), 'the recovery');
      site.fill();
      const blocked = await site.reaches('escalated');
      assert.is(blocked.reason, 'blocked');
      assert.is.not(blocked.plan?.policy_hash, plan?.policy_hash);
    } finally {
      await site.close();
    }
  },
);

journey.run();
