import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { processRef, readProcessStat } from '../../agent/sense/process-stat.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Phase, Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { withKey, withoutOperator } from '../../broker/roster-change.ts';
import { loadJudge } from '../../policy/policy.ts';
import type { Program } from '../../policy/program.ts';
import { inShort, judgeOf, type Planned, programOf, TestSite } from './order-fixtures.ts';

const test = suite<{ site: TestSite }>('execute');
test.before.each((context) => {
  context.site = new TestSite();
});
test.after.each(({ site }) => site.close());

const planned = (phase: Phase, number: number, program: Program): Planned => ({ phase, number, program });
/** A verdict on what changes something. */
const changing: ReturnType<typeof judgeOf>['judge'] = (...asked) => ({
  ...judgeOf('allow').judge(...asked),
  effect: 'change',
});
/** Adds a line to a file each time it runs: `tee -a` of a line is the only way to count without a shell. */
const counts = (file: string): Program => programOf(['echo', 'ran'], ['tee', '-a', file]);
const linesOf = (file: string): number => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);

test('an order that comes again runs nothing again, and reports what was recorded', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, counts(file)), planned('step', 2, programOf(['echo', 'second']))];
  const order = site.order(site.approval(plan), plan);
  const first = await site.run(order);
  assert.equal(inShort(first), ['step 1 done', 'step 2 done']);
  assert.is(first[1]?.stdout, 'second\n');
  assert.equal(await site.run(order), first);
  site.restart();
  assert.equal(await site.run(order), first);
  assert.is(linesOf(file), 1);
});

test('another order with the same approval runs nothing again either', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, counts(file))];
  const approval = site.approval(plan);
  await site.run(site.order(approval, plan));
  assert.equal(inShort(await site.run(site.order(approval, plan, { timeout: 5 }))), ['step 1 done']);
  assert.is(linesOf(file), 1);
});

test('one order that names its step twice runs it once', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, counts(file))];
  const order = site.order(site.approval(plan), [...plan, ...plan]);
  assert.equal(inShort(await site.run(order)), ['step 1 done', 'step 1 done']);
  assert.is(linesOf(file), 1);
});

test('a step that began and has no end is unknown for ever, and what follows it does not run', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, counts(file)), planned('step', 2, counts(file))];
  const approval = site.approval(plan);
  site.journal.begin({ approval: approval.id, phase: 'step', number: 1 }, 1);
  site.restart();
  for (let again = 0; again < 2; again++) {
    const reports = await site.run(site.order(approval, plan));
    assert.equal(inShort(reports), ['step 1 outcome_unknown E_STEP_INTERRUPTED']);
  }
  assert.is(linesOf(file), 0);
});

test('a step that failed ends the order', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, programOf(['false'])), planned('step', 2, counts(file))];
  const reports = await site.run(site.order(site.approval(plan), plan));
  assert.equal(inShort(reports), ['step 1 failed']);
  assert.is(reports[0]?.exit, 1);
  assert.ok(reports[0]?.last);
  assert.is(linesOf(file), 0);
});

test('a dry run on the hub or on the agent runs nothing and remembers nothing', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('pre', 1, counts(file)), planned('step', 1, counts(file))];
  const approval = site.approval(plan);
  const onAgent = await site.run(site.order(approval, plan), { live: false });
  assert.equal(inShort(onAgent), ['pre 1 dry_run agent_dry_run', 'step 1 dry_run agent_dry_run']);
  const onHub = await site.run(site.order(approval, plan, { dry_run: true }));
  assert.equal(inShort(onHub), ['pre 1 dry_run hub_dry_run', 'step 1 dry_run hub_dry_run']);
  assert.is(linesOf(file), 0);
  assert.equal(inShort(await site.run(site.order(approval, plan))), ['pre 1 done', 'step 1 done']);
  assert.is(linesOf(file), 2);
});

