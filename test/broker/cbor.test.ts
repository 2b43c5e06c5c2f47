import { Encoder } from 'cbor-x';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CBOR_LIMITS, CborError, decodeCbor, encodeCbor } from '../../broker/cbor.ts';

const test = suite('cbor');
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const isRefusal = (error: unknown): boolean => error instanceof CborError && error.code === 'E_CBOR';

/** Plain objects again, and no byte views of a larger buffer: what deep equality can compare. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

const leaf = fc.oneof(
  fc.integer(),
  fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  fc.double({ noNaN: true }).filter((n) => !Object.is(n, -0)),
  fc.boolean(),
  fc.constant(null),
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array({ maxLength: 300 }),
);
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    leaf,
    fc.array(tie('value'), { maxLength: 8 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 8 }),
  ),
}));

test('reads back what our encoder and a foreign one wrote', () => {
  const foreign = new Encoder({ useRecords: false, tagUint8Array: false });
  void fc.assert(
    fc.property(anyValue, (value) => {
      assert.equal(plain(decodeCbor(encodeCbor(value))), plain(value));
      assert.equal(plain(decodeCbor(new Uint8Array(foreign.encode(value)))), plain(value));
    }),
  );
});

test('reads the numbers and texts of RFC 8949 appendix A', () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1_000],
    ['1a000f4240', 1_000_000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['20', -1],
    ['3903e7', -1_000],
    ['f90001', 2 ** -24],
    ['f93c00', 1],
    ['f97bff', 65_504],
    ['f9c400', -4],
    ['f97c00', Number.POSITIVE_INFINITY],
    ['f97e00', Number.NaN],
    ['fa47c35000', 100_000],
    ['fb3ff199999999999a', 1.1],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['62c3bc', 'ü'],
    ['64f0908591', '𐅑'],
    ['8301820203820405', [1, [2, 3], [4, 5]]],
    ['a26161016162820203', { a: 1, b: [2, 3] }],
  ];
  for (const [bytes, value] of rows) assert.equal(plain(decodeCbor(hex(bytes))), value, bytes);
});

const MALFORMED: Readonly<Record<string, string>> = {
  'nothing at all': '',
  'an indefinite text': '7f6161ff',
  'indefinite bytes': '5f4101ff',
  'an indefinite list': '9f01ff',
  'an indefinite map': 'bf616101ff',
  'a break alone': 'ff',
  'a reserved length': '1c',
  'another reserved length': '5e00',
  'a tag': 'c11a514b67b0',
  'a bignum': 'c249010000000000000000',
  'a map key that is a number': 'a10101',
  'a map key that is a list': 'a18001',
  'one key twice': 'a2616101616102',
  'a length cut short': '19 03',
  'a text cut short': '6361',
  'bytes cut short': '4401 02',
  'a list cut short': '8201',
  'a map without its last value': 'a26161016162',
  'a float cut short': 'fb3ff1',
  'half a half float': 'f900',
  'bytes after the value': '0000',
  undefined: 'f7',
  'an unassigned simple value': 'f8ff',
  'a simple value in one byte': 'e0',
  'text that is not UTF-8': '62c328',
  'half a surrogate pair': '63eda0bd',
  'an integer beyond 2^53': '1b0020000000000000',
  'a negative integer beyond 2^53': '3b0020000000000000',
  'a list of 2^32': '9b0000000100000000',
  'a list of 2^32 - 1 items': '9affffffff',
  'a map of 2^32': 'bb0000000100000000',
  'a text of 2^53 - 1 bytes': '7b001fffffffffffff61',
  'bytes of 2^64 - 1': '5bffffffffffffffff00',
};
for (const [what, bytes] of Object.entries(MALFORMED)) {
  test(`refuses ${what}`, () => assert.throws(() => decodeCbor(hex(bytes)), isRefusal));
}

test('refuses what is nested too deep, and reads what is just not', () => {
  const nested = (depth: number) => new Uint8Array([...Array(depth).fill(0x81), 0]);
  decodeCbor(nested(CBOR_LIMITS.depth));
  assert.throws(() => decodeCbor(nested(CBOR_LIMITS.depth + 1)), isRefusal);
  assert.throws(() => decodeCbor(nested(1_000_000)), isRefusal);
});

test('refuses more items than any message has, however they are arranged', () => {
  const flat = new Uint8Array([0x9a, 0, 1, 0, 0, ...new Uint8Array(65_536)]);
  assert.throws(() => decodeCbor(flat), isRefusal);
  const wide = Buffer.concat([
    hex('9903e8'),
    ...Array.from({ length: 1_000 }, () => Buffer.concat([hex('983c'), Buffer.alloc(60)])),
  ]);
  assert.throws(() => decodeCbor(new Uint8Array(wide)), isRefusal);
});

test('bytes that were read do not change with the buffer that they came in', () => {
  const buffer = Buffer.from(encodeCbor(new Uint8Array([1, 2, 3])));
  const read = decodeCbor(buffer);
  buffer.fill(0);
  assert.equal(read, new Uint8Array([1, 2, 3]));
});

test('a key named __proto__ is a key like any other', () => {
  const read = decodeCbor(encodeCbor(JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}')));
  assert.equal(Object.keys(read as object).sort(), ['__proto__', 'constructor']);
  assert.is((read as { admin?: unknown }).admin, undefined);
});

test('random bytes never throw anything but a CborError', () => {
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeCbor(bytes);
      } catch (error) {
        assert.ok(isRefusal(error), String(error));
      }
    }),
    { numRuns: 5_000 },
  );
});

test('a good message with bytes changed never throws anything but a CborError', () => {
  void fc.assert(
    fc.property(
      anyValue,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (value, changes) => {
        const bytes = encodeCbor(value).slice();
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        try {
          decodeCbor(bytes);
        } catch (error) {
          assert.ok(isRefusal(error), String(error));
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test('text cut in the middle of a character costs that character, not the message', () => {
  for (const length of [1, 5, 70, 600]) {
    const cut = `${'x'.repeat(length - 1)}😀`.slice(0, length);
    const read = decodeCbor(encodeCbor({ list: [{ cut }], [cut]: 1, bytes: new Uint8Array([1]) }));
    const kept = `${'x'.repeat(length - 1)}\ufffd`;
    assert.equal(plain(read), { list: [{ cut: kept }], [kept]: 1, bytes: [1] });
  }
});

test('a key without a value is left out, wherever it stands', () => {
  const read = decodeCbor(encodeCbor({ a: undefined, b: [{ c: undefined, d: 247 }], e: Buffer.from([0xf7]) }));
  assert.equal(plain(read), { b: [{ d: 247 }], e: [0xf7] });
});

test.run();
