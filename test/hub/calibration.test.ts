import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scoredFaults } from '../../bench/calibration-rows.ts';
import { fitCalibration } from '../../bench/fit-calibration.ts';
import { calibrated, wilsonLow } from '../../hub/reason/calibration.ts';
import { CALIBRATION } from '../../hub/reason/calibration-table.ts';

const test = suite('calibrated confidence');
const NEW = { ran: 0, helped: 0 };

test('the committed table is what the held-out faults give', async () => {
  assert.equal(CALIBRATION, fitCalibration(await scoredFaults('fit')));
});

test('a few successes in a row are not certainty', () => {
  const shown = [1, 10, 25, 52, 200].map((n) => Math.floor(wilsonLow(n, n) * 100) / 100);
  assert.equal(shown, [0.26, 0.78, 0.9, 0.95, 0.98]);
  assert.ok(wilsonLow(24, 25) < 0.9);
});

test('a table never says more of a higher score than its faults bear, nor less than of a lower one', () => {
  const fault = fc.record({ score: fc.constantFrom(0.4, 0.5, 0.6, 0.67, 0.71, 0.77, 0.87), right: fc.boolean() });
  void fc.assert(
    fc.property(fc.array(fault, { minLength: 1, maxLength: 120 }), (faults) => {
      const table = fitCalibration(faults);
      assert.is(
        table.reduce((sum, bin) => sum + bin.faults, 0),
        faults.length,
      );
      assert.is(
        table.reduce((sum, bin) => sum + bin.right, 0),
        faults.filter(({ right }) => right).length,
      );
      const rates = table.map((bin) => bin.right / bin.faults);
      assert.ok(rates.every((rate, i) => i === 0 || rate >= (rates[i - 1] ?? 0) - 1e-9));
      for (const { score } of faults) {
        const bin = table.findLast(({ from }) => score >= from);
        assert.ok(bin !== undefined && calibrated(score, { record: NEW, table }) <= bin.right / bin.faults);
      }
    }),
  );
});

test('what was not measured is a person’s, and what fails at a site loses its confidence there', () => {
  const lowest = CALIBRATION[0]?.from ?? 1;
  assert.ok(calibrated(lowest - 0.01, { record: NEW }) < 0.7);
  const top = CALIBRATION.at(-1)?.from ?? 1;
  const plain = calibrated(top, { record: NEW });
  assert.ok(plain >= 0.9 && plain < 0.95, `${plain}`);
  assert.ok(calibrated(top, { record: { ran: 30, helped: 30 } }) > plain);
  assert.ok(calibrated(top, { record: { ran: 6, helped: 2 } }) < 0.9);
});

test.run();
