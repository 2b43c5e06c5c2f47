import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeLocalSite } from '../../broker/enroll.ts';
import { prepareFolder, stateFolder } from '../../broker/state-folder.ts';
import { ulid } from '../../broker/ulid.ts';
import { allowOnlyRule } from '../../hub/automation/allow-only.ts';
import { type Tried, whatIf } from '../../hub/automation/what-if.ts';
import { automationCommand } from '../../hub/commands/automation.ts';
import type { Incident, Plan } from '../../hub/incident.ts';
import { commitIncident } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';
import { tempFolder, testAgent } from '../broker/site.ts';
import { ran } from './made-site.ts';
import { keys, openSmallHub, proposeTo } from './small-hub.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW = Date.now();
const test = suite<{ recorded: Incident; close: () => Promise<void> }>('what a rule would have done');
test.before(async (context) => {
  const small = await openSmallHub([testAgent('web-1')]);
  context.recorded = await proposeTo(small.hub, { playbook: 'unit-failed', class: 'service-failed', confidence: 0.93 });
  context.close = small.close;
});
test.after(({ close }) => close());

/** The recorded incident as another one, whose plan was proposed so many milliseconds before now. */
function at(recorded: Incident, ago: number, change: Partial<Incident> = {}, plan: Partial<Plan> = {}): Incident {
  if (recorded.plan === null) throw new Error('no plan');
  const proposed = NOW - ago;
  const made = { ...recorded.plan, id: ulid(proposed), expires: proposed + 30 * MINUTE_MS, ...plan };
  return { ...recorded, id: ulid(proposed), opened: proposed, updated: proposed, plan: made, ...change };
}
const RULE = allowOnlyRule('ann', 'local', NOW - 31 * 24 * HOUR_MS);
const roster = {};
const tags = () => [];
const inShort = (tried: readonly Tried[]) => tried.map(({ route }) => route.code);
const approval = {
  id: ulid(),
  by: 'ann',
  payload: new Uint8Array(),
  signature: new Uint8Array(),
  not_after: 0,
  reviewed: [],
};

test('each plan is decided as it would have been, by what it was and by what the rule had run before', ({
  recorded,
}) => {
  const five = [5, 4, 3, 2, 1].map((minutes) => at(recorded, minutes * MINUTE_MS));
  assert.equal(inShort(whatIf(five, { rules: [RULE], roster, tags })), ['alone', 'alone', 'alone', 'alone', 'budget']);
  const apart = [0, 1, 2, 3, 4].map((hours) => at(recorded, hours * HOUR_MS + 1));
  assert.equal(inShort(whatIf(apart, { rules: [RULE], roster, tags })), Array(5).fill('alone'));
  for (const [one, code] of [
    [at(recorded, 1, {}, { decision: 'review' }), 'not_all_allow'],
    [at(recorded, 1, {}, { confidence: 0.89 }), 'E_RULE_CONFIDENCE'],
    [at(recorded, 1, {}, { idempotent: false }), 'not_idempotent'],
    [at(recorded, 1, {}, { needs_human: true }), 'needs_person'],
    [at(recorded, 40 * 24 * HOUR_MS, {}), 'alone'],
  ] as const)
    assert.equal(inShort(whatIf([one], { rules: [RULE], roster, tags })), [code]);
  const two_person = [{ where: '*', plans: 'all' as const }];
  assert.equal(inShort(whatIf([at(recorded, 1)], { rules: [RULE], roster: { two_person }, tags })), ['two_person']);
  assert.equal(inShort(whatIf([at(recorded, 1)], { rules: [{ ...RULE, tags: ['edge'] }], roster, tags })), [
    'E_RULE_SCOPE',
  ]);
});

test('who took it on afterwards does not count against it, and what did not help opens the breaker for a day', ({
  recorded,
}) => {
  const since = { acknowledged: { by: 'ann', at: NOW }, recovered: NOW };
  assert.equal(inShort(whatIf([at(recorded, 1, since)], { rules: [RULE], roster, tags })), ['alone']);
  const failed = at(recorded, 30 * HOUR_MS, { state: 'failed', approval });
  const [next, later] = [at(recorded, 7 * HOUR_MS), at(recorded, HOUR_MS)];
  const tried = whatIf([later, next, failed], { rules: [RULE], roster, tags });
  assert.equal(inShort(tried), ['alone', 'breaker_open', 'alone']);
  assert.equal(
    tried.map(({ ended }) => ended),
    ['did_not_help', 'not_run', 'not_run'],
  );
  const elsewhere = at(recorded, 7 * HOUR_MS, { host: 'db-1' }, { playbook: 'another' });
  assert.equal(inShort(whatIf([failed, elsewhere], { rules: [RULE], roster, tags })), ['alone', 'alone']);
});

test('whatever was recorded and in whatever order, it never runs more on a host within an hour than the rule gives', ({
  recorded,
}) => {
  const moments = fc.array(fc.tuple(fc.nat(5 * HOUR_MS), fc.constantFrom('web-1', 'db-1')), { maxLength: 40 });
  fc.assert(
    fc.property(moments, fc.integer({ min: 1, max: 5 }), (made, perHour) => {
      const incidents = made.map(([ago, host]) => at(recorded, ago, { host }));
      const alone = whatIf(incidents, { rules: [{ ...RULE, per_host_hour: perHour }], roster, tags }).filter(
        ({ route }) => route.alone,
      );
      for (const one of alone) {
        const within = alone.filter(
          (other) => other.incident.host === one.incident.host && other.at > one.at - HOUR_MS && other.at <= one.at,
        );
        assert.ok(within.length <= perHour, `${within.length} of ${perHour}`);
      }
    }),
  );
});

test('the command tells it of a store, and refuses a rule that nobody could sign', async ({ recorded }) => {
  const { path, done } = tempFolder();
  const state = stateFolder(join(path, 'site'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const store = new Store(state.store, 'write');
  const audit = { kind: 'test', incident: null, actor: 'hub', data: {} };
  for (const one of [
    at(recorded, 5 * HOUR_MS, { state: 'resolved', approval }),
    at(recorded, HOUR_MS, {}, { confidence: 0.8 }),
    at(recorded, 20 * 24 * HOUR_MS),
  ])
    await commitIncident(store, keys.hub, one, audit);
  await store.close();
  const run = (...argv: string[]) => ran(automationCommand, ...argv, '--state', state.root);
  const { code, lines } = await run('try', '--days', '7');
  assert.is(code, 0);
  assert.match(lines[0] ?? '', /web-1 +unit-failed +0\.93 +alone +it was run, and helped/);
  assert.match(lines.at(-2) ?? '', /^2 plans in 7 days: 1 would have run.*1 helped.*1 would have waited$/);
  assert.is(lines.at(-1), 'why they would have waited: 1 E_RULE_CONFIDENCE');
  const rows = (await run('try', '--json')).lines.map((line) => JSON.parse(line));
  assert.equal(
    rows.map(({ alone, ended }) => [alone, ended]),
    [
      [true, 'not_run'],
      [true, 'helped'],
      [false, 'not_run'],
    ],
  );
  assert.is((await run('try', '--host', 'db-1', '--json')).lines.filter((line) => JSON.parse(line).alone).length, 0);
  assert.equal((await run('show')).lines, ['no rule: nothing runs before a person approved it']);
  for (const argv of [['try', '--days', '93'], ['try', '--confidence', '0.5'], ['try', '--per-hour', '0'], ['run']])
    await run(...argv).then(
      () => assert.unreachable(argv.join(' ')),
      (error: Error & { code?: string }) => assert.is(error.code, 'E_USAGE'),
    );
  done();
});

test.run();
