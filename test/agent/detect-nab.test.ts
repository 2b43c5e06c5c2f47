import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { detectBench } from '../../bench/detect.ts';
import { normalised, probation, scoreSeries } from '../../bench/nab/score.ts';
import type { BenchRow } from '../../bench/row.ts';

const score = suite('nab score');
const WINDOW = [[500, 599]] as const;
const raw = (...rows: number[]) => scoreSeries(1_000, WINDOW, rows).raw;
const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-4, `${a} is not ${b}`);

score('100 is perfect and 0 never fires', () => {
  near(normalised([scoreSeries(1_000, WINDOW, [500])]), 100);
  near(normalised([scoreSeries(1_000, WINDOW, [])]), 0);
});

score('a window earns its earliest alert, less the later that is', () => {
  // 2 / (1 + e^(-5 * 0.5)) - 1 over the same at 1.
  near(raw(550), 0.848284 / 0.986614);
  assert.ok(raw(599) > 0 && raw(599) < 0.03);
  near(raw(599, 550, 560), raw(550));
});

score('a false alarm costs 0.11, less soon after a window', () => {
  near(raw(200), -1.11);
  near(raw(600) - -1, 0.11 * (2 / (1 + Math.exp(5 / 99)) - 1));
  near(raw(950), -1.11);
});

score('the first 15 %, at most 750 rows, do not count', () => {
  assert.is(probation(1_000), 150);
  assert.is(probation(18_050), 750);
  near(raw(149, 500), 1);
  assert.is(scoreSeries(1_000, [[10, 20]], []).windows, 0);
});

const detect = suite('detect: NAB development half');
detect('reaches its aims with the shipping defaults', async () => {
  const rows = new Map<string, number>();
  const good = await detectBench(({ metric, value }: BenchRow) => rows.set(metric, value));
  assert.ok(good, JSON.stringify([...rows]));
  assert.is(rows.get('windows'), 19);
  assert.ok((rows.get('nab_leave_one_file_out') ?? 0) >= 62);
  assert.ok((rows.get('state_bytes_per_metric') ?? Number.POSITIVE_INFINITY) <= 16_384);
});

score.run();
detect.run();
