import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { type KeyPair, newKeyPair, signBytes } from '../../broker/keys.ts';
import { type AuditRecord, appendAudit, auditHead, verifyAudit } from '../../hub/chain/audit.ts';
import type { Held, Seen } from '../../hub/chain/chain-walk.ts';
import { GrowingTree } from '../../hub/chain/merkle.ts';
import { Store } from '../../hub/store/store.ts';
import { tempFolder } from '../broker/site.ts';

const COUNT = 20;
const LATER = 3;
const RUNS = 80;
const ZEROS = '0'.repeat(64);
const hub = newKeyPair();
const other = newKeyPair();

/** The first records of a chain that a hub has written, and those that came later. */
let good: readonly AuditRecord[] = [];
let all: readonly AuditRecord[] = [];

const test = suite('tampering');

test.before(async () => {
  const { path, done } = tempFolder();
  const store = new Store(path, 'write');
  await store.write(() => {
    for (let n = 1; n <= COUNT + LATER; n++) {
      const data = { n, text: 'what happened '.repeat(n % 7), bytes: new Uint8Array(n) };
      appendAudit(store, hub, { kind: 'test.said', incident: null, actor: 'hub', data }, 1_000 + n);
    }
  });
  all = [...store.audit.getRange({})].map(({ value }) => value);
  good = all.slice(0, COUNT);
  assert.is(auditHead(store).hash, all.at(-1)?.hash);
  await store.close();
  done();
});

/** A store as whoever can write its file makes it: with these records, and a head that fits the last, or another. */
function tampered(records: readonly (AuditRecord | undefined)[], head = records.at(-1)?.hash ?? ZEROS): Store {
  const rows = records.flatMap((value, i) => (value === undefined ? [] : [{ key: i + 1, value }]));
  const audit = {
    get: (n: number) => records[n - 1],
    getKeys: ({ start = 1 }) => rows.flatMap(({ key }) => (key >= start ? [key] : [])),
  };
  return {
    audit,
    auditAtHand: audit,
    meta: { get: () => ({ count: records.length, hash: head }) },
  } as unknown as Store;
}

/** The number of the first record that is said to be wrong; 0 when none is. */
function found(store: Store, how: Held = {}): number {
  const finding = verifyAudit(store, [hub.public], how);
  return finding.ok ? 0 : finding.record;
}

/** A checkpoint over these records, from somewhere outside. */
function seenOf(records: readonly AuditRecord[]): Seen {
  const tree = new GrowingTree();
  for (const { hash } of records) tree.add(Buffer.from(hash, 'hex'));
  return { count: records.length, hash: records.at(-1)?.hash ?? ZEROS, root: tree.root(), by: 'the test' };
}

/** The chain from record `from` on made anew, with another actor in that record, and signed by this key. */
function signedAnew(from: number, key: KeyPair): readonly AuditRecord[] {
  const made = good.slice(0, from - 1);
  for (const { body } of good.slice(from - 1)) {
    const said = decodeCbor(body) as Record<string, unknown>;
    const prev = made.at(-1)?.hash ?? ZEROS;
    const next = encodeCbor({ ...said, prev, ...(said['n'] === from ? { actor: 'nobody' } : {}) });
    const digest = createHash('sha256').update(next).digest();
    made.push({ body: next, hash: digest.toString('hex'), signature: signBytes(digest, key) });
  }
  return made;
}

const at = (n: number): AuditRecord => {
  const record = good[n - 1];
  assert.ok(record);
  return record;
};
const number = fc.integer({ min: 1, max: COUNT });
const last = () => good.at(-1)?.hash;

test('the chain as the hub wrote it is good', () => {
  assert.is(found(tampered(good)), 0);
  assert.is(found(tampered(all), { seen: [seenOf(good), seenOf(all)] }), 0);
});

test('any one byte changed is found, and its record named', () => {
  const part = fc.constantFrom('body', 'signature', 'hash');
  fc.assert(
    fc.property(number, part, fc.nat(), fc.integer({ min: 1, max: 255 }), (n, name, where, flip) => {
      const bytes = Buffer.from(at(n)[name as 'body' | 'hash']);
      const i = where % bytes.length;
      bytes[i] = (bytes[i] ?? 0) ^ flip;
      const changed = { ...at(n), [name]: name === 'hash' ? bytes.toString('latin1') : new Uint8Array(bytes) };
      assert.is(found(tampered(good.with(n - 1, changed), last())), n);
    }),
    { numRuns: RUNS },
  );
});

