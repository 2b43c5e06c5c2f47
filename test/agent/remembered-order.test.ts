import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StepReport } from '../../agent/execute.ts';
import { isRevoked, type Revocations, withRevoked } from '../../agent/revocations.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { processRef, readProcessStat } from '../../agent/sense/process-stat.ts';
import { Trust } from '../../agent/trust.ts';
import { signRule } from '../../broker/automation-rule.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { sealCheckpoint, sealHalt } from '../../broker/halts.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import type { Approval } from '../../broker/messages.ts';
import { REMEMBER, type RememberedRule } from '../../broker/remembered.ts';
import { sealRoster } from '../../broker/roster.ts';
import { SignatureError } from '../../broker/signed.ts';
import { NAMESPACES, type Namespace, sshSign } from '../../broker/sshsig.ts';
import { ulid } from '../../broker/ulid.ts';
import type { ProcessRef } from '../../policy/verdict.ts';
import { HASH, inShort, judgeOf, type Planned, programOf, TestSite } from './order-fixtures.ts';

const DAY_MS = 86_400_000;

/** What an agent lets run by an approval that was remembered. Each order here would make a file: whether it exists says what ran. */
const test = suite<{ site: TestSite; made: string; plan: Planned[] }>('orders by a remembered approval');
test.before.each((context) => {
  context.site = new TestSite();
  context.made = context.site.file('made');
  context.plan = [
    { phase: 'pre', number: 1, program: programOf(['true']) },
    { phase: 'step', number: 1, program: programOf(['touch', context.made]) },
  ];
});
test.after.each(({ site }) => site.close());

interface Change {
  readonly rule?: Partial<RememberedRule>;
  readonly alone?: Partial<NonNullable<Approval['alone']>>;
  readonly approval?: Partial<Approval>;
  readonly signer?: KeyPair;
  readonly namespace?: Namespace;
}

/** An approval by what `adm` had remembered of `plan`; `change` is what a hub, or whoever would like to be one, makes of it. */
function remembered(site: TestSite, plan: readonly Planned[], change: Change = {}): Approval {
  const now = Date.now();
  const rule: RememberedRule = {
    id: ulid(),
    site: 'local',
    incident: ulid(),
    by: 'adm',
    made: now,
    not_after: now + DAY_MS,
    hosts: ['web-1'],
    cause: 'service-failed',
    confidence: 0.85,
    playbook: 'unit-failed',
    programs: plan,
    reviewed: [1],
    processes: [],
    per_host_hour: 2,
    ...change.rule,
  };
  const payload = encodeCbor(rule);
  const signature = sshSign(payload, change.namespace ?? NAMESPACES.remembered, change.signer ?? site.adm);
  return site.approval(plan, {
    by: 'adm',
    role: 'admin',
    reviewed: [1],
    alone: {
      rule: payload,
      rule_signature: signature,
      cause: 'service-failed',
      confidence: 0.9,
      remembered: true,
      ...change.alone,
    },
    ...change.approval,
  });
}

const review = { judge: judgeOf('review') };
const step = (plan: readonly Planned[]) => plan.filter(({ phase }) => phase === 'step');
/** Pre-checks are allow whatever was consented to, so the judge says so of them. */
const judged = {
  judge: {
    ...judgeOf('review'),
    judge: (...asked: Parameters<(typeof review)['judge']['judge']>) =>
      judgeOf(asked[0].jobs[0]?.pipe[0]?.argv[0] === 'true' ? 'allow' : 'review').judge(...asked),
  },
};

test('it lets just those commands run, review included, as often as its budget says', async ({ site, made, plan }) => {
  for (let n = 1; n <= 2; n++) {
    const run = await site.run(site.orderAlone(remembered(site, plan), plan), judged);
    assert.equal(inShort(run), ['pre 1 done', 'step 1 done']);
  }
  rmSync(made);
  site.restart();
  const third = await site.run(site.orderAlone(remembered(site, plan), plan), judged);
  assert.equal(inShort(third), ['pre 1 refused E_RULE_BUDGET']);
  assert.not(existsSync(made));
});