test('a review step runs with its operator’s consent to that very number, and not without', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, counts(file)), planned('step', 2, counts(file))];
  const judge = judgeOf('review');
  for (const reviewed of [[], [2]]) {
    const reports = await site.run(site.order(site.approval(plan, { reviewed }), plan), { judge });
    assert.equal(inShort(reports), ['step 1 refused E_POLICY_REVIEW']);
  }
  const half = await site.run(site.order(site.approval(plan, { reviewed: [1] }), plan), { judge });
  assert.equal(inShort(half), ['step 1 done', 'step 2 refused E_POLICY_REVIEW']);
  assert.is(linesOf(file), 1);
});

test('consent to a step covers its own rollback, and no check', async ({ site }) => {
  const [done, undone] = [site.file('done'), site.file('undone')];
  const plan = [
    planned('step', 1, counts(done)),
    planned('post', 1, counts(undone)),
    planned('rollback', 1, counts(undone)),
  ];
  const approval = site.approval(plan, { reviewed: [1] });
  const judge = judgeOf('review');
  assert.equal(inShort(await site.run(site.order(approval, plan.slice(0, 2)), { judge })), [
    'step 1 done',
    'post 1 refused E_POLICY_REVIEW',
  ]);
  assert.equal(inShort(await site.run(site.order(approval, plan.slice(2)), { judge })), ['rollback 1 done']);
  assert.equal([linesOf(done), linesOf(undone)], [1, 1]);
});

test('what policy blocks runs with no consent', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, counts(file))];
  const order = site.order(site.approval(plan, { reviewed: [1] }), plan);
  assert.equal(inShort(await site.run(order, { judge: judgeOf('block') })), ['step 1 refused E_POLICY_BLOCK']);
  assert.is(linesOf(file), 0);
});

test('the agent’s own policy judges each program again, whoever approved it', async ({ site }) => {
  const judge = loadJudge();
  const file = site.file('victim');
  writeFileSync(file, '');
  const wanted: readonly (readonly [Program, string])[] = [
    [programOf(['rm', '-rf', '/']), 'E_POLICY_BLOCK'],
    [programOf(['truncate', '-s', '0', '/etc/passwd']), 'E_POLICY_'],
    [programOf(['sh', '-c', `rm ${file}`]), 'E_POLICY_'],
    [programOf(['no-such-binary']), 'E_POLICY_REVIEW'],
  ];
  for (const [program, code] of wanted) {
    const plan = [planned('step', 1, program)];
    const [report] = await site.run(site.order(site.approval(plan, { policy_hash: judge.hash }), plan), { judge });
    assert.is(report?.state, 'refused');
    assert.ok(report?.code?.startsWith(code), `${report?.code}`);
  }
  assert.ok(existsSync(file));
  const plan = [planned('step', 1, programOf(['df', '-h']))];
  assert.equal(inShort(await site.run(site.order(site.approval(plan, { policy_hash: judge.hash }), plan), { judge })), [
    'step 1 done',
  ]);
});

test('a plan that was vetted under another policy is refused, and so is consent where the site forbids it', async ({
  site,
}) => {
  const plan = [planned('step', 1, programOf(['df', '-h']))];
  const foreign = site.approval(plan, { policy_hash: 'e'.repeat(64) });
  const reports = await site.run(site.order(foreign, plan), { judge: loadJudge() });
  assert.equal(inShort(reports), ['step 1 refused E_POLICY_BLOCK']);

  const file = site.file('count');
  const counted = [planned('step', 1, counts(file))];
  const order = site.order(site.approval(counted, { reviewed: [1] }), counted);
  const judge = { ...judgeOf('review'), reviewForbidden: true };
  assert.equal(inShort(await site.run(order, { judge })), ['step 1 refused E_POLICY_REVIEW']);
  assert.is(linesOf(file), 0);
});

test('a judge or an inventory that breaks refuses, and runs nothing', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, counts(file))];
  const broken = () => {
    throw new Error('broken');
  };
  for (const options of [
    { judge: { judge: broken, reviewForbidden: false, needsRoot: broken } },
    { inventory: broken },
  ]) {
    const reports = await site.run(site.order(site.approval(plan), plan), options);
    assert.equal(inShort(reports), ['step 1 refused E_INTERNAL']);
  }
  assert.is(linesOf(file), 0);
});

