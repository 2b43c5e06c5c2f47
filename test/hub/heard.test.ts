import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { heardOf, missingOf, putHeard, stretchOf, throughOf } from '../../hub/mesh/heard.ts';
import { Store } from '../../hub/store/store.ts';

const test = suite<{ folder: string; store: Store }>('heard');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-heard-'));
  context.store = new Store(context.folder, 'write');
});
test.after.each(async ({ folder, store }) => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const BOOT = 'a'.repeat(16);

test('whatever order numbers come in, exactly these are heard', async ({ store }) => {
  const stretch = fc.record({ from: fc.integer({ min: 1, max: 60 }), more: fc.integer({ min: 0, max: 5 }) });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(stretch, { maxLength: 30 }), async (stretches) => {
      const agent = `web-${++run}`;
      await store.write(() => {
        for (const { from, more } of stretches) putHeard(store, agent, BOOT, [from, from + more]);
      });
      const heard = heardOf(store, agent, BOOT);
      const all = new Set(stretches.flatMap(({ from, more }) => [...Array(more + 1).keys()].map((i) => from + i)));
      let through = 0;
      while (all.has(through + 1)) through++;
      assert.is(throughOf(heard), through);
      for (let seq = 1; seq <= 70; seq++) assert.is(stretchOf(heard, seq) !== undefined, all.has(seq), `${seq}`);
      const missing = missingOf(heard, [1, 70]).flatMap(([from, to]) =>
        [...Array(to - from + 1).keys()].map((i) => from + i),
      );
      assert.equal(
        missing,
        [...Array(70).keys()].map((i) => i + 1).filter((seq) => !all.has(seq)),
      );
      for (const [i, [from]] of heard.entries())
        assert.ok(from > (heard[i - 1]?.[1] ?? -1) + 1, 'none touches another');
    }),
    { numRuns: 100 },
  );
});

test('a store of the days when numbers came in order goes on', async ({ store }) => {
  await store.write(() => void store.handled.put(['web-1', BOOT, 'e'], 41));
  assert.is(throughOf(heardOf(store, 'web-1', BOOT)), 41);
  await store.write(() => putHeard(store, 'web-1', BOOT, [42, 42]));
  assert.is(throughOf(heardOf(store, 'web-1', BOOT)), 42);
});

test('numbers made up with holes are bounded', async ({ store }) => {
  const scatter = store.write(() => {
    for (let seq = 2; seq < 10_000; seq += 2) putHeard(store, 'web-1', BOOT, [seq, seq]);
  });
  await scatter.then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /2048 holes/),
  );
});

test.run();
