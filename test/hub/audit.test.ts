import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { newKeyPair, signBytes } from '../../broker/keys.ts';
import { lineLog } from '../../broker/log.ts';
import type { Roster } from '../../broker/messages.ts';
import {
  type AuditRecord,
  appendAudit,
  auditHead,
  readAudit,
  verifyAudit,
  verifyAuditSlowly,
  verifyAuditTail,
} from '../../hub/chain/audit.ts';
import { checkChain, lastChainCheck } from '../../hub/chain/check.ts';
import { Store } from '../../hub/store/store.ts';
import { tempFolder, until } from '../broker/site.ts';

const test = suite<{ path: string; done: () => void; store: Store }>('audit chain');
const key = newKeyPair();
const COUNT = 12;

test.before.each(async (context) => {
  Object.assign(context, tempFolder());
  context.store = new Store(context.path, 'write');
  for (let n = 1; n <= COUNT; n++) {
    const entry = { kind: 'test.said', incident: null, actor: 'hub', data: { n, text: 'x'.repeat(n) } };
    await context.store.write(() => appendAudit(context.store, key, entry, 1_000 + n));
  }
});
test.after.each(async ({ store, done }) => {
  await store.close();
  done();
});

const record = (store: Store, n: number): AuditRecord => {
  const found = store.audit.get(n);
  assert.ok(found);
  return found;
};
/** What lies in the store is changed as someone with the file open would change it. */
const change = (store: Store, act: () => void): Promise<void> => store.write(act);

function brokenAt(store: Store, n: number): void {
  const finding = verifyAudit(store, [key.public]);
  assert.not(finding.ok);
  assert.is(finding.ok ? 0 : finding.record, n, JSON.stringify(finding));
}

test('a whole chain verifies, and its records read back', ({ store }) => {
  assert.equal(verifyAudit(store, [key.public]), { ok: true, head: auditHead(store) });
  assert.is(auditHead(store).count, COUNT);
  const read = readAudit(record(store, 3));
  assert.equal([read.n, read.ts, read.kind, read.actor], [3, 1_003, 'test.said', 'hub']);
});

test('a start checks the newest records alone; the whole walk finds what is further back, and leaves it for readers', async ({
  store,
}) => {
  const keys = [key.public];
  assert.ok(verifyAuditTail(store, keys, 3).ok && verifyAuditTail(store, keys, COUNT + 5).ok);
  const two = record(store, 2);
  await change(store, () => void store.audit.put(2, { ...two, body: two.body.slice(1) }));
  assert.ok(verifyAuditTail(store, keys, 3).ok);
  assert.not(verifyAuditTail(store, keys, COUNT).ok);
  assert.equal(await verifyAuditSlowly(store, keys, new AbortController().signal), verifyAudit(store, keys));
  const told: string[] = [];
  const log = lineLog('hub', (line) => told.push(line));
  const roster = { hub_key: key.public } as unknown as Roster;
  const stop = checkChain({ store, roster, log, now: () => 7 });
  await until('the walk', () => lastChainCheck(store) !== undefined);
  assert.equal(lastChainCheck(store)?.record, 2);
  assert.match(told.join(), /audit record 2/);
  await stop();
  await change(store, () => void store.audit.put(COUNT, { ...record(store, COUNT), hash: 'ab'.repeat(32) }));
  assert.not(verifyAuditTail(store, keys, 3).ok, 'a cut or changed tail is found at once');
});

test('an aborted walk says nothing', async ({ store }) => {
  assert.is(await verifyAuditSlowly(store, [key.public], AbortSignal.abort()), null);
});

test('an empty chain verifies', async () => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  assert.ok(verifyAudit(store, [key.public]).ok);
  await store.close();
  done();
});

test('appending goes on after a restart', async (context) => {
  await context.store.close();
  context.store = new Store(context.path, 'write');
  const entry = { kind: 'test.again', incident: null, actor: 'hub', data: {} };
  await context.store.write(() => appendAudit(context.store, key, entry, 2_000));
  assert.is(verifyAudit(context.store, [key.public]).ok && auditHead(context.store).count, COUNT + 1);
});