test('a hub can’t leave out a check or a step, nor undo what was not done', async ({ site }) => {
  const file = site.file('count');
  const plan = [
    planned('pre', 1, counts(file)),
    planned('pre', 2, counts(file)),
    planned('step', 1, counts(file)),
    planned('step', 2, counts(file)),
    planned('post', 1, counts(file)),
    planned('rollback', 1, counts(file)),
  ];
  const approval = site.approval(plan);
  const at = (...places: number[]) =>
    site.order(
      approval,
      places.flatMap((i) => plan[i] ?? []),
    );
  for (const places of [[1], [2], [3], [0, 2], [2, 0], [4], [5]]) {
    const reports = await site.run(at(...places));
    assert.is(reports.at(-1)?.code, 'E_ORDER_SEQUENCE', places.join());
  }
  assert.is(linesOf(file), 1);
  assert.equal(inShort(await site.run(at(0, 1, 2))), ['pre 1 done', 'pre 2 done', 'step 1 done']);
  // A step that ran counts in every later order, after a restart too.
  site.restart();
  assert.equal(inShort(await site.run(at(3))), ['step 2 done']);
  assert.equal(inShort(await site.run(at(5))), ['rollback 1 done']);
  assert.is(linesOf(file), 5);
});

test('what began in time may be checked and undone after its approval lapsed; nothing new begins', async ({ site }) => {
  const file = site.file('count');
  const plan = [
    planned('step', 1, counts(file)),
    planned('step', 2, counts(file)),
    planned('post', 1, counts(file)),
    planned('rollback', 1, counts(file)),
    planned('rollback', 2, counts(file)),
  ];
  const approval = site.approval(plan);
  await site.run(site.order(approval, plan.slice(0, 1)));
  const now = () => approval.not_after + 1;
  assert.equal(inShort(await site.run(site.order(approval, plan.slice(0, 2)), { now })), [
    'step 1 done',
    'step 2 refused E_APPROVAL_EXPIRED',
  ]);
  assert.equal(inShort(await site.run(site.order(approval, plan.slice(2, 3)), { now })), ['post 1 done']);
  assert.equal(inShort(await site.run(site.order(approval, plan.slice(4)), { now })), [
    'rollback 2 refused E_ORDER_SEQUENCE',
  ]);
  assert.equal(inShort(await site.run(site.order(approval, plan.slice(3)), { now })), [
    'rollback 1 done',
    'rollback 2 refused E_ORDER_SEQUENCE',
  ]);
  assert.is(linesOf(file), 3);
});

test('what began is checked and undone after its operator was revoked, or has another key; nothing new begins', async ({
  site,
}) => {
  const file = site.file('count');
  const plan = [
    planned('step', 1, counts(file)),
    planned('step', 2, counts(file)),
    planned('post', 1, counts(file)),
    planned('rollback', 1, counts(file)),
  ];
  for (const [i, change] of [
    (one: Roster) => withoutOperator(one, 'ann'),
    (one: Roster) => withKey(one, 'ann', newKeyPair().public),
  ].entries()) {
    const approval = site.approval(plan);
    await site.run(site.order(approval, plan.slice(0, 1)));
    const before = { ...site.roster, version: 10 * (i + 1) };
    site.trust.learnRoster(sealRoster(change(before), site.root));
    const refused = i === 0 ? 'E_APPROVAL_OPERATOR' : 'E_SIGNATURE';
    assert.equal(inShort(await site.run(site.order(approval, plan.slice(0, 2)))), [
      'step 1 done',
      `step 2 refused ${refused}`,
    ]);
    assert.equal(inShort(await site.run(site.order(approval, plan.slice(2, 3)))), ['post 1 done']);
    assert.equal(inShort(await site.run(site.order(approval, plan.slice(3)))), ['rollback 1 done']);
    // The former key signs nothing that did not begin under it, whatever it calls it.
    const forged = site.approval(plan, { id: approval.id, incident: approval.incident, not_after: 1 });
    assert.equal(
      inShort(await site.run(site.order(forged, plan.slice(2, 3)))),
      ['post 1 done'],
      'a report of what ran',
    );
    const other = [...plan, planned('post', 2, counts(file))];
    const more = site.approval(other, { id: approval.id, incident: approval.incident });
    assert.equal(inShort(await site.run(site.order(more, other.slice(4)))), ['post 2 refused E_ORDER_PLAN']);
    site.trust.learnRoster(sealRoster({ ...site.roster, version: 10 * (i + 1) + 5 }, site.root));
  }
  assert.is(linesOf(file), 6);
});

