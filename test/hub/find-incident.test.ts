import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newKeyPair } from '../../broker/keys.ts';
import { findIncident } from '../../hub/commands/find-incident.ts';
import { commitIncident } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';
import { INCIDENT } from '../tui/recorded.ts';

const test = suite('which incident an ID means');

test('its beginning or its end where that names one alone; what names two is refused, and too little of an end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-find-'));
  const store = new Store(folder, 'write');
  const key = newKeyPair();
  const ids = ['01JD0000000000000000AA7F3K', '01JD0000000000000000BB7F3K', '01JE0000000000000000CC9Q2X'];
  try {
    for (const [n, id] of ids.entries()) {
      const one = { ...INCIDENT, id, fingerprint: `f${n}`, opened: INCIDENT.opened + n };
      await commitIncident(store, key, one, { kind: 'test', incident: id, actor: 'hub', data: {} });
    }
    assert.is(findIncident(store, '01je').id, ids[2]);
    assert.is(findIncident(store, '9q2x').id, ids[2]);
    assert.is(findIncident(store, 'A7F3K').id, ids[0]);
    for (const both of ['01JD', '7F3K']) assert.throws(() => findIncident(store, both), /of 2 incidents: give more/);
    for (const none of ['Q2X', '', 'ZZZZ']) assert.throws(() => findIncident(store, none), /no incident/);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
});

test.run();
