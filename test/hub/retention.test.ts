import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lineLog } from '../../broker/log.ts';
import { type AuditEntry, readAudit, verifyAudit } from '../../hub/chain/audit.ts';
import { addMember } from '../../hub/correlate/memory.ts';
import { ServiceMap } from '../../hub/correlate/service-map.ts';
import type { Hub } from '../../hub/hub.ts';
import { CLOSED, type Incident, STATES } from '../../hub/incident.ts';
import { addHold, allHolds, HOLDS_MAX, heldBy, releaseHold } from '../../hub/store/holds.ts';
import { putIncident } from '../../hub/store/incidents.ts';
import {
  countIncidents,
  isOverBytes,
  type Pruned,
  prunedIncidents,
  pruneIncidents,
  type Retention,
} from '../../hub/store/retention.ts';
import { Store } from '../../hub/store/store.ts';
import { tidy } from '../../hub/tidying.ts';
import * as samples from '../broker/samples.ts';
import { tempFolder, until } from '../broker/site.ts';
import { disagreements } from '../soak/store-agrees.ts';
import { keys } from './small-hub.ts';

const DAY_MS = 86_400_000;
const NOW = 1_000 * DAY_MS;

/** What retention looks at of an incident; the rest of one is of no matter here. */
const made = (n: number, state: Incident['state'], days: number): Incident => {
  const id = String(n).padStart(26, '0');
  const at = NOW - days * DAY_MS;
  const about = { id, state, host: `h${n}`, fingerprint: `f${n}`, event: { ...samples.event, agent: `h${n}` } };
  return { ...about, severity: 'info', title: '', owner: 'ann', opened: at, updated: at } as Incident;
};

/** Prunes as the hub does: on from where the last transaction ended; answers how many went. */
async function prunedAll(store: Store, keep: Retention, held?: () => (id: string) => boolean): Promise<number> {
  let all = 0;
  for (let from: Pruned['next'] = null; ; ) {
    const { gone, next }: Pruned = await pruneIncidents(store, keys.hub, keep, NOW, {
      from,
      ...(held === undefined ? {} : { held }),
    });
    all += gone;
    if (next === null) return all;
    from = next;
  }
}

const test = suite('retention');

test('the oldest closed incidents go, open ones never, and every index agrees with what is left', async () => {
  const one = fc.tuple(fc.constantFrom(...STATES), fc.integer({ min: 0, max: 100 }));
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 25 }), fc.integer({ min: 0, max: 25 }), async (all, most) => {
      const { path, done } = tempFolder();
      const store = new Store(path, 'write');
      try {
        const incidents = all.map(([state, days], n) => made(n, state, days));
        await store.write(() => {
          for (const incident of incidents) {
            putIncident(store, incident);
            addMember(store, incident.id, { ...samples.event, agent: 'other' }, 'family', incident.opened);
          }
        });
        const gone = await prunedAll(store, { age: 50 * DAY_MS, most, bytes: 2 ** 40 });
        const left = new Set(store.incidents.getKeys({}));
        assert.is(left.size, incidents.length - gone);
        assert.is(prunedIncidents(store), gone);
        const open = incidents.filter(({ state }) => !CLOSED.has(state));
        assert.ok(
          open.every(({ id }) => left.has(id)),
          'an open one went',
        );
        assert.ok(left.size <= most || left.size === open.length, 'a closed one stayed past the bound');
        const closed = incidents.filter(({ state }) => CLOSED.has(state)).sort((a, b) => a.opened - b.opened);
        const kept = closed.findIndex(({ id }) => left.has(id));
        const stayed = kept < 0 ? [] : closed.slice(kept);
        for (const { id, opened } of stayed) {
          assert.ok(left.has(id) || opened === closed[kept]?.opened, 'a younger one went before an older');
          if (left.has(id)) assert.ok(NOW - opened <= 50 * DAY_MS, 'one stayed past its age');
        }
        const ids = (found: Iterable<string>) => [...new Set(found)].sort();
        const all_ = [...left].sort();
        assert.equal(ids([...store.summaries.getKeys({})].map(([, id]) => id)), all_);
        assert.equal(ids([...store.members.getKeys({})].map(([id]) => id)), all_);
        const still = open.map(({ id }) => id).sort();
        assert.equal(ids([...store.active.getRange({})].map(({ value }) => value)), still);
        assert.equal(ids([...store.signals.getKeys({})].map(([, , id]) => id)), still);
        assert.is(verifyAudit(store, [keys.hub.public]).ok, true);
      } finally {
        await store.close();
        done();
      }
    }),
    { numRuns: 15 },
  );
});

test('past its bytes the oldest closed incidents go, until it fits; what may not go stays, however large', async () => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  try {
    const title = 'x'.repeat(2_000);
    await store.write(() => {
      for (let n = 0; n < 1_500; n++) {
        const state = n % 10 === 0 ? 'proposed' : 'resolved';
        putIncident(store, { ...made(n, state, 2), title, opened: NOW - DAY_MS + n });
      }
    });
    const prune = async (bytes: number) => {
      const keep = { age: 50 * DAY_MS, most: 10_000, bytes };
      const gone = await prunedAll(store, keep);
      return { gone, isOver: isOverBytes(store, keep) };
    };
    const all = store.usedBytes();
    assert.equal(await prune(all), { gone: 0, isOver: false });
    const half = await prune(all / 2);
    assert.is(half.isOver, false);
    assert.ok(half.gone >= 600 && half.gone <= 900, `${half.gone} went`);
    const left = [...store.incidents.getRange({})].map(({ value }) => value);
    const closed = left.filter(({ state }) => CLOSED.has(state));
    assert.is(left.length - closed.length, 150);
    assert.is(Math.max(...closed.map(({ opened }) => opened)), NOW - DAY_MS + 1_499);
    // Nothing closed is left, and the open ones alone are more.
    assert.is((await prune(1)).isOver, true);
    assert.is([...store.incidents.getKeys({})].length, 150);
    assert.equal(disagreements(store), []);
    assert.is(verifyAudit(store, [keys.hub.public]).ok, true);
  } finally {
    await store.close();
    done();
  }
});

