import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor } from '../../broker/cbor.ts';
import { openCheckpoint } from '../../broker/halts.ts';
import type { KeyPair } from '../../broker/keys.ts';
import { approval as approvalShape, type Roster } from '../../broker/messages.ts';
import { REMEMBER, type RememberedRule, signRemembered } from '../../broker/remembered.ts';
import { withKey } from '../../broker/roster-change.ts';
import { sshSign } from '../../broker/sshsig.ts';
import { ulid } from '../../broker/ulid.ts';
import { rememberedLines, ruleToRemember, type Wish } from '../../hub/automation/remember.ts';
import { allRemembered, forgetRemembered, keepRemembered } from '../../hub/automation/remembered.ts';
import { verifyApprovals } from '../../hub/chain/approvals.ts';
import { Checkpoints, keptCheckpoints } from '../../hub/chain/checkpoints.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Incident, Plan, PlannedCommand } from '../../hub/incident.ts';
import { acceptApproval } from '../../hub/steps/approve.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { type Program, programHash } from '../../policy/program.ts';
import * as samples from '../broker/samples.ts';
import { testAgent, until } from '../broker/site.ts';
import { approvalFor, keys, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

const DAY_MS = 86_400_000;
const web = testAgent('web-1');
const db = testAgent('db-1');

const programOf = (...argv: string[]): Program => ({
  version: 1,
  jobs: [{ when: 'always', pipe: [{ argv, stdout: 'keep', stderr: 'keep' }] }],
});

/** One command of a plan, as the policy would have judged it. */
const command = (
  phase: PlannedCommand['phase'],
  argv: readonly string[],
  verdict: Partial<PlannedCommand['verdict']> = {},
): PlannedCommand => {
  const program = programOf(...argv);
  return {
    phase,
    number: 1,
    command: argv.join(' '),
    explanation: 'a test',
    program,
    hash: programHash(program),
    verdict: {
      decision: 'allow',
      rule: 'processes.ps',
      effect: 'read',
      attributes: [],
      reason: 'the test says so',
      program,
      policy: '',
      ...verdict,
    },
  };
};

const KILL = { decision: 'review', rule: 'processes.kill', effect: 'change' } as const;
const culprit = (pid: number) => ({ pid, start: pid * 7, comm: 'indexer', exe: '/usr/bin/indexer' });
/** A plan that ends a process, which takes consent; other processes are in its evidence too. */
const ending = (pid: number, change: Partial<Plan> = {}): Partial<Plan> => ({
  playbook: 'descriptor-hog',
  class: 'fd-leak',
  confidence: 0.87,
  risk: 'medium',
  decision: 'review',
  processes: [{ pid: 77_777, start: 1, comm: 'sshd' }, culprit(pid)],
  pre: [command('pre', ['ps', '-p', String(pid)])],
  steps: [command('step', ['kill', '-TERM', String(pid)], KILL)],
  ...change,
});

let uptime = 1_000;
let ahead = 0;

async function withHub(act: (small: SmallHub) => Promise<void>): Promise<void> {
  ahead = 0;
  const change = { automation: { inForce: null, uptime: () => uptime }, now: () => Date.now() + ahead };
  const small = await openSmallHub([web, db], change);
  try {
    await act(small);
  } finally {
    await small.close();
  }
}

const present = (hub: Hub, id: string): Incident => {
  const incident = getIncident(hub.store, id);
  if (incident === undefined) throw new Error('gone');
  return incident;
};

/** Lets the pipeline send a proposal its way, and answers the incident as it then is. */
async function routed({ hub, driver }: SmallHub, plan: Partial<Plan>, about: Partial<Incident> = {}) {
  const { id } = await proposeTo(hub, plan, about);
  driver.wake(id);
  await until('routed', () => getIncident(hub.store, id)?.route !== undefined);
  return present(hub, id);
}

const ann = (hub: Hub) => {
  const [operator] = hub.roster.operators;
  if (operator === undefined) throw new Error('no operator');
  return operator;
};

const wish = (hub: Hub, change: Partial<Wish> = {}): Wish => {
  const made = hub.now();
  const span = { made, not_after: made + 14 * DAY_MS };
  return { id: ulid(), site: 'local', by: 'ann', hosts: ['web-1'], reviewed: [1], ...span, ...change };
};

const signed = (rule: RememberedRule, key: KeyPair = keys.ann) =>
  signRemembered(rule, async (message, namespace) => sshSign(message, namespace, key));

/** `ann` approves a plan that is proposed, and has it remembered. */
async function remembers(small: SmallHub, plan: Partial<Plan>, change: Partial<Wish> = {}): Promise<RememberedRule> {
  const { hub, driver } = small;
  const { id } = await routed(small, plan);
  const incident = present(hub, id);
  await driver.change(id, () => acceptApproval(hub, incident, approvalFor(hub, incident, { reviewed: [1] })));
  const rule = ruleToRemember(incident, wish(hub, change));
  await keepRemembered(hub, ann(hub), await signed(rule));
  return rule;
}

const refusal = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'taken',
    (error: unknown) => String(error instanceof Error && 'code' in error ? error.code : error),
  );

