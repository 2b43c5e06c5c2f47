import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { secretHash } from '../../broker/enroll.ts';
import { decodeFrame, encodeFrame, unscale } from '../../broker/frames.ts';
import type { Frame, Metric } from '../../broker/messages.ts';

const test = suite('telemetry frames');
const hash = secretHash('secret');
const metrics: readonly Metric[] = [
  { name: 'cpu.percent', unit: '%', scale: 0.1 },
  { name: 'mem.used', unit: 'B', scale: 1_024 },
  { name: 'load', unit: '', scale: 0.01 },
];
const frame = (values: readonly (number | null)[]): Frame => ({ schema: 2, seq: 9, ts: 1_700_000_000_000, values });
const code = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

test('values come back at their metric’s resolution', () => {
  void fc.assert(
    fc.property(
      fc.array(fc.option(fc.double({ noNaN: true, min: -1e12, max: 1e12 })), { minLength: 3, maxLength: 3 }),
      (values) => {
        const read = decodeFrame(encodeFrame(frame(values), metrics, hash), hash);
        assert.equal({ ...read, values: [] }, { ...frame([]), values: [] });
        const back = unscale(read, metrics);
        for (const [i, { name, scale }] of metrics.entries()) {
          const [sent, got] = [values[i] ?? null, back.get(name) ?? null];
          if (sent === null) assert.is(got, null);
          // Half a step of the scale, and what a double of that size can't hold.
          else assert.ok(Math.abs((got ?? Number.NaN) - sent) <= scale / 2 + Math.abs(sent) * 1e-12, `${sent} ${got}`);
        }
      },
    ),
  );
});

test('a reading that is no number, or that no integer holds, is null and costs no other', () => {
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, 5];
  assert.equal(decodeFrame(encodeFrame(frame(odd), metrics, hash), hash).values, [null, null, 500]);
  assert.equal(decodeFrame(encodeFrame(frame([1e300, -1e300, 5]), metrics, hash), hash).values, [null, null, 500]);
});

test('another agent’s secret, and any changed byte, is refused', () => {
  const bytes = encodeFrame(frame([1, 2, 3]), metrics, hash);
  assert.throws(
    () => decodeFrame(bytes, secretHash('other')),
    (error: unknown) => code(error) === 'E_SIGNATURE',
  );
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.throws(
      () => decodeFrame(changed, hash),
      (error: unknown) => ['E_SIGNATURE', 'E_CBOR', 'E_MESSAGE_SHAPE'].includes(code(error)),
      `byte ${at}`,
    );
  }
});

test.run();