test('plans that began in other hours do not all go on in one', async ({ site, plan }) => {
  const [check] = plan;
  if (check === undefined) throw new Error('a check');
  const HOUR = 3_600_000;
  let up = 10 * HOUR;
  const at = { ...judged, uptime: () => up };
  const kept: Approval[] = [];
  for (let hour = 0; hour < 3; hour++) {
    for (let n = 0; n < 2; n++) {
      const one = remembered(site, plan);
      kept.push(one);
      assert.equal(inShort(await site.run(site.orderAlone(one, [check]), at)), ['pre 1 done']);
    }
    up += HOUR + 1;
  }
  const went = [];
  for (const one of kept) went.push(...inShort(await site.run(site.orderAlone(one, step(plan)), at)));
  assert.equal(went, ['step 1 done', 'step 1 done', ...Array(4).fill('step 1 refused E_RULE_BUDGET')]);
});

const other = programOf(['touch', '/tmp/other']);
const REFUSED: Readonly<Record<string, readonly [string, (plan: Planned[], site: TestSite) => Change]>> = {
  'that was made for a day far ahead': [
    'E_RULE_LAPSED',
    () => ({ rule: { made: Date.now() + 60 * 86_400_000, not_after: Date.now() + 70 * 86_400_000 } }),
  ],
  'that has lapsed': ['E_RULE_LAPSED', () => ({ rule: { not_after: Date.now() - 1 } })],
  'that was signed for longer than any may': [
    'E_RULE_LAPSED',
    () => ({ rule: { made: Date.now() - REMEMBER.days * DAY_MS, not_after: Number.MAX_SAFE_INTEGER } }),
  ],
  'of another site': ['E_RULE_SITE', () => ({ rule: { site: 'elsewhere' } })],
  'for other hosts': ['E_RULE_SCOPE', () => ({ rule: { hosts: ['db-1'] } })],
  'for no host': ['E_RULE_SCOPE', () => ({ rule: { hosts: [] } })],
  'for another cause': ['E_RULE_SCOPE', () => ({ alone: { cause: 'disk-full' } })],
  'for surer plans': ['E_RULE_CONFIDENCE', () => ({ alone: { confidence: 0.84 } })],
  'for guesses': ['E_RULE_CONFIDENCE', () => ({ rule: { confidence: 0 }, alone: { confidence: 0.79 } })],
  'of other commands': [
    'E_RULE_TEMPLATE',
    (plan) => ({ rule: { programs: plan.map((one) => (one.phase === 'step' ? { ...one, program: other } : one)) } }),
  ],
  'of fewer commands': ['E_RULE_TEMPLATE', (plan) => ({ rule: { programs: step(plan) } })],
  'of more commands': [
    'E_RULE_TEMPLATE',
    (plan) => ({ rule: { programs: [...plan, { phase: 'post', number: 1, program: other }] } }),
  ],
  'for a process that is not named': [
    'E_RULE_TEMPLATE',
    () => ({ rule: { processes: [{ comm: 'sleep', exe: '/bin/sleep' }] } }),
  ],
  'for a process of an interpreter, which could be anything': [
    'E_RULE_TEMPLATE',
    () => {
      const kind = { comm: 'backup.py', exe: '/usr/bin/python3.11' };
      return { rule: { processes: [kind] }, approval: { processes: [{ pid: 815, start: 1, ...kind }] } };
    },
  ],
  'without consent to its step': ['E_RULE_CONSENT', () => ({ rule: { reviewed: [] } })],
  'in another’s name': ['E_RULE_SIGNER', () => ({ approval: { by: 'ann', role: 'approver' } })],
  'by one who is no admin': [
    'E_RULE_SIGNER',
    (_, { ann }) => ({ rule: { by: 'ann' }, signer: ann, approval: { by: 'ann' } }),
  ],
  'that an approver has signed': ['E_SIGNATURE', (_, { ann }) => ({ signer: ann })],
  'that the hub has signed': ['E_SIGNATURE', (_, { hub }) => ({ signer: hub })],
  'that anybody has signed': ['E_SIGNATURE', () => ({ signer: newKeyPair() })],
  'that was signed for something else': ['E_SIGNATURE', () => ({ namespace: NAMESPACES.approval })],
  'shown as a rule about plans': ['E_MESSAGE_SHAPE', () => ({ alone: { remembered: false } })],
};
for (const [what, [code, change]] of Object.entries(REFUSED)) {
  test(`by one ${what} nothing runs`, async ({ site, made, plan }) => {
    const approval = remembered(site, plan, change(plan, site));
    assert.equal(inShort(await site.run(site.orderAlone(approval, plan), judged)), [`pre 1 refused ${code}`]);
    assert.not(existsSync(made));
  });
}