const test = suite('remembered approvals at the hub');

test('the same commands for another process run with nobody there, are counted, and stand in the chain with who consented', async () => {
  await withHub(async (small) => {
    const { hub } = small;
    const rule = await remembers(small, ending(4_711));
    const { state, approval, route, plan_hash } = await routed(small, ending(815));
    assert.is(state, 'approved', route?.why);
    assert.equal([approval?.by, approval?.alone, approval?.remembered], ['ann', true, rule.id]);
    assert.match(route?.why ?? '', /ann had approved these commands before/);
    const given = approvalShape(decodeCbor(approval?.payload ?? new Uint8Array()), '');
    assert.equal(given.reviewed, [1]);
    assert.equal(given.processes, [culprit(815)], 'the processes of the commands, and no others');
    assert.is(given.plan_hash, plan_hash);
    const [kept] = allRemembered(hub.store);
    assert.is(kept?.uses, 1);
    assert.equal(verifyApprovals(hub.store, hub.roster), { good: 2, first: null });
  });
});

test('what is shown before it is signed names every word, place, host and day', async () => {
  await withHub(async ({ hub }) => {
    const incident = await proposeTo(hub, ending(4_711));
    const rule = ruleToRemember(incident, wish(hub, { hosts: ['web-1', 'db-1'] }));
    const lines = rememberedLines(rule).join('\n');
    for (const part of [
      'ann approves for web-1 db-1 until ',
      'with review step 1',
      'fd-leak (playbook descriptor-hog) from 0.87 on',
      'pre 1  ps -p {process1}',
      'step 1  kill -TERM {process1}',
      '{process1} is a process indexer of /usr/bin/indexer',
    ])
      assert.ok(lines.includes(part), `${part} in\n${lines}`);
    const hidden = rememberedLines({ ...rule, cause: 'x\x1b[8m', playbook: 'y\nz' }).join('');
    assert.not.match(hidden, /\p{Cc}/u, 'nothing of it hides the rest');
  });
});

const WAITS: Readonly<Record<string, readonly [string, Partial<Plan>, Partial<Incident>?]>> = {
  'another command': ['no_rule', { steps: [command('step', ['kill', '-KILL', '815'], KILL)] }],
  'a command more': ['no_rule', { post: [command('post', ['ps', '-p', '815'])] }],
  'a process of another executable': ['no_rule', { processes: [{ ...culprit(815), exe: '/usr/sbin/sshd' }] }],
  'a process whose executable was not seen': ['no_rule', { processes: [{ pid: 815, start: 9, comm: 'indexer' }] }],
  'another host': ['E_RULE_SCOPE', {}, { host: 'db-1' }],
  'another cause': ['E_RULE_SCOPE', { class: 'memory-leak' }],
  'a guess': ['E_RULE_CONFIDENCE', { confidence: 0.86 }],
  'a playbook that may not be run twice': ['not_idempotent', { idempotent: false }],
  'a cause that needs a person': ['needs_person', { needs_human: true }],
  'an incident that somebody has taken on': ['acknowledged', {}, { acknowledged: { by: 'ann', at: 1 } }],
};
test('what differs in anything that was signed waits for a person, and says why', async () => {
  await withHub(async (small) => {
    await remembers(small, ending(4_711));
    for (const [what, [code, plan, about]] of Object.entries(WAITS)) {
      const { state, approval, route } = await routed(small, ending(815, plan), about);
      assert.equal([state, approval, route?.code], ['proposed', null, code], what);
    }
    assert.is(allRemembered(small.hub.store)[0]?.uses, 0);
  });
});