test('what is on hold stays, by its id or by what it matches, and what is behind thousands of such goes', async () => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  try {
    const many = 2_500;
    const told: AuditEntry[] = [];
    await store.write(() => {
      for (let n = 0; n < many + 10; n++) {
        const host = n < many ? 'held-1' : 'free-1';
        const incident = made(n, 'resolved', 90);
        putIncident(store, { ...incident, host, event: { ...incident.event, agent: host }, opened: n });
      }
    });
    const hub = {
      store,
      key: keys.hub,
      now: () => NOW,
      correlation: { services: new ServiceMap([]) },
    } as unknown as Hub;
    const id = (n: number) => String(n).padStart(26, '0');
    const add = (incident: string | undefined, match: string) =>
      addHold(hub, 'ann', { incident, match, note: 'an inquiry' });
    const whole = await add(undefined, 'host=held-*');
    const single = await add(id(many + 3), '');
    for (const [incident, match] of [
      [id(1), 'host=x'],
      [undefined, ''],
      [id(many + 99), ''],
      [undefined, 'nonsense'],
    ] as const)
      await add(incident, match).then(
        () => assert.unreachable(),
        (error: unknown) => assert.match(String((error as { code?: string }).code), /E_ACT_HOLD|E_ACT_UNKNOWN|E_MATCH/),
      );
    const keep = { age: 50 * DAY_MS, most: 10_000, bytes: 2 ** 40 };
    assert.is(await prunedAll(store, keep, () => heldBy(hub)), 9);
    assert.is(await prunedAll(store, { ...keep, most: 5 }, () => heldBy(hub)), 0, 'not for want of room either');
    assert.ok(store.incidents.get(id(many + 3)));
    await releaseHold(hub, 'ann', whole, 'it is over');
    assert.equal(
      allHolds(store).map((one) => one.id),
      [single],
    );
    assert.is(await prunedAll(store, keep, () => heldBy(hub)), many);
    assert.equal([...store.incidents.getKeys({})], [id(many + 3)]);
    for (const { value } of store.audit.getRange({})) told.push(readAudit(value));
    assert.equal(
      told.filter(({ kind }) => kind.startsWith('hold.')).map(({ kind, incident, actor }) => [kind, incident, actor]),
      [
        ['hold.added', null, 'ann'],
        ['hold.added', id(many + 3), 'ann'],
        ['hold.released', null, 'ann'],
      ],
    );
    assert.is(verifyAudit(store, [keys.hub.public]).ok, true);
  } finally {
    await store.close();
    done();
  }
});

test('there are so many holds, also where two ask at once for the last', async () => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  const hub = { store, key: keys.hub, now: () => NOW } as unknown as Hub;
  try {
    await store.write(() => {
      for (let n = 1; n < HOLDS_MAX; n++) {
        const id = String(n).padStart(26, '0');
        void store.holds.put(id, { id, incident: null, match: 'host=x', from: NOW, by: 'ann', note: '' });
      }
    });
    const wanted = { incident: undefined, match: 'host=y', note: 'an inquiry' };
    const asked = await Promise.allSettled([addHold(hub, 'ann', wanted), addHold(hub, 'bob', wanted)]);
    assert.equal(asked.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.is(allHolds(store).length, HOLDS_MAX);
  } finally {
    await store.close();
    done();
  }
});

test('a hold counts from when it was answered, also while old incidents are being taken out', async () => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  const services = new ServiceMap([]);
  const log = lineLog('hub', () => {});
  const hub = { store, key: keys.hub, log, now: () => NOW, correlation: { services } } as unknown as Hub;
  const id = (n: number) => String(n).padStart(26, '0');
  const hold = (n: number) => addHold(hub, 'ann', { incident: id(n), match: '', note: 'an inquiry' });
  const keep = { age: 50 * DAY_MS, most: 10_000, bytes: 2 ** 40 };
  try {
    await store.write(() => {
      for (let n = 0; n < 1_000; n++) putIncident(store, { ...made(n, 'resolved', 90), opened: n });
    });
    const stop = tidy(hub, keep);
    await hold(999);
    await until('the others to be gone', () => countIncidents(store) === 1);
    await stop();
    assert.equal([...store.incidents.getKeys({})], [id(999)]);

    await store.write(() => putIncident(store, made(1_000, 'resolved', 90)));
    const going = pruneIncidents(store, keys.hub, keep, NOW);
    await hold(1_000).then(
      () => assert.unreachable('it is on hold, and gone'),
      (error: { code?: string }) => assert.is(error.code, 'E_ACT_UNKNOWN'),
    );
    await going;
    assert.is(allHolds(store).length, 1);
  } finally {
    await store.close();
    done();
  }
});

test.run();