test('an approval that the hub did not sign is none, whatever it carries', async ({ site, made, plan }) => {
  for (const key of [newKeyPair(), site.adm, site.root])
    assert.equal(inShort(await site.run(site.orderAlone(remembered(site, plan), plan, key), judged)), [
      'pre 1 refused E_SIGNATURE',
    ]);
  assert.not(existsSync(made));
});

test('a rule about plans consents to nothing, though it be called a remembered approval', async ({
  site,
  made,
  plan,
}) => {
  const now = Date.now();
  const wide = { id: ulid(), site: 'local', by: 'adm', made: now, not_after: now + DAY_MS, confidence: 0.9 };
  const scope = { classes: [], hosts: [], tags: [], windows: [], per_host_hour: 4 };
  const { payload, signature } = signRule({ ...wide, ...scope }, site.adm);
  const approval = remembered(site, plan, { alone: { rule: payload, rule_signature: signature } });
  assert.match(
    inShort(await site.run(site.orderAlone(approval, plan), judged)).join(),
    /^pre 1 refused E_(MESSAGE_SHAPE|SIGNATURE)$/,
  );
  assert.not(existsSync(made));
});

test('an order can’t name what the approval does not', async ({ site, made, plan }) => {
  const approval = remembered(site, plan);
  const widened = plan.map((one) =>
    one.phase === 'step' ? { ...one, program: programOf(['touch', '-c', made]) } : one,
  );
  const run = await site.run(site.orderAlone(approval, widened), judged);
  assert.equal(inShort(run), ['pre 1 refused E_ORDER_PLAN']);
});

test('a check that is skipped keeps its step from running', async ({ site, made, plan }) => {
  const run = await site.run(site.orderAlone(remembered(site, plan), step(plan)), judged);
  assert.equal(inShort(run), ['step 1 refused E_ORDER_SEQUENCE']);
  assert.not(existsSync(made));
});

test('what the policy blocks, or forbids to consent to, does not run; nor what opens the host to others', async ({
  site,
  made,
  plan,
}) => {
  const order = () => site.orderAlone(remembered(site, plan), plan);
  const code = async (judge: (typeof review)['judge']) => inShort(await site.run(order(), { judge }));
  const only = (verdict: object): (typeof review)['judge'] => ({
    ...judged.judge,
    judge: (...asked) => ({ ...judged.judge.judge(...asked), ...verdict }),
  });
  assert.equal(await code(only({ decision: 'block' })), ['pre 1 refused E_POLICY_BLOCK']);
  assert.equal(await code({ ...judged.judge, reviewForbidden: true }), [
    'pre 1 done',
    'step 1 refused E_POLICY_REVIEW',
  ]);
  assert.equal(await code(only({ effect: 'breach' })), ['pre 1 refused E_APPROVAL_EFFECT']);
  assert.not(existsSync(made));
});

test('it ends with its signer: off the roster, with another role, another key, or another host alone', async ({
  site,
  made,
  plan,
}) => {
  let version = site.roster.version;
  const order = site.orderAlone(remembered(site, plan), plan);
  const [ann] = site.roster.operators;
  const adm = { name: 'adm', key: site.adm.public, role: 'admin' as const, scopes: [] };
  if (ann === undefined) throw new Error('an approver');
  for (const [operators, code] of [
    [[ann], 'E_APPROVAL_OPERATOR'],
    [[ann, { ...adm, role: 'approver' }], 'E_RULE_SIGNER'],
    [[ann, { ...adm, key: newKeyPair().public }], 'E_SIGNATURE'],
    [[ann, { ...adm, scopes: ['host:db-1'] }], 'E_APPROVAL_SCOPE'],
  ] as const) {
    site.trust.learnRoster(sealRoster({ ...site.roster, version: ++version, operators }, site.root));
    assert.equal(inShort(await site.run(order, judged)), [`pre 1 refused ${code}`]);
  }
  const two_person = [{ where: '*', plans: 'review' as const }];
  site.trust.learnRoster(sealRoster({ ...site.roster, version: ++version, two_person }, site.root));
  assert.equal(inShort(await site.run(order, judged)), ['pre 1 refused E_APPROVAL_SECOND']);
  assert.not(existsSync(made));
});