test('a pid means the process that was seen, and no other', async ({ site }) => {
  const child = spawn('/usr/bin/sleep', ['60'], { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const proc = new ProcFiles();
  const stat = readProcessStat(proc, child.pid ?? 0);
  assert.ok(stat);
  // The name is another's until the new program has been loaded.
  while (readProcessStat(proc, stat.pid)?.comm !== 'sleep') await new Promise((resolve) => setTimeout(resolve, 5));
  const seen = processRef(proc, { ...stat, comm: 'sleep' });
  const plan = [planned('step', 1, programOf(['kill', '-TERM', String(seen.pid)]))];
  const others = [
    { ...seen, start: seen.start + 1 },
    { ...seen, comm: 'other' },
    { ...seen, exe: '/usr/bin/other' },
  ];
  for (const other of others) {
    const reports = await site.run(site.order(site.approval(plan, { processes: [other] }), plan));
    assert.equal(inShort(reports), ['step 1 refused E_PROCESS_OTHER']);
  }
  assert.is(child.exitCode ?? child.signalCode, null);
  const order = site.order(site.approval(plan, { processes: [seen] }), plan);
  assert.equal(inShort(await site.run(order)), ['step 1 done']);
  await exited;
  assert.is(child.signalCode, 'SIGTERM');
  const late = site.order(site.approval(plan, { processes: [seen] }), plan);
  assert.equal(inShort(await site.run(late)), ['step 1 refused E_PROCESS_GONE']);
});

test('what needs root is refused with the reason where there is no root', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, counts(file))];
  const judge = { ...judgeOf('allow'), needsRoot: ([name]: readonly string[]) => name === 'tee' };
  const uid = process.geteuid;
  // As root nothing is refused for want of it: another user is all that this test can pretend to be.
  process.geteuid = () => 4_242;
  try {
    const [report] = await site.run(site.order(site.approval(plan), plan), { judge });
    assert.equal([report?.state, report?.code], ['refused', 'E_NEEDS_ROOT']);
    assert.match(report?.stderr ?? '', 'read-only here: cannot act as root, and tee');
    const seen = processRef(new ProcFiles(), { pid: process.pid, start: 0, comm: '' });
    const stat = readProcessStat(new ProcFiles(), process.pid);
    const foreign = [planned('step', 1, programOf(['kill', '-TERM', String(process.pid)]))];
    const processes = [{ ...seen, start: stat?.start ?? 0, comm: stat?.comm ?? '' }];
    const writes = { ...judgeOf('allow'), judge: changing };
    const refused = await site.run(site.order(site.approval(foreign, { processes }), foreign), { judge: writes });
    assert.equal(inShort(refused), ['step 1 refused E_NEEDS_ROOT']);
  } finally {
    if (uid) process.geteuid = uid;
  }
  assert.is(linesOf(file), 0);
});

test('a stopped executor lets its command end, reports it, and begins no other', async ({ site }) => {
  const file = site.file('count');
  const plan = [planned('step', 1, programOf(['sleep', '0.3'])), planned('step', 2, counts(file))];
  const executor = site.executor();
  const reports: string[] = [];
  const running = executor.run(site.arrived(site.order(site.approval(plan), plan)), (report) =>
    reports.push(...inShort([report])),
  );
  executor.stop();
  await running;
  assert.equal(reports, ['step 1 done']);
  assert.is(linesOf(file), 0);
});

test('a missing binary is refused before anything of its program runs', async ({ site }) => {
  const file = site.file('count');
  const program: Program = {
    version: 1,
    jobs: [...counts(file).jobs, ...programOf(['no-such-binary-anywhere']).jobs],
  };
  const plan = [planned('step', 1, program)];
  const reports = await site.run(site.order(site.approval(plan), plan));
  assert.equal(inShort(reports), ['step 1 refused E_BINARY_MISSING']);
  assert.is(linesOf(file), 0);
});

test.run();
