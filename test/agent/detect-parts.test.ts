import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Envelope } from '../../agent/detect/envelope.ts';
import { Level } from '../../agent/detect/level.ts';
import { LEVEL_MS, STEPS, STEPS_NEEDED, TICKS, TRIM } from '../../agent/detect/settings.ts';
import { Steps } from '../../agent/detect/steps.ts';

// What is kept up to date from sample to sample must be what a plain reckoning over all of it gives.
const parts = suite('detect: parts against a plain reckoning');

const value = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ min: -1e30, max: 1e30, noNaN: true }));

parts('the level is the median of the ticks of five minutes, over gaps and a restart', () => {
  const sample = fc.record({ gap: fc.oneof(fc.constant(1), fc.double({ min: 0.5, max: 20, noNaN: true })), value });
  const interval = fc.constantFrom(30_000, 60_000, 150_000, 300_000, 900_000);
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 80 }), interval, fc.nat(80), (samples, every, restart) => {
      let level = new Level();
      const seen: { readonly at: number; readonly value: number }[] = [];
      let at = 0;
      for (const [i, { gap, value }] of samples.entries()) {
        if (i === restart) {
          const { state } = level;
          level = new Level();
          level.state.set(state);
          level.restored();
        }
        at += Math.ceil(gap * every);
        seen.push({ at, value });
        const told = level.add(at, value, every);
        const window = seen.slice(-TICKS).filter((one) => one.at > at - LEVEL_MS + every / 2 || one.at === at);
        const expected = Math.min(TICKS, Math.max(1, Math.floor(LEVEL_MS / every)));
        assert.is(told, window.length >= Math.ceil(expected / 2));
        if (told) assert.is(level.value() + 0, median(window.map((one) => one.value)) + 0);
      }
    }),
  );
});

parts('the edges of a column leave out its most extreme hundredth, and what is unknown', () => {
  const row = fc.oneof(
    { weight: 5, arbitrary: fc.float({ noNaN: true }) },
    { weight: 1, arbitrary: fc.constant(Number.NaN) },
  );
  const left = fc.uniqueArray(fc.nat(335), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 336, maxLength: 336 }), fc.nat(336), left, (rows, known, unknown) => {
      const column = Float32Array.from(rows, (one, i) => (i < known ? one : Number.NaN));
      const before = column.slice();
      const envelope = new Envelope(column.length);
      envelope.take(column, unknown);
      assert.equal([...column], [...before]);
      const kept = [...column].filter((one, i) => !Number.isNaN(one) && !unknown.includes(i)).sort((a, b) => a - b);
      const trimmed = Math.floor(kept.length * TRIM);
      assert.is(envelope.known, kept.length);
      near(envelope.low(), kept[trimmed] ?? Number.NaN);
      near(envelope.high(), kept[kept.length - 1 - trimmed] ?? Number.NaN);
    }),
    { numRuns: 30 },
  );
});

parts('mean, spread and slope are of the steps of the last slice', () => {
  const told = fc.record({ skip: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(15)), value: fc.integer() });
  fc.assert(
    fc.property(fc.array(told, { maxLength: 60 }), fc.nat(1e6), fc.nat(3), (all, first, late) => {
      const steps = new Steps();
      const levels = new Map<number, number>();
      let number = first;
      for (const { skip, value } of all) {
        number += skip;
        steps.tell(number, value);
        levels.set(number, value);
        const last = [...levels].filter(([step]) => step > number - STEPS);
        const mean = last.reduce((sum, [, level]) => sum + level, 0) / last.length;
        const isKnown = last.length >= STEPS_NEEDED;
        near(steps.mean(), isKnown ? mean : Number.NaN);
        if (!isKnown) continue;
        near(
          steps.spread(mean),
          Math.sqrt(last.reduce((sum, [, level]) => sum + (level - mean) ** 2, 0) / last.length),
        );
        near(
          steps.slope(number + late) ?? Number.NaN,
          slope(
            [...levels].filter(([step]) => step > number + late - STEPS),
            number + late,
          ),
        );
      }
    }),
  );
});

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The covariance of step and level over the variance of steps. */
function slope(points: readonly (readonly [number, number])[], now: number): number {
  if (points.length < STEPS_NEEDED) return Number.NaN;
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const x = mean(([step]) => step - now);
  const y = mean(([, level]) => level);
  return mean(([step, level]) => (step - now - x) * (level - y)) / mean(([step]) => (step - now - x) ** 2);
}

function near(is: number, shall: number): void {
  const size = Math.max(1, Math.abs(shall));
  assert.ok(Object.is(is, shall) || is === shall || Math.abs(is - shall) <= 1e-6 * size, `${is} is not ${shall}`);
}

parts.run();
