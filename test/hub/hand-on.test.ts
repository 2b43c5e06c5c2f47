import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Roster } from '../../broker/messages.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Incident } from '../../hub/incident.ts';
import { acknowledge } from '../../hub/steps/acts.ts';
import { handedOn } from '../../hub/steps/hand-on.ts';
import { ableOn, ownerOf } from '../../hub/steps/owner.ts';
import { getIncident, moved } from '../../hub/store/incidents.ts';
import { testAgent, until } from '../broker/site.ts';
import { keys, openSmallHub, proposeTo } from './small-hub.ts';

const MINUTE_MS = 60_000;
const test = suite('an owner who does not answer');

const operator = (name: string, role: 'admin' | 'approver' | 'viewer') => ({
  name,
  role,
  key: keys.vic.public,
  scopes: [],
});

test('an incident goes along the chain of admins, then approvers, and stays with the last', async () => {
  let now = Date.now();
  const small = await openSmallHub([testAgent('web-1')], { now: () => now });
  const roster: Roster = {
    ...small.hub.roster,
    operators: [
      operator('vic', 'viewer'),
      operator('bob', 'approver'),
      operator('ann', 'admin'),
      operator('cid', 'admin'),
    ],
  };
  const hub: Hub = { ...small.hub, roster };
  const proposed = await proposeTo(hub);
  let incident: Incident = moved(
    { ...proposed, timeline: [] },
    'escalated',
    { now, by: 'hub', note: 'a test' },
    { owner: 'ann' },
  );
  const owners: string[] = [];
  for (let n = 0; n < 5; n++) {
    now += 10 * MINUTE_MS - 1;
    assert.is(handedOn(incident, hub).kind, 'wait', 'not before its time');
    now += 1;
    const outcome = handedOn(incident, hub);
    if (outcome.kind === 'move') incident = outcome.incident;
    owners.push(incident.owner);
  }
  assert.equal(owners, ['cid', 'bob', 'bob', 'bob', 'bob']);
  assert.match(incident.timeline.at(-1)?.note ?? '', /cid did not answer: bob is asked next/);
  await small.close();
});

test('nobody is asked about a host that is not theirs to act on', async () => {
  const small = await openSmallHub([testAgent('web-1')]);
  const operators = [
    { ...operator('dba', 'admin'), scopes: ['host:db-1'] },
    { ...operator('web', 'approver'), scopes: ['tag:web', 'host:web-1'] },
    operator('bob', 'approver'),
  ];
  const hub: Hub = { ...small.hub, roster: { ...small.hub.roster, operators } };
  assert.equal([ownerOf(hub, 'web-1'), ownerOf(hub, 'db-1')], ['web', 'dba']);
  assert.equal(
    ableOn(hub, 'db-1').map(({ name }) => name),
    ['dba', 'bob'],
  );
  await small.close();
});

test('a proposal goes along too while it holds, and who has taken it on keeps it', async () => {
  let ahead = 0;
  const small = await openSmallHub([testAgent('web-1')], { now: () => Date.now() + ahead });
  const { hub, driver } = small;
  const operators = [...hub.roster.operators, operator('cid', 'approver')];
  Object.assign(hub, { roster: { ...hub.roster, operators } });
  const lasting = { expires: hub.now() + 30 * MINUTE_MS };
  const [free, taken] = [await proposeTo(hub, lasting), await proposeTo(hub, lasting)];
  await acknowledge(hub, taken, 'ann');
  const now = (id: string) => getIncident(hub.store, id);
  for (const { id } of [free, taken]) driver.wake(id);
  await until('both are routed', () => [free, taken].every(({ id }) => now(id)?.route !== undefined));
  ahead = 11 * MINUTE_MS;
  for (const { id } of [free, taken]) driver.wake(id);
  await until('the next is asked', () => now(free.id)?.owner === 'cid');
  assert.equal([now(free.id)?.state, now(taken.id)?.owner], ['proposed', 'ann']);
  ahead = 31 * MINUTE_MS;
  driver.wake(free.id);
  await until('it lapses all the same', () => now(free.id)?.state === 'expired');
  await small.close();
});

test.run();
