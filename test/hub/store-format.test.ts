import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { open } from 'lmdb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor } from '../../broker/cbor.ts';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { newKeyPair, readKeyPair } from '../../broker/keys.ts';
import type { Log } from '../../broker/log.ts';
import { hubKeys } from '../../broker/roster.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { putBack } from '../../hub/backup/put-back.ts';
import { appendAudit, auditHead, verifyAudit } from '../../hub/chain/audit.ts';
import { bringUpToDate, FORMAT, formatOf } from '../../hub/store/format.ts';
import { listIncidents } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';

const test = suite<{ dir: string }>('store format');
test.before.each((context) => {
  context.dir = mkdtempSync('/var/tmp/sentinel-test-format-');
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }));

const FIXTURES = fileURLToPath(new URL('../../../fixtures/stores/', import.meta.url));
const quiet: Log = { info: () => {}, warn: () => {}, error: () => {} };
const key = newKeyPair();
const deps = { key, log: quiet, now: () => 2_000 };
const entry = { kind: 'test', incident: null, actor: 'hub', data: {} };

/** A store as 0.1.0 left it: it says nothing of its format. */
async function unmarked(dir: string): Promise<Store> {
  const store = new Store(join(dir, 'store'), 'write');
  await store.write(() => void appendAudit(store, key, entry, 1_000));
  return store;
}

const newest = (store: Store) => {
  const record = store.audit.get(auditHead(store).count);
  return decodeCbor(record?.body ?? new Uint8Array()) as { kind: string; data: Record<string, unknown> };
};

test('a store of the version before is brought up to date once, and its chain says so', async ({ dir }) => {
  const store = await unmarked(dir);
  assert.is(formatOf(store.meta).format, 1);
  await bringUpToDate(store, deps);
  assert.is(formatOf(store.meta).format, FORMAT);
  assert.is(newest(store).kind, 'store.migrated');
  assert.is(newest(store).data['from'], FORMAT - 1);
  const { count } = auditHead(store);
  assert.is(count, 1 + FORMAT - 1);
  assert.is(verifyAudit(store, [key.public]).ok, true);
  await bringUpToDate(store, deps);
  assert.is(auditHead(store).count, count);
  await store.close();
});

test('a new store begins with this format, and its chain with what happens', async ({ dir }) => {
  const store = new Store(join(dir, 'store'), 'write');
  await bringUpToDate(store, deps);
  assert.is(formatOf(store.meta).format, FORMAT);
  assert.is(auditHead(store).count, 0);
  await store.close();
});

test('a newer one is refused by whoever opens it, and stays as it is', async ({ dir }) => {
  // It may do without a table that this version would make.
  const store = open({ path: join(dir, 'store'), noSubdir: false, maxDbs: 32 });
  await store.openDB({ name: 'meta' }).put('format', { format: FORMAT + 1, by: '9.0.0' });
  await store.close();
  const data = join(dir, 'store/data.mdb');
  const before = readFileSync(data);
  for (const mode of ['write', 'read'] as const) {
    assert.throws(
      () => new Store(join(dir, 'store'), mode),
      (error: unknown) =>
        /E_STORE_NEWER/.test(String((error as { code?: string }).code)) && /9\.0\.0/.test(String(error)),
      mode,
    );
  }
  assert.ok(readFileSync(data).equals(before));
});

test('a step that fails leaves the format before it, whole, and the next start goes on from there', async ({ dir }) => {
  const store = await unmarked(dir);
  let isBroken = true;
  const steps = [
    { to: 2, what: 'first', run: () => void store.meta.put('first', 1) },
    {
      to: 3,
      what: 'second',
      run: () => {
        void store.meta.put('second', 1);
        if (isBroken) throw new Error('no room');
      },
    },
  ];
  await bringUpToDate(store, deps, steps).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /no room/),
  );
  assert.equal([formatOf(store.meta).format, store.meta.get('first'), store.meta.get('second')], [2, 1, undefined]);
  assert.is(auditHead(store).count, 2);
  isBroken = false;
  await bringUpToDate(store, deps, steps);
  assert.equal([formatOf(store.meta).format, store.meta.get('second')], [3, 1]);
  assert.is(verifyAudit(store, [key.public]).ok, true);
  await store.close();
});

test('a backup that 0.1.0 made is taken back, and its store brought up to date', async ({ dir }) => {
  const backup = join(dir, 'backup');
  const from = join(FIXTURES, '0.1.0');
  mkdirSync(join(backup, 'store'), { recursive: true });
  for (const name of ['manifest.cbor', 'sealed.cbor', 'store/data.mdb'])
    writeFileSync(join(backup, name), gunzipSync(readFileSync(join(from, `${name.replace('/', '-')}.gz`))));
  const state = stateFolder(join(dir, 'state'));
  await putBack(backup, state, { passphrase: 'four words are enough', replace: false, now: 1 });
  const site = readSite(state);
  const store = new Store(state.store, 'write');
  assert.is(formatOf(store.meta).format, 1);
  const { count } = auditHead(store);
  await bringUpToDate(store, { ...deps, key: readKeyPair(keyFile.hub(state)) });
  assert.is(formatOf(store.meta).format, FORMAT);
  assert.is(auditHead(store).count, count + FORMAT - 1);
  assert.is(verifyAudit(store, hubKeys(readRoster(state, site).roster)).ok, true);
  const states = listIncidents(store, 100).map(({ state, host }) => `${host} ${state}`);
  assert.ok(states.includes('booted resolved'), states.join(', '));
  assert.ok(store.enrolled.get('booted') !== undefined);
  await store.close();
});

test.run();
