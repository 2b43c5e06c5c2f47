import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { bodyHead } from '../../hub/chain/body-head.ts';
import { GrowingTree, leafOf, rootByPath, WholeTree } from '../../hub/chain/merkle.ts';

const test = suite('merkle tree');
const sha = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const hashes = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, n) => sha(Buffer.from([n & 255, n >> 8])));

/** RFC 6962 section 2.1, word for word and nothing else. */
function mth(data: readonly Uint8Array[]): Buffer {
  const [only] = data;
  if (only === undefined) return sha();
  if (data.length === 1) return sha(Buffer.from([0]), only);
  let k = 1;
  while (k * 2 < data.length) k *= 2;
  return sha(Buffer.from([1]), mth(data.slice(0, k)), mth(data.slice(k)));
}

test('the root is the RFC’s at every size, grown or made at once, also from peaks that were kept', () => {
  let grown = new GrowingTree();
  const all = hashes(140);
  for (let size = 0; size <= all.length; size++) {
    const expected = mth(all.slice(0, size));
    assert.ok(expected.equals(grown.root()), `grown, ${size}`);
    assert.ok(expected.equals(new WholeTree(all.slice(0, size).map(leafOf)).root()), `at once, ${size}`);
    if (size % 9 === 0) grown = new GrowingTree(grown.peaks);
    const next = all[size];
    if (next !== undefined) grown.add(next);
  }
});

test('a known answer: the tree of the data of the RFC’s reference tests has its first roots', () => {
  // SHA-256 of nothing, and of the leaf prefix alone: values that anyone can make with sha256sum.
  assert.is(Buffer.from(new GrowingTree().root()).toString('hex').slice(0, 16), 'e3b0c44298fc1c14');
  assert.is(
    sha(Buffer.from([0]))
      .toString('hex')
      .slice(0, 16),
    '6e340b9cffb37a98',
  );
});

test('each path leads to the root, and from no other leaf, place or size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 130 }), fc.nat(), fc.nat(), (size, a, b) => {
      const leaves = hashes(size).map(leafOf);
      const tree = new WholeTree(leaves);
      const index = a % size;
      const leaf = leaves[index] ?? new Uint8Array();
      const path = tree.path(index);
      const root = Buffer.from(tree.root());
      const leads = (from: Uint8Array, at: { index: number; size: number }, by: readonly Uint8Array[]) => {
        const found = rootByPath(from, at, by);
        return found !== null && root.equals(found);
      };
      assert.ok(leads(leaf, { index, size }, path));
      const other = b % size;
      if (other !== index) {
        assert.not(leads(leaves[other] ?? leaf, { index, size }, path));
        assert.not(leads(leaf, { index: other, size }, path));
      }
      assert.not(leads(leaf, { index, size }, [...path, leaf]));
      const changed = path.map((one, i) => (i === b % path.length ? sha(one) : one));
      if (path.length > 0) assert.not(leads(leaf, { index, size }, changed));
      assert.throws(() => tree.path(size), RangeError);
    }),
    { numRuns: 150 },
  );
});

test('a body’s place in the chain is read as the whole decoder reads it', () => {
  const number = fc.oneof(fc.nat(), fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 45));
  const prev = fc.oneof(fc.constant('ab'.repeat(32)), fc.string(), fc.constant('é'.repeat(32)));
  const rest = fc.dictionary(fc.string({ minLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 30 });
  fc.assert(
    fc.property(number, fc.oneof(number, fc.double()), prev, rest, (n, ts, before, more) => {
      const body = encodeCbor({ n, ts, prev: before, ...more });
      const whole = decodeCbor(body) as { n: unknown; prev: unknown };
      assert.equal(bodyHead(body), { n: whole.n, prev: whole.prev });
      assert.equal(bodyHead(encodeCbor({ ...more, prev: before, n, ts })), { n: whole.n, prev: whole.prev });
    }),
    { numRuns: 300 },
  );
  for (const none of [new Uint8Array(), new Uint8Array([0xff]), encodeCbor('text'), encodeCbor(null)])
    assert.is(bodyHead(none), null);
});

test('whatever bytes there are, a body’s head is read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      bodyHead(bytes);
      bodyHead(Buffer.concat([Buffer.from([0xa7, 0x61, 0x6e]), bytes]));
    }),
    { numRuns: 500 },
  );
});

test.run();
