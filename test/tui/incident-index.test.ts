import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newKeyPair } from '../../broker/keys.ts';
import type { Incident } from '../../hub/incident.ts';
import { commitIncident, listIncidents } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';
import { IncidentIndex } from '../../tui/incident-index.ts';
import { INCIDENT, NOW } from './recorded.ts';

const test = suite<{ folder: string; hub: Store; screen: Store }>('the index of incidents');
const key = newKeyPair();

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-index-'));
  context.hub = new Store(context.folder, 'write');
  context.screen = new Store(context.folder, 'read');
});
test.after.each(async ({ folder, hub, screen }) => {
  await screen.close();
  await hub.close();
  rmSync(folder, { recursive: true });
});

const incident = (n: number, more: Partial<Incident> = {}): Incident => ({
  ...INCIDENT,
  id: `01JD00000000000000${String(n).padStart(8, '0')}`,
  fingerprint: `f${n}`,
  opened: NOW + n,
  updated: NOW + n,
  evidence: null,
  ...more,
});
const put = (store: Store, one: Incident) =>
  commitIncident(store, key, one, { kind: 'test', incident: one.id, actor: 'hub', data: {} });

/** Reads on to the end and compares with the list as the store gives it. */
function same(index: IncidentIndex, store: Store): void {
  while (index.isPartial) index.more();
  assert.equal(index.rows, listIncidents(store, 10_000));
}

test('read anew after much has happened, what was listed stays listed until it is read again', async ({
  hub,
  screen,
}) => {
  await Promise.all(Array.from({ length: 700 }, (_, n) => put(hub, incident(n))));
  screen.refresh();
  const index = new IncidentIndex(screen, 5);
  same(index, screen);
  const old = index.rows.at(-1);
  assert.ok(old);
  await Promise.all(Array.from({ length: 10 }, (_, n) => put(hub, incident(1_000 + n))));
  screen.refresh();
  index.refresh();
  assert.ok(index.isPartial, 'it has begun anew');
  assert.ok(
    index.rows.some(({ id }) => id === old.id),
    'the oldest is still there',
  );
  assert.is(index.rows.length, 710);
  same(index, screen);
});

test('it follows what changes: new incidents, moved ones, one from before the clock was set back', async ({
  hub,
  screen,
}) => {
  await Promise.all(Array.from({ length: 20 }, (_, n) => put(hub, incident(n))));
  screen.refresh();
  const index = new IncidentIndex(screen);
  same(index, screen);
  const before = index.rows;
  index.refresh();
  assert.is(index.rows, before, 'the same array while nothing changes');
  await put(hub, incident(3, { state: 'approved', updated: NOW + 99 }));
  await put(hub, incident(40));
  await put(hub, incident(41, { opened: NOW - 5_000 }));
  screen.refresh();
  index.refresh();
  same(index, screen);
  assert.is(index.rows.length, 22);
  assert.is(index.rows.at(-1)?.id, incident(41).id);
  assert.is(index.rows.find(({ id }) => id === incident(3).id)?.state, 'approved');
});

test('older incidents come in slices, and what changes in the meantime is not lost', async ({ hub, screen }) => {
  await hub.write(() => {
    for (let n = 0; n < 3_000; n++) {
      const { id, state, severity, host, title, opened, updated, owner } = incident(n);
      void hub.summaries.put([opened, id], { id, state, severity, host, title, opened, updated, owner });
    }
  });
  screen.refresh();
  const index = new IncidentIndex(screen);
  assert.is(index.rows.length, 500, 'the newest are there at once');
  assert.ok(index.isPartial);
  await put(hub, incident(5, { state: 'resolved' }));
  screen.refresh();
  index.refresh();
  assert.is(index.rows.length, 500, 'an old one that changed waits for its slice');
  index.more();
  assert.is(index.rows.length, 2_500);
  await put(hub, incident(4_000));
  screen.refresh();
  index.refresh();
  same(index, screen);
  assert.is(index.rows.length, 3_001);
});

test.run();
