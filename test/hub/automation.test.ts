import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { signRule } from '../../broker/automation-rule.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import type { Result, Roster } from '../../broker/messages.ts';
import { withKey, withOperator, withoutOperator } from '../../broker/roster-change.ts';
import { seal } from '../../broker/signed.ts';
import { ulid } from '../../broker/ulid.ts';
import { allowOnly, type RuleInForce } from '../../hub/automation/allow-only.ts';
import { openedBy } from '../../hub/automation/breaker.ts';
import { spend } from '../../hub/automation/budget.ts';
import { mayRunAlone, rowOf } from '../../hub/automation/may-run-alone.ts';
import { steadyTime } from '../../hub/automation/steady-time.ts';
import { readAudit } from '../../hub/chain/audit.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Incident, Plan } from '../../hub/incident.ts';
import { acceptApproval } from '../../hub/steps/approve.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';
import * as samples from '../broker/samples.ts';
import { tempFolder, testAgent, until } from '../broker/site.ts';
import { approvalFor, keys, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

const HOUR_MS = 3_600_000;
/** What a rule could cover. */
const ABLE: Partial<Plan> = { playbook: 'unit-failed', class: 'service-failed', confidence: 0.93 };

const rule = (by = keys.ann): RuleInForce => {
  const operator = { name: 'ann', role: 'admin' as const, site: 'local', key: by };
  const operators = [{ name: 'ann', key: by.public, role: 'admin' as const, scopes: [] }];
  const roster = { site: 'local', version: 1, epoch: 1, hub_key: keys.hub.public, operators };
  return allowOnly(operator, roster, Date.now());
};

const web = testAgent('web-1');
/** The machine's uptime, which budgets are counted by: a test moves it. */
let uptime = 1_000;
const automated = (inForce: RuleInForce | null = rule()): Partial<Pick<Hub, 'automation' | 'now'>> => ({
  automation: { inForce, uptime: () => uptime },
});

async function withHub(change: Parameters<typeof openSmallHub>[1], act: (small: SmallHub) => Promise<void>) {
  const small = await openSmallHub([web], change);
  try {
    await act(small);
  } finally {
    await small.close();
  }
}

/** Lets the pipeline route a proposal, and answers the incident as it then is. */
async function routed({ hub, driver }: SmallHub, change: Partial<Plan>): Promise<Incident> {
  const { id } = await proposeTo(hub, change);
  driver.wake(id);
  await until('routed', () => getIncident(hub.store, id)?.route !== undefined);
  const incident = getIncident(hub.store, id);
  if (incident === undefined) throw new Error('gone');
  return incident;
}

const test = suite('what runs with nobody there');

test('the routing table has the five rows of the design', () => {
  assert.equal([1, 0.95, 0.949, 0.9, 0.899, 0.8, 0.799, 0.7, 0.699, 0].map(rowOf), [
    'run',
    'run',
    'run_verified',
    'run_verified',
    'approval',
    'approval',
    'dry_run',
    'dry_run',
    'person',
    'person',
  ]);
});

test('a plan that a rule covers is approved by the hub’s key, and the chain says under which rule', async () => {
  const inForce = rule();
  await withHub(automated(inForce), async (small) => {
    const { state, approval, route, id } = await routed(small, ABLE);
    assert.is(state, 'approved');
    assert.is(approval?.alone, true);
    assert.is(approval?.by, 'ann');
    assert.is(route?.row, 'run_verified');
    const records = [...small.hub.store.audit.getRange({})].map(({ value }) => readAudit(value));
    const told = records.find(({ kind, incident }) => kind === 'plan.approved_alone' && incident === id);
    assert.is(told?.data['rule'], inForce.rule.id);
  });
});

const REVIEWED: Partial<Plan> = { ...ABLE, decision: 'review' };
const REFUSED: Readonly<Record<string, readonly [string, Partial<Plan>, RuleInForce | null]>> = {
  'without a rule': ['no_rule', ABLE, null],
  'with a command that needs consent': ['not_all_allow', REVIEWED, rule()],
  'of a playbook that may not be run twice': ['not_idempotent', { ...ABLE, idempotent: false }, rule()],
  'that no playbook describes': ['no_playbook', { ...ABLE, playbook: null }, rule()],
  'that needs a person': ['needs_person', { ...ABLE, needs_human: true }, rule()],
  'with more than a low risk': ['risk', { ...ABLE, risk: 'high' }, rule()],
  'that is not sure enough': ['E_RULE_CONFIDENCE', { ...ABLE, confidence: 0.899 }, rule()],
};
for (const [what, [code, plan, inForce]] of Object.entries(REFUSED)) {
  test(`a plan ${what} waits for a person`, async () => {
    await withHub(automated(inForce), async (small) => {
      const { state, approval, route } = await routed(small, plan);
      assert.is(state, 'proposed');
      assert.is(approval, null);
      assert.is(route?.code, code);
    });
  });
}

test('one who is no admin signs no rule', () => {
  const operator = { name: 'vic', role: 'viewer' as const, site: 'local', key: keys.vic };
  const roster = { site: 'local', version: 1, epoch: 1, hub_key: keys.hub.public, operators: [] };
  assert.throws(() => allowOnly(operator, roster, Date.now()), /an admin signs/);
  const signed = signRule({ ...rule().rule, by: 'vic' }, keys.vic);
  assert.ok(signed.payload.length > 0);
});

test('a halt keeps everything with a person', async () => {
  await withHub({}, async ({ hub }) => {
    const incident = await proposeTo(hub, ABLE);
    const { rule: inForce } = rule();
    const at = { rule: inForce, now: hub.now(), tags: [], halted: true, breaker: null };
    const decision = mayRunAlone(incident, incident.plan ?? unplanned(), at);
    assert.equal(decision, { alone: false, code: 'halted', why: 'the site is halted' });
    assert.is(mayRunAlone(incident, incident.plan ?? unplanned(), { ...at, halted: false }).alone, true);
  });
});

test('of twelve plans for one host that come at once, four run within the hour, and a restart gives no more', async () => {
  await withHub(automated(), async (small) => {
    const incidents = await Promise.all(Array.from({ length: 12 }, () => proposeTo(small.hub, ABLE)));
    for (const { id } of incidents) small.driver.wake(id);
    const now = () => incidents.map(({ id }) => getIncident(small.hub.store, id));
    await until('all are routed', () => now().every((one) => one?.route !== undefined));
    const alone = () => now().filter((one) => one?.route?.alone === true).length;
    assert.is(alone(), 4);
    assert.equal([...new Set(now().flatMap((one) => (one?.route?.alone ? [] : [one?.route?.code])))], ['budget']);
    uptime += HOUR_MS - 1;
    assert.is((await routed(small, ABLE)).route?.code, 'budget');
    uptime += 1;
    assert.is((await routed(small, ABLE)).route?.alone, true);
  });
});

test('a clock that jumps gives no budget anew', async () => {
  let ahead = 0;
  await withHub({ ...automated(), now: () => Date.now() + ahead }, async (small) => {
    for (let n = 1; n <= 4; n++) assert.is((await routed(small, ABLE)).route?.alone, true);
    for (const jump of [2 * HOUR_MS, -48 * HOUR_MS, 30 * 24 * HOUR_MS]) {
      ahead = jump;
      assert.is((await routed(small, ABLE)).route?.code, 'budget');
    }
  });
});

test('a budget is never exceeded, whatever the order of plans, also at once, hours, restarts and boots', async () => {
  const asked = fc.record({
    kind: fc.constantFrom('plan' as const, 'many', 'again', 'time', 'boot', 'restart'),
    amount: fc.integer({ min: 1, max: HOUR_MS }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(asked, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), async (acts, perHour) => {
      const { path, done } = tempFolder();
      let store = new Store(path, 'write');
      /** What really passes; `up` is what the machine says of it. */
      let real = 0;
      let up = 5_000;
      const spent: { readonly at: number; readonly plan: string }[] = [];
      try {
        for (const { kind, amount } of acts) {
          if (kind === 'time') {
            real += amount;
            up += amount;
          } else if (kind === 'boot') {
            real += amount;
            up = Math.floor(amount / 2);
          } else if (kind === 'restart') {
            await store.close();
            store = new Store(path, 'write');
          } else if (kind === 'many') {
            // None waits for another, as plans of a storm do.
            const plans = Array.from({ length: 2 + (amount % 5) }, () => ulid());
            const given = await Promise.all(
              plans.map((plan) => spend(store, { host: 'web-1', plan, perHour, uptime: up })),
            );
            for (const [i, plan] of plans.entries()) if (given[i] !== null) spent.push({ at: real, plan });
          } else {
            const plan = kind === 'again' ? (spent.at(-1)?.plan ?? ulid()) : ulid();
            const given = await spend(store, { host: 'web-1', plan, perHour, uptime: up });
            if (given !== null && !spent.some((one) => one.plan === plan)) spent.push({ at: real, plan });
          }
          const within = spent.filter(({ at }) => at > real - HOUR_MS);
          assert.ok(within.length <= perHour, `${within.length} of ${perHour}`);
        }
      } finally {
        await store.close();
        done();
      }
    }),
    { numRuns: 10 },
  );
});

test('steady time never goes back, and never runs ahead of what has passed', async () => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  const seen: number[] = [];
  for (const at of [100, 150, 20, 60, 10]) seen.push(await store.write(() => steadyTime(store, at)));
  assert.equal(seen, [0, 50, 70, 110, 120]);
  await store.close();
  done();
});

test('a plan that ran alone and failed opens the breaker of its host and its playbook for a day; one by a person does not', async () => {
  await withHub(automated(), async (small) => {
    const { hub } = small;
    await online(hub);
    const byPerson = await routed(small, { ...ABLE, confidence: 0.85 });
    await small.driver.change(byPerson.id, () => acceptApproval(hub, byPerson, approvalFor(hub, byPerson)));
    await fails(small, byPerson.id);
    assert.is(await openedBy(hub.store, 'web-1', 'unit-failed', uptime), null);

    const alone = await routed(small, ABLE);
    await fails(small, alone.id);
    for (const [host, playbook] of [
      ['web-1', 'oom-restart'],
      ['db-1', 'unit-failed'],
    ] as const)
      assert.is(await openedBy(hub.store, host, playbook, uptime), alone.id);
    assert.is(await openedBy(hub.store, 'db-1', 'oom-restart', uptime), null);
    const next = await routed(small, ABLE);
    assert.equal([next.state, next.route?.code], ['proposed', 'breaker_open']);
    uptime += 24 * HOUR_MS;
    assert.is((await routed(small, ABLE)).route?.alone, true);
  });
});

test('one plan at a time runs on a host: another waits its turn, then for a person', async () => {
  let ahead = 0;
  await withHub({ ...automated(), now: () => Date.now() + ahead }, async (small) => {
    const { hub, driver } = small;
    await online(hub);
    const first = await routed(small, ABLE);
    await until('it is under way', () => getIncident(hub.store, first.id)?.state === 'executing');
    const second = await routed(small, ABLE);
    const third = await routed(small, ABLE);
    const states = () => [first, second, third].map(({ id }) => getIncident(hub.store, id)?.state);
    assert.equal(states(), ['executing', 'approved', 'approved']);
    await ends(small, first.id, 'dry_run');
    await until('the next has its turn', () => states()[1] === 'executing');
    assert.is(states()[2], 'approved');
    ahead = 61_000;
    driver.wake(third.id);
    await until('the last waits no longer', () => states()[2] === 'expired');
    assert.is(getIncident(hub.store, third.id)?.reason, 'host_busy');
  });
});

test('an approval that waits counts no more when its operator is revoked: no order is made, a person decides', async () => {
  await withHub(automated(), async (small) => {
    const { hub, driver } = small;
    const waiting = await routed(small, { ...ABLE, confidence: 0.85 });
    await driver.change(waiting.id, () => acceptApproval(hub, waiting, approvalFor(hub, waiting)));
    assert.is(getIncident(hub.store, waiting.id)?.state, 'approved', 'the agent is not there');
    const bea = { name: 'bea', key: keys.eve.public, role: 'admin' as const, scopes: [] };
    Object.assign(hub, { roster: withoutOperator(withOperator(hub.roster, bea), 'ann') });
    await online(hub);
    driver.resume();
    await until('it is a person’s', () => getIncident(hub.store, waiting.id)?.state === 'expired');
    const { reason, orders } = getIncident(hub.store, waiting.id) ?? waiting;
    assert.equal([reason, orders], ['approval_withdrawn', []]);
  });
});

test('an agent of a later minor version gets no order: the approval ends, and says that the hub is to be upgraded', async () => {
  await withHub(automated(), async (small) => {
    const { hub, driver } = small;
    const waiting = await routed(small, { ...ABLE, confidence: 0.85 });
    await driver.change(waiting.id, () => acceptApproval(hub, waiting, approvalFor(hub, waiting)));
    await online(hub);
    await hub.store.write(() => void hub.store.births.put(waiting.host, { ...samples.birth, version: '99.0.0' }));
    driver.resume();
    await until('it is a person’s', () => getIncident(hub.store, waiting.id)?.state === 'expired');
    const { reason, orders, timeline } = getIncident(hub.store, waiting.id) ?? waiting;
    assert.equal([reason, orders], ['agent_newer', []]);
    assert.match(timeline.at(-1)?.note ?? '', /runs version 99\.0\.0.*upgrade the hub/);
  });
});

test('an agent of the version before gets its order: whatever it does not say yet is optional', async () => {
  await withHub(automated(), async (small) => {
    const { hub, driver } = small;
    const waiting = await routed(small, { ...ABLE, confidence: 0.85 });
    await driver.change(waiting.id, () => acceptApproval(hub, waiting, approvalFor(hub, waiting)));
    await online(hub);
    await hub.store.write(() => void hub.store.births.put(waiting.host, { ...samples.birth, version: '0.0.9' }));
    driver.resume();
    await until('its order is given', () => getIncident(hub.store, waiting.id)?.state === 'executing');
    assert.is(getIncident(hub.store, waiting.id)?.orders.length, 1);
  });
});

test('a rule ends with its signer: who is revoked or has another key lets nothing run, and a person is asked', async () => {
  const bea = { name: 'bea', key: keys.eve.public, role: 'admin' as const, scopes: [] };
  for (const change of [
    (roster: Roster) => withoutOperator(withOperator(roster, bea), 'ann'),
    (roster: Roster) => withKey(roster, 'ann', keys.eve.public),
    (roster: Roster) => ({
      ...roster,
      operators: [bea, { ...bea, name: 'ann', key: keys.ann.public, role: 'approver' }],
    }),
  ] as ((roster: Roster) => Roster)[]) {
    await withHub(automated(), async (small) => {
      const { hub } = small;
      Object.assign(hub, { roster: change(hub.roster) });
      const { state, approval, route } = await routed(small, ABLE);
      assert.equal([state, approval, route?.code], ['proposed', null, 'no_rule']);
    });
  }
});

test('a plan that stands in line runs alone only while every reason for it holds', async () => {
  const automation = automated();
  await withHub(automation, async (small) => {
    const { hub } = small;
    await online(hub);
    const first = await routed(small, ABLE);
    await until('it is under way', () => getIncident(hub.store, first.id)?.state === 'executing');
    const second = await routed(small, ABLE);
    assert.is(second.state, 'approved');
    await fails(small, first.id);
    await until('it is a person’s', () => getIncident(hub.store, second.id)?.state === 'expired');
    const { reason, orders } = getIncident(hub.store, second.id) ?? second;
    assert.equal([reason, orders], ['breaker_open', []]);
  });
});

/** As if its agent had greeted: orders are given to it, and nobody takes them. */
const online = (hub: Hub) =>
  hub.store.write(() => {
    void hub.store.births.put('web-1', { ...samples.birth, agent: 'web-1' });
    void hub.store.presence.put('web-1', { state: 'online', boot: samples.BOOT, last_seen: hub.now() });
  });

let seq = 0;

/** The agent says that the first step failed; nothing of it can be undone. */
const fails = (small: SmallHub, id: string) => ends(small, id, 'failed');

/** Its agent says how the plan ended: that it failed, or that it was tried dry, which is nobody's fault. */
async function ends({ hub, intake }: SmallHub, id: string, state: 'failed' | 'dry_run'): Promise<void> {
  const incident = () => getIncident(hub.store, id);
  await until('an order', () => incident()?.state === 'executing');
  const { code: _, ...result } = samples.result;
  const failed: Result = {
    ...result,
    seq: ++seq,
    incident: id,
    order: incident()?.orders.at(-1)?.id ?? '',
    step: { phase: 'step', number: 1 },
    state,
    last: true,
  };
  await intake.receive({ agent: 'web-1', channel: 'r', payload: seal('result', encodeCbor(failed), web.key) });
  await until('it has ended', () => incident()?.state === (state === 'failed' ? 'failed' : 'escalated'));
}

function unplanned(): never {
  throw new Error('no plan');
}

test.run();