test('every byte of one record changed, one after the other, is found', () => {
  const n = 5;
  for (const name of ['body', 'signature'] as const) {
    for (let i = 0; i < at(n)[name].length; i++) {
      const bytes = new Uint8Array(at(n)[name]);
      bytes[i] = (bytes[i] ?? 0) ^ (1 << (i % 8));
      assert.is(found(tampered(good.with(n - 1, { ...at(n), [name]: bytes }))), n, `${name}, byte ${i}`);
    }
  }
});

test('a record dropped is found and named, whether it leaves a gap or the others move up', () => {
  fc.assert(
    fc.property(number, fc.boolean(), (n, movesUp) => {
      const gap: (AuditRecord | undefined)[] = [...good];
      gap[n - 1] = undefined;
      const left = movesUp ? good.toSpliced(n - 1, 1) : gap;
      // With a head that fits, the last one dropped is a cut tail, below.
      assert.is(found(tampered(left, last())), n);
    }),
    { numRuns: RUNS },
  );
});

test('a record that stands there twice is found and named, in place of another or between two', () => {
  fc.assert(
    fc.property(number, number, fc.boolean(), (from, to, isBetween) => {
      fc.pre(from !== to);
      const twice = isBetween ? good.toSpliced(to - 1, 0, at(from)) : good.with(to - 1, at(from));
      assert.is(found(tampered(twice, last())), to);
    }),
    { numRuns: RUNS },
  );
  assert.is(found(tampered([...good, at(COUNT)])), COUNT + 1);
});

test('records in another order are found, and the first that stands elsewhere is named', () => {
  fc.assert(
    fc.property(number, number, (a, b) => {
      fc.pre(a !== b);
      assert.is(found(tampered(good.with(a - 1, at(b)).with(b - 1, at(a)))), Math.min(a, b));
    }),
    { numRuns: RUNS },
  );
});

test('a chain signed anew with another key is found from the first record that it signed', () => {
  fc.assert(
    fc.property(number, (from) => assert.is(found(tampered(signedAnew(from, other))), from)),
    { numRuns: COUNT },
  );
});

test('one signed anew with the hub’s own key is good by itself, and found by what was seen of it outside', () => {
  const early = { ...seenOf(good.slice(0, 8)), root: null };
  fc.assert(
    fc.property(number, (from) => {
      const forged = tampered(signedAnew(from, hub));
      assert.is(found(forged), 0);
      assert.is(found(forged, { seen: [seenOf(good)] }), COUNT);
      assert.is(found(forged, { seen: [seenOf(good), early] }), from <= 8 ? 8 : COUNT);
    }),
    { numRuns: COUNT },
  );
});

test('a cut tail, or an older store, is good by itself, and found by a newer checkpoint or an agent’s memory', () => {
  for (let kept = 0; kept < COUNT; kept++) {
    const older = tampered(good.slice(0, kept));
    assert.is(found(older), 0);
    assert.is(found(older, { seen: [seenOf(good)] }), kept + 1);
    assert.is(found(older, { seen: [{ ...seenOf(good), root: null }] }), kept + 1);
  }
});

test('a chain that has gone on since agrees with what was seen, and another root of it does not', () => {
  assert.is(found(tampered(all), { seen: [seenOf(good)] }), 0);
  assert.is(found(tampered(all), { seen: [{ ...seenOf(good), root: new Uint8Array(32) }] }), COUNT);
});

test('what a checkpoint vouches for is taken without each signature, and everything else is not', () => {
  const seen = [seenOf(good)];
  const quick = { seen, vouched: COUNT };
  const unsigned = (n: number) => all.map((one, i) => (i === n - 1 ? { ...one, signature: new Uint8Array(64) } : one));
  assert.equal([found(tampered(unsigned(4)), quick), found(tampered(unsigned(4)), { seen })], [0, 4]);
  assert.is(found(tampered(unsigned(COUNT + 2)), quick), COUNT + 2);
  assert.is(found(tampered(signedAnew(3, other)), quick), COUNT, 'the root does not cover what was signed anew');
});

test.run();