test('one byte of any record changed is found, and the record named', async ({ store }) => {
  for (const n of [1, 6, COUNT]) {
    const good = record(store, n);
    for (const at of [0, 10, good.body.length - 1]) {
      const body = new Uint8Array(good.body);
      body[at] = (body[at] ?? 0) ^ 1;
      await change(store, () => void store.audit.put(n, { ...good, body }));
      brokenAt(store, n);
    }
    const signature = new Uint8Array(good.signature);
    signature[5] = (signature[5] ?? 0) ^ 1;
    await change(store, () => void store.audit.put(n, { ...good, signature }));
    brokenAt(store, n);
    await change(store, () => void store.audit.put(n, { ...good, hash: 'ab'.repeat(32) }));
    brokenAt(store, n);
    await change(store, () => void store.audit.put(n, good));
    assert.ok(verifyAudit(store, [key.public]).ok);
  }
});

test('a record with its hash made to fit, but not signed, is found', async ({ store }) => {
  const body = encodeCbor({ ...readAudit(record(store, 4)), actor: 'somebody else' });
  const digest = createHash('sha256').update(body).digest();
  const forged = { body, hash: digest.toString('hex'), signature: record(store, 4).signature };
  await change(store, () => void store.audit.put(4, forged));
  brokenAt(store, 4);
});

test('a record signed again by another key is found', async ({ store }) => {
  const good = record(store, 4);
  const signature = signBytes(Buffer.from(good.hash, 'hex'), newKeyPair());
  await change(store, () => void store.audit.put(4, { ...good, signature }));
  brokenAt(store, 4);
});

test('a record rewritten by the hub’s own key breaks the link of the next', async ({ store }) => {
  const body = encodeCbor({ ...readAudit(record(store, 4)), actor: 'somebody else' });
  const digest = createHash('sha256').update(body).digest();
  const forged = { body, hash: digest.toString('hex'), signature: signBytes(digest, key) };
  await change(store, () => void store.audit.put(4, forged));
  brokenAt(store, 5);
});

test('a dropped record is found, wherever it was', async ({ store }) => {
  for (const n of [1, 7, COUNT]) {
    const good = record(store, n);
    await change(store, () => void store.audit.remove(n));
    brokenAt(store, n);
    await change(store, () => void store.audit.put(n, good));
  }
});

test('reordered and doubled records are found', async ({ store }) => {
  const [fourth, fifth] = [record(store, 4), record(store, 5)];
  await change(store, () => {
    void store.audit.put(4, fifth);
    void store.audit.put(5, fourth);
  });
  brokenAt(store, 4);
  await change(store, () => {
    void store.audit.put(4, fourth);
    void store.audit.put(5, fourth);
  });
  brokenAt(store, 5);
  await change(store, () => {
    void store.audit.put(5, fifth);
    void store.audit.put(COUNT + 1, record(store, COUNT));
  });
  brokenAt(store, COUNT + 1);
});

test('a cut tail is found against the head, and a replaced head against the tail', async ({ store }) => {
  const head = auditHead(store);
  const last = record(store, COUNT);
  await change(store, () => void store.audit.remove(COUNT));
  brokenAt(store, COUNT);
  await change(store, () => void store.audit.put(COUNT, last));
  for (const other of [
    { ...head, hash: 'ab'.repeat(32) },
    { ...head, count: COUNT + 3 },
    { ...head, count: COUNT - 1 },
  ]) {
    await change(store, () => void store.meta.put('audit_head', other));
    assert.not(verifyAudit(store, [key.public]).ok);
  }
});

test('what is no record at all is named, and does not end the verification', async ({ store }) => {
  const good = record(store, 3);
  const odd: unknown[] = [null, 'text', 7, {}, { ...good, body: 'text' }, { ...good, signature: null }, [good]];
  for (const value of odd) {
    await change(store, () => void store.audit.put(3, value as AuditRecord));
    brokenAt(store, 3);
  }
});

test('signed content that is not ours is named', async ({ store }) => {
  for (const body of [new Uint8Array([0xff]), encodeCbor('text'), encodeCbor(null), encodeCbor([1])]) {
    const digest = createHash('sha256').update(body).digest();
    const forged = { body, hash: digest.toString('hex'), signature: signBytes(digest, key) };
    await change(store, () => void store.audit.put(3, forged));
    brokenAt(store, 3);
  }
});

test('the whole chain by another key is not this site’s', ({ store }) => {
  const finding = verifyAudit(store, [newKeyPair().public]);
  assert.is(finding.ok ? 0 : finding.record, 1);
});

test.run();
