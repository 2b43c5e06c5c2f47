import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  bool,
  bytes,
  dictionary,
  int,
  list,
  maybe,
  nullable,
  oneOf,
  pattern,
  real,
  record,
  type Shape,
  ShapeError,
  text,
} from '../../broker/shape.ts';

const test = suite('shape');
const refuses = (shape: Shape<unknown>, value: unknown, path: string): void =>
  assert.throws(
    () => shape(value, ''),
    (error: unknown) =>
      error instanceof ShapeError && error.code === 'E_MESSAGE_SHAPE' && error.message.startsWith(path),
  );

test('each shape takes its bounds and refuses what is past them', () => {
  const rows: readonly (readonly [string, Shape<unknown>, readonly unknown[], readonly unknown[]])[] = [
    ['text', text(3), ['', 'abc'], ['abcd', 1, null, undefined, ['a'], new Uint8Array(1)]],
    ['pattern', pattern(/^a+$/, 'a'), ['a', 'aa'], ['', 'b', 'a\n', 1]],
    ['int', int(-1, 9), [-1, 0, 9, 9n], [-2, 10, 1.5, '1', Number.NaN, null, 2 ** 60, 10n]],
    ['real', real, [0, -1.5, 1e300], [Number.NaN, Number.POSITIVE_INFINITY, '1', null, 1n]],
    ['bool', bool, [true, false], [0, 1, 'true', null, undefined]],
    ['bytes', bytes(2), [new Uint8Array(0), new Uint8Array(2)], [new Uint8Array(3), [1], 'ab', null]],
    ['exact bytes', bytes(2, true), [new Uint8Array(2)], [new Uint8Array(1), new Uint8Array(3)]],
    ['oneOf', oneOf('a', 'b'), ['a', 'b'], ['c', '', 0, null]],
    ['list', list(bool, 2), [[], [true, false]], [[true, false, true], [1], {}, null, 'ab']],
    ['dictionary', dictionary(bool, 1), [{}, { a: true }], [{ a: true, b: true }, { a: 1 }, [], null]],
    ['nullable', nullable(bool), [null, true], [undefined, 1]],
  ];
  for (const [name, shape, good, bad] of rows) {
    for (const value of good) shape(value, '');
    for (const value of bad) assert.throws(() => shape(value, ''), /expected/, `${name} took ${String(value)}`);
  }
});

const nested = record({ who: record({ names: list(text(4), 3) }), age: maybe(int(0, 150)), by: dictionary(bool, 4) });

test('an error names the path to what is wrong', () => {
  const good = { who: { names: ['ann'] }, by: {} };
  nested(good, '');
  refuses(nested, { ...good, who: { names: ['ann', 'bobby'] } }, 'who.names[1]:');
  refuses(nested, { ...good, who: 1 }, 'who:');
  refuses(nested, { ...good, age: 151 }, 'age:');
  refuses(nested, { ...good, age: null }, 'age:');
  refuses(nested, { ...good, by: { late: 'no' } }, 'by.late:');
  refuses(nested, {}, 'who:');
  refuses(nested, [], 'message:');
  refuses(nested, new Uint8Array(3), 'message:');
});

test('unknown keys are dropped, absent ones stay absent', () => {
  assert.equal(nested({ who: { names: [], more: 1 }, by: {}, newer: {} }, ''), { who: { names: [] }, by: {} });
});

test('a dictionary keeps no key that reaches into the language', () => {
  const read = dictionary(int(), 4)(JSON.parse('{"__proto__": 1, "a": 2}'), '');
  assert.is(Object.getPrototypeOf(read), Object.prototype);
  assert.is(read['a'], 2);
});

test('no value makes a shape do anything but answer or refuse', () => {
  void fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withTypedArray: true }), (value) => {
      try {
        nested(value, '');
      } catch (error) {
        assert.instance(error, ShapeError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test.run();