test('the budget of an hour holds for it, and it lapses', async () => {
  await withHub(async (small) => {
    const rule = await remembers(small, ending(4_711));
    const codes: string[] = [];
    for (let n = 0; n < 5; n++) codes.push((await routed(small, ending(815 + n))).route?.code ?? '');
    assert.equal(codes, ['alone', 'alone', 'alone', 'alone', 'budget']);
    assert.is(allRemembered(small.hub.store)[0]?.uses, REMEMBER.perHostHour);
    uptime += 3_600_000;
    ahead = rule.not_after - Date.now() + 1;
    assert.is((await routed(small, ending(900))).route?.code, 'E_RULE_LAPSED');
  });
});

test('revoked, it lets nothing run, what waits by it goes to a person, and every agent is told', async () => {
  await withHub(async (small) => {
    const { hub, driver } = small;
    const rule = await remembers(small, ending(4_711));
    const waiting = await routed(small, ending(815));
    assert.is(waiting.state, 'approved', 'the agent is not there');
    await forgetRemembered(hub, 'ann', rule.id);
    await hub.store.write(() => {
      void hub.store.births.put('web-1', { ...samples.birth, agent: 'web-1' });
      void hub.store.presence.put('web-1', { state: 'online', boot: samples.BOOT, last_seen: hub.now() });
    });
    driver.resume();
    await until('it is a person’s', () => present(hub, waiting.id).state === 'expired');
    assert.equal([present(hub, waiting.id).reason, present(hub, waiting.id).orders], ['approval_withdrawn', []]);
    assert.is((await routed(small, ending(816))).route?.code, 'no_rule');
    assert.is(await refusal(forgetRemembered(hub, 'ann', rule.id)), 'E_ACT_UNKNOWN');
    await new Checkpoints(hub).make();
    const told = keptCheckpoints(hub.store).at(-1);
    assert.equal(openCheckpoint(told?.message ?? new Uint8Array(), hub.roster).revoked, [rule.id]);
    ahead = rule.not_after - Date.now() + 1;
    await routed(small, ending(817));
    await new Checkpoints(hub).make();
    const later = keptCheckpoints(hub.store).at(-1);
    assert.is(openCheckpoint(later?.message ?? new Uint8Array(), hub.roster).revoked, undefined, 'it has lapsed');
  });
});

test('its signer’s key, two persons, and a policy that forbids consent each end it', async () => {
  await withHub(async (small) => {
    const { hub } = small;
    await remembers(small, ending(4_711));
    const before = hub.roster;
    for (const roster of [
      withKey(before, 'ann', keys.eve.public),
      { ...before, two_person: [{ where: 'host:web-1', plans: 'review' }] },
      { ...before, operators: [{ ...ann(hub), scopes: ['effect:restart'] }] },
    ] satisfies Roster[]) {
      Object.assign(hub, { roster });
      assert.is((await routed(small, ending(815))).route?.code, 'no_rule');
    }
    Object.assign(hub, { roster: before, policy: { ...hub.policy, reviewForbidden: true } });
    assert.is((await routed(small, ending(815))).route?.code, 'no_rule');
  });
});

