import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SampleWriter } from '../../hub/store/sample-bytes.ts';
import { putSample } from '../../hub/store/samples.ts';
import { Store } from '../../hub/store/store.ts';

const test = suite<{ folder: string; store: Store }>('samples as bytes');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-samples-'));
  context.store = new Store(context.folder, 'write');
});
test.after.each(async ({ folder, store }) => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** On both sides of every length that a number can have. */
const EDGES = [0, 23, 31, 32, 127, 128, 255, 256, 2 ** 15, 2 ** 16 - 1, 2 ** 16, 2 ** 31, 2 ** 32 - 1, 2 ** 32].flatMap(
  (edge) => [edge, -edge - 1, -edge],
);
const integer = fc.oneof(
  fc.constantFrom(...EDGES, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER),
  fc.maxSafeInteger(),
);
const sample = fc.record({
  columns: fc.integer({ min: 1, max: 1_000 }),
  seq: fc.maxSafeNat(),
  ts: fc.maxSafeNat(),
  dt: integer,
  values: fc.oneof(fc.array(fc.option(integer), { maxLength: 40 }), fc.constant(Array<number>(512).fill(7))),
});

test('the store’s own decoder reads them back as the numbers that they were', async ({ store }) => {
  const all = fc.sample(sample, 300);
  const writer = new SampleWriter();
  // All are written before the first is stored, as they wait for a transaction.
  const written = all.map(({ columns, seq, ts, dt, values }) =>
    writer.write(columns, { frame: { schema: 1, seq, ts, values }, dt }),
  );
  await store.write(() => {
    for (const [i, bytes] of written.entries()) putSample(store, 'web-1', i, bytes);
  });
  for (const [i, { columns, seq, ts, dt, values }] of all.entries()) {
    const expected = [columns, seq, ts, dt, ...values].map((value) => (value === 0 ? 0 : value));
    assert.equal(store.samples.get(['web-1', i]), expected);
  }
});

test.run();