test('a revoked one lets nothing run: also by an old checkpoint, over a restart, and when the hub unsays it', async ({
  site,
  made,
  plan,
}) => {
  const id = ulid();
  const order = () => site.orderAlone(remembered(site, plan, { rule: { id } }), plan);
  const said = (now: number, count: number, revoked: readonly string[]) =>
    sealCheckpoint({ site: 'local', epoch: 2, now, audit_head: { count, hash: HASH }, revoked }, site.hub);
  site.trust.learnCheckpoint(said(Date.now(), 5, []));
  site.trust.learnCheckpoint(said(1, 1, [id]));
  assert.equal(inShort(await site.run(order(), judged)), ['pre 1 refused E_RULE_REVOKED']);
  site.trust.learnCheckpoint(said(Date.now() + 1_000, 6, []));
  const again = new Trust(site.folder, site.root.public);
  again.learnRoster(sealRoster(site.roster, site.root));
  for (const trust of [site.trust, again])
    assert.equal(inShort(await site.run(order(), { ...judged, trust })), ['pre 1 refused E_RULE_REVOKED']);
  assert.throws(
    () =>
      site.trust.learnCheckpoint(
        sealCheckpoint(
          { site: 'local', epoch: 2, now: 1, audit_head: { count: 1, hash: HASH }, revoked: [ulid()] },
          site.adm,
        ),
      ),
    (error: unknown) => error instanceof SignatureError,
    'only the hub says so',
  );
  assert.not(existsSync(made));
});

test('what is revoked in the middle of an order does not begin its next step', async ({ site, made, plan }) => {
  const id = ulid();
  const order = site.orderAlone(remembered(site, plan, { rule: { id } }), plan);
  const audit_head = { count: 5, hash: HASH };
  const told = { site: 'local', epoch: 2, now: Date.now(), audit_head, revoked: [id] };
  const reports: StepReport[] = [];
  await site.executor(judged).run(site.arrived(order), (report) => {
    reports.push(report);
    site.trust.learnCheckpoint(sealCheckpoint(told, site.hub));
  });
  assert.equal(inShort(reports), ['pre 1 done', 'step 1 refused E_RULE_REVOKED']);
  assert.not(existsSync(made));
});

test('what began is undone, though it be revoked in the middle', async ({ site, made, plan }) => {
  const undo: Planned = { phase: 'rollback', number: 1, program: programOf(['rm', made]) };
  const id = ulid();
  const approval = remembered(site, [...plan, undo], { rule: { id } });
  assert.equal(inShort(await site.run(site.orderAlone(approval, plan), judged)), ['pre 1 done', 'step 1 done']);
  const audit_head = { count: 5, hash: HASH };
  site.trust.learnCheckpoint(
    sealCheckpoint({ site: 'local', epoch: 2, now: Date.now(), audit_head, revoked: [id] }, site.hub),
  );
  assert.equal(inShort(await site.run(site.orderAlone(approval, [undo]), judged)), ['rollback 1 done']);
  assert.not(existsSync(made));
});

test('a halt holds for it as for everything', async ({ site, made, plan }) => {
  const halt = { site: 'local', epoch: 2, counter: 1, halted: true, at: Date.now(), by: 'ann', reason: '' };
  site.trust.learnHalt(sealHalt(halt, site.hub));
  const run = await site.run(site.orderAlone(remembered(site, plan), plan), judged);
  assert.equal(inShort(run), ['pre 1 refused E_HALTED']);
  assert.not(existsSync(made));
});