test('the hub takes the rule of the plan that was approved, by who approved it, and no other', async () => {
  await withHub(async (small) => {
    const { hub, driver } = small;
    const { id } = await routed(small, ending(4_711));
    const incident = present(hub, id);
    const rule = ruleToRemember(incident, wish(hub));
    const keep = async (change: Partial<RememberedRule>, key = keys.ann) =>
      refusal(keepRemembered(hub, ann(hub), await signed({ ...rule, ...change }, key)));
    assert.is(await keep({}), 'E_ACT_REMEMBER', 'nobody has approved it');
    await driver.change(id, () => acceptApproval(hub, incident, approvalFor(hub, incident, { reviewed: [1] })));
    const [pre, step] = rule.programs;
    if (pre === undefined || step === undefined) throw new Error('two programs');
    const cases: readonly (readonly [string, Partial<RememberedRule>])[] = [
      ['E_ACT_MISMATCH', { programs: [step] }],
      ['E_ACT_MISMATCH', { programs: [pre, { ...step, program: programOf('kill', '-KILL', '{process1}') }] }],
      ['E_ACT_MISMATCH', { processes: [{ comm: 'sshd', exe: '/usr/sbin/sshd' }] }],
      ['E_ACT_MISMATCH', { confidence: 0.8 }],
      ['E_ACT_MISMATCH', { cause: 'memory-leak' }],
      ['E_ACT_MISMATCH', { playbook: 'another' }],
      ['E_ACT_REMEMBER', { hosts: ['web-1', 'nobody'] }],
      ['E_ACT_REMEMBER', { hosts: ['db-1'] }],
      ['E_ACT_REMEMBER', { hosts: [] }],
      ['E_ACT_REMEMBER', { not_after: rule.made + (REMEMBER.days + 1) * DAY_MS }],
      ['E_ACT_REMEMBER', { made: rule.made - DAY_MS, not_after: rule.made + DAY_MS }],
      ['E_ACT_UNKNOWN', { incident: ulid() }],
      ['E_RULE_SITE', { site: 'elsewhere' }],
      ['E_RULE_SIGNER', { by: 'nobody' }],
    ];
    for (const [code, change] of cases) assert.is(await keep(change), code, JSON.stringify(change));
    assert.is(await keep({}, keys.eve), 'E_SIGNATURE');
    const vic = hub.roster.operators[1];
    if (vic === undefined) throw new Error('no viewer');
    assert.is(await refusal(keepRemembered(hub, vic, await signed(rule))), 'E_ACT_ROLE');
    assert.is(allRemembered(hub.store).length, 0);
    assert.is(await keep({ hosts: ['web-1', 'db-1'], id: ulid() }), 'taken');
    assert.is(await keep({}), 'taken');
    assert.is(await keep({}), 'E_ACT_REMEMBER', 'once');
  });
});

const NEVER: Readonly<Record<string, readonly [RegExp, Partial<Plan>, Partial<Incident>?, Partial<Wish>?]>> = {
  'a command that is blocked': [
    /may not run at all/,
    { post: [command('post', ['rm', '-rf', '/'], { decision: 'block', rule: 'destruction.system' })] },
  ],
  'a command that the policy does not know': [
    /does not know/,
    { steps: [command('step', ['frobnicate'], { ...KILL, rule: 'unknown.binary' })] },
  ],
  'an operand that it does not know': [
    /does not know/,
    { steps: [command('step', ['bash', '/opt/x.sh'], { ...KILL, rule: 'host.bash.operand' })] },
  ],
  'what opens the host to others': [
    /opens the host/,
    { steps: [command('step', ['kill', '815'], { ...KILL, effect: 'breach' })] },
  ],
  'a process that was not seen whole': [/executable/, { processes: [{ pid: 815, start: 1, comm: 'indexer' }] }],
  'a process of an interpreter, which could run anything': [
    /python3.11 runs whatever it is given/,
    { processes: [{ pid: 815, start: 1, comm: 'indexer', exe: '/usr/bin/python3.11' }] },
  ],
  'a pid in the middle of a word': [/middle of a word/, { steps: [command('step', ['cat', '/proc/815/maps'], KILL)] }],
  'a word that reads like a place': [/reads like a place/, { steps: [command('step', ['kill', '{process2}'], KILL)] }],
  'a guess': [/confidence is 0.79/, { confidence: 0.79 }],
  'a plan without a playbook': [/no playbook/, { playbook: null }],
  'a plan that may not run twice': [/run twice/, { idempotent: false }],
  'a cause that needs a person': [/without a person/, { needs_human: true }],
  'consent to some of it': [/every review step/, {}, {}, { reviewed: [] }],
  'too many days': [/31 days/, {}, {}, { not_after: Date.now() + 40 * DAY_MS }],
  'every host': [/named one by one/, {}, {}, { hosts: ['web-1', '*'] }],
  'a device of a gateway': [/named one by one/, {}, {}, { hosts: ['web-1', 'gate/plc-7'] }],
  'too many hosts': [/16 hosts/, {}, {}, { hosts: ['web-1', ...Array.from({ length: 16 }, (_, n) => `h-${n}`)] }],
};
test('nothing that is a person’s each time can be signed for later', async () => {
  await withHub(async ({ hub }) => {
    for (const [what, [why, plan, about, asked]] of Object.entries(NEVER)) {
      const incident = await proposeTo(hub, ending(815, plan), about);
      assert.throws(() => ruleToRemember(incident, wish(hub, asked)), why, what);
    }
    const incident = await proposeTo(hub, ending(815), { event: { ...samples.event, signal: 'alert.disk' } });
    assert.throws(() => ruleToRemember(incident, wish(hub)), /another system/);
  });
});

test.run();
