import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { seal } from '../../broker/signed.ts';
import { ulid } from '../../broker/ulid.ts';
import { acceptApproval } from '../../hub/steps/approve.ts';
import { execute } from '../../hub/steps/execute.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { type HostState, hostsOf, putRollout, type Rollout, readRollout } from '../../hub/upgrade/rollout.ts';
import { Upgrades } from '../../hub/upgrade/upgrades.ts';
import { birth } from '../broker/samples.ts';
import { testAgent } from '../broker/site.ts';
import { approvalFor, openSmallHub, proposeTo } from './small-hub.ts';

const test = suite('orders during an upgrade');

const rolloutIn = (state: HostState): Rollout => ({
  ...{ id: ulid(), by: 'ann', version: '0.1.1', release: 'ab'.repeat(32), begun: 1, ended: null },
  ...{ state: 'running', why: '', where: ['host:web-1'], at_once: 1, within_s: 10 },
  ...{ message: new Uint8Array(), order: new Uint8Array(), signature: new Uint8Array() },
  hosts: hostsOf({ where: ['host:web-1'] }, [{ agent: 'web-1', tags: [] }], 1).map((one) => ({ ...one, state })),
});

test('an order waits while its host is put over from one version to another, and goes when that has ended', async () => {
  const small = await openSmallHub([testAgent('web-1')]);
  try {
    const { hub } = small;
    const { store } = hub;
    await store.write(() => {
      void store.births.put('web-1', { ...birth, agent: 'web-1' });
      void store.presence.put('web-1', { state: 'online', boot: birth.boot, last_seen: hub.now() });
      putRollout(store, rolloutIn('switching'));
    });
    // Nobody wakes the pipeline for it: its step is taken here.
    const proposed = await proposeTo(hub);
    await acceptApproval(hub, proposed, approvalFor(hub, proposed));
    const approved = getIncident(store, proposed.id);
    if (approved?.state !== 'approved') throw new Error('it was not approved');
    const before = hub.now();
    const waits = await execute.run(approved, hub);
    assert.is(waits.kind, 'wait');
    // It looks again by itself: the end of an upgrade wakes no incident.
    assert.ok(waits.kind === 'wait' && waits.until !== null && waits.until < before + 60_000);
    for (const state of ['sending', 'done', 'returned'] as const) {
      await store.write(() => putRollout(store, rolloutIn(state)));
      const goes = await execute.run(approved, hub);
      assert.is(goes.kind === 'move' ? goes.incident.state : goes.kind, 'executing', state);
    }
    assert.is(getIncident(store, approved.id)?.orders.length, 0);
  } finally {
    await small.close();
  }
});

test('a halt that a host refuses by is waited for, and one that it went back by is the end of it', async () => {
  const agent = testAgent('web-1');
  const small = await openSmallHub([agent]);
  const upgrades = new Upgrades(join(small.folder, 'upgrade'));
  try {
    const { hub } = small;
    const { store } = hub;
    const rollout = rolloutIn('switching');
    await store.write(() => {
      void store.births.put('web-1', { ...birth, agent: 'web-1' });
      putRollout(store, rollout);
    });
    const heard = async (state: 'refused' | 'returned') => {
      const report = { agent: 'web-1', boot: birth.boot, upgrade: rollout.id, state, code: 'E_HALTED' };
      await upgrades.hear(hub, 'web-1', seal('upgrade_report', encodeCbor(report), agent.key));
      return readRollout(store)?.hosts[0]?.state;
    };
    assert.is(await heard('refused'), 'switching');
    assert.is(await heard('returned'), 'returned');
    assert.is(readRollout(store)?.why, 'web-1: returned, E_HALTED');
  } finally {
    await upgrades.stop();
    await small.close();
  }
});

test.run();