test('a place for a process takes the one that lives under that name and executable, and no other', async ({
  site,
}) => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  try {
    const seen = await lives(child);
    const template: Planned[] = [{ phase: 'step', number: 1, program: programOf(['ps', '-p', '{process1}']) }];
    const plan: Planned[] = [{ phase: 'step', number: 1, program: programOf(['ps', '-p', String(seen.pid)]) }];
    const kind = { comm: seen.comm, exe: seen.exe ?? '' };
    const order = (processes: readonly ProcessRef[]) =>
      site.orderAlone(
        remembered(site, plan, { rule: { programs: template, processes: [kind] }, approval: { processes } }),
        plan,
      );
    assert.equal(inShort(await site.run(order([seen]), review)), ['step 1 done']);
    // The hub says what it likes of a process; the agent looks.
    const init = { pid: 1, start: 0, ...kind };
    assert.equal(inShort(await site.run(order([init]), review)), ['step 1 refused E_RULE_TEMPLATE']);
    assert.equal(inShort(await site.run(order([{ ...seen, start: seen.start + 1 }]), review)), [
      'step 1 refused E_PROCESS_OTHER',
    ]);
    const other = { ...kind, exe: '/usr/bin/cat' };
    const wrong = remembered(site, plan, {
      rule: { programs: template, processes: [other] },
      approval: { processes: [{ ...seen, ...other }] },
    });
    assert.equal(inShort(await site.run(site.orderAlone(wrong, plan), review)), ['step 1 refused E_PROCESS_OTHER']);
  } finally {
    child.kill('SIGKILL');
  }
});

test('what is revoked stays so, whatever is revoked after it', () => {
  const id = fc.integer({ min: 0, max: 5_000 }).map((n) => ulid(n).slice(0, 10).padEnd(26, '0'));
  void fc.assert(
    fc.property(fc.array(fc.array(id, { maxLength: 90 }), { maxLength: 6 }), (rounds) => {
      let kept: Revocations = {};
      const gone = new Set<string>();
      for (const round of rounds) {
        kept = withRevoked(kept, round, 5_000);
        for (const one of round) gone.add(one);
        assert.ok((kept.revoked?.length ?? 0) <= REMEMBER.rules);
        for (const one of gone) assert.ok(isRevoked(kept, one), one);
      }
      if (gone.size <= REMEMBER.rules) assert.not(isRevoked(kept, 'Z'.repeat(26)));
    }),
  );
});

test('a hub that revokes days to come takes nothing with them that is signed after it was found out', () => {
  const now = Date.UTC(2026, 10, 27);
  const at = (ms: number) => ulid(ms).slice(0, 10).padEnd(26, '0');
  const many = Array.from({ length: REMEMBER.rules + 1 }, (_, n) => at(now + 400 * DAY_MS + n));
  assert.not(isRevoked(withRevoked({}, many, now), at(now + 300 * DAY_MS)), 'one that will be signed in a year');
  const full = withRevoked({}, many, now);
  assert.ok(isRevoked(withRevoked(full, [at(now)], now), at(now)), 'there is room for what is signed by now');
  const past = fc.integer({ min: 0, max: now }).map(at);
  const toCome = fc.integer({ min: now + 2 * DAY_MS, max: now + 9_999 * DAY_MS }).map(at);
  const round = fc.array(fc.oneof(past, toCome, fc.constant('7ZZZZZZZZZZZZZZZZZZZZZZZZZ')), { maxLength: 90 });
  void fc.assert(
    fc.property(fc.array(round, { maxLength: 6 }), (rounds) => {
      let kept: Revocations = {};
      for (const one of rounds) {
        kept = withRevoked(kept, one, now);
        assert.ok((kept.revoked?.length ?? 0) <= REMEMBER.rules);
        for (const id of rounds.slice(0, rounds.indexOf(one) + 1).flat())
          if (id <= at(now)) assert.ok(isRevoked(kept, id), 'what can be signed by now stays revoked');
        assert.not(isRevoked(kept, at(now + DAY_MS + 60_000)));
      }
    }),
  );
});

const proc = new ProcFiles();

/** The process as a sensing agent sees it, once it is what it was started to be. */
async function lives(child: ChildProcess): Promise<ProcessRef> {
  for (let tries = 0; tries < 3_000; tries++) {
    const stat = readProcessStat(proc, child.pid ?? 0);
    if (stat?.comm === 'sleep') return processRef(proc, stat);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it never began');
}

test.run();
