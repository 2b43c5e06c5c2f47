import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import * as shapes from '../../broker/messages.ts';
import { type Shape, ShapeError } from '../../broker/shape.ts';
import * as samples from './samples.ts';

const test = suite('messages');

const MESSAGES: readonly (readonly [string, Shape<unknown>, object])[] = [
  ['birth', shapes.birth, samples.birth],
  ['event', shapes.event, samples.event],
  ['snapshot', shapes.snapshot, samples.snapshot],
  ['approval', shapes.approval, samples.approval],
  ['order', shapes.order, samples.order],
  ['result', shapes.result, samples.result],
  ['ack', shapes.ack, samples.ack],
  ['roster', shapes.roster, samples.roster],
];

/** The paths of every value in a message, lists and maps themselves included. */
function paths(value: unknown, at: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [at];
  const inside = Object.entries(value).flatMap(([key, one]) =>
    paths(one, [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return at.length === 0 ? inside : [at, ...inside];
}

/** The message with one value replaced. */
function withValue(value: unknown, path: readonly (string | number)[], next: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return next;
  if (Array.isArray(value)) return value.map((one, i) => (i === key ? withValue(one, rest, next) : one));
  const map = value as Record<string, unknown>;
  return { ...map, [key]: withValue(map[key], rest, next) };
}

const written = (path: readonly (string | number)[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${key}`)).join('');

for (const [name, shape, sample] of MESSAGES) {
  test(`${name}: what was encoded is what is read`, () => {
    assert.equal(shape(decodeCbor(encodeCbor(sample)), ''), sample);
  });

  test(`${name}: a value of the wrong type is refused by its path, wherever it stands`, () => {
    for (const path of paths(sample)) {
      // No field of any message is a floating-point zero by sign, a nested empty list or a map with a list.
      for (const wrong of [Symbol.for('none'), { wrong: [] }, Number.NaN]) {
        if (path.join('.') === 'facts' || path.join('.') === 'snapshot.facts') continue;
        assert.throws(
          () => shape(withValue(sample, path, wrong), ''),
          (error: unknown) => error instanceof ShapeError && error.message.startsWith(written(path)),
          `${name} took ${String(wrong)} for ${written(path)}`,
        );
      }
    }
  });

  test(`${name}: a text, list or number past its bound is refused`, () => {
    for (const path of paths(sample)) {
      const value = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], sample);
      const beyond =
        typeof value === 'string'
          ? 'x'.repeat(70_000)
          : value instanceof Uint8Array
            ? new Uint8Array(70_000)
            : Array.isArray(value)
              ? Array(100_001).fill(value[0] ?? 'x')
              : Number.isInteger(value)
                ? 2 ** 60
                : undefined;
      // A real has no bound but being finite, and an integer may stand where a real is asked for.
      if (beyond === undefined) continue;
      if (typeof beyond === 'number' && accepts(shape, withValue(sample, path, 0.5))) continue;
      assert.throws(() => shape(withValue(sample, path, beyond), ''), /expected/, `${name}: ${written(path)}`);
    }
  });

  test(`${name}: any other value is answered or refused, and nothing else`, () => {
    const isFine = (value: unknown): void => {
      try {
        shape(value, '');
      } catch (error) {
        assert.instance(error, ShapeError);
      }
    };
    const places = paths(sample);
    void fc.assert(
      fc.property(fc.anything(), fc.nat(places.length - 1), (value, at) => {
        isFine(value);
        isFine(withValue(sample, places[at] ?? [], value));
      }),
      { numRuns: 300 },
    );
  });
}

function accepts(shape: Shape<unknown>, value: unknown): boolean {
  try {
    shape(value, '');
    return true;
  } catch {
    return false;
  }
}

test('ids refuse whatever a topic, a path or a certificate could misread', () => {
  for (const agent of ['', 'a/b', '+', '#', '..', 'A', 'a b', '-a', 'a'.repeat(49), 'ä', 'a\n', 'a\u0000']) {
    assert.throws(() => shapes.ack({ ...samples.ack, agent }, ''), /^Error: agent|expected an id/, agent);
  }
});

test.run();
