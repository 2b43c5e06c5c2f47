import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { headDamage, pageDamage } from '../../hub/store/damage.ts';
import { refuseDamaged, Store } from '../../hub/store/store.ts';

/** A store with enough in it to have pages below its roots, and copies of it to be damaged. */
const damage = suite<{ folder: string; data: string; copy: () => string }>('a damaged store');
damage.before.each(async (context) => {
  const dir = mkdtempSync('/var/tmp/sentinel-test-damage-');
  context.folder = join(dir, 'store');
  context.data = join(context.folder, 'data.mdb');
  const store = new Store(context.folder, 'write');
  for (let n = 0; n < 40; n++) {
    await store.write(() => {
      for (let i = 0; i < 50; i++) void store.meta.put(`key-${n}-${i}`, 'x'.repeat(200));
    });
  }
  await store.close();
  let copies = 0;
  context.copy = () => {
    const copy = join(dir, `copy-${++copies}`);
    cpSync(context.folder, copy, { recursive: true });
    return copy;
  };
});
damage.after.each(({ folder }) => rmSync(join(folder, '..'), { recursive: true, force: true }));

const PAGE = 4_096;
const codeOf = (error: unknown): unknown => (error as { code?: string }).code;
const refusedAtOnce = (folder: string) => {
  for (const mode of ['write', 'read'] as const) {
    assert.throws(
      () => new Store(folder, mode),
      (error: unknown) => codeOf(error) === 'E_STORE_DAMAGED' && /docs\/operations\.md/.test(String(error)),
      mode,
    );
  }
};

damage('cut short, or of another kind: whoever opens it is told, before LMDB maps it', ({ data, copy }) => {
  const cut = copy();
  truncateSync(join(cut, 'data.mdb'), Math.floor(statSync(data).size / 2));
  refusedAtOnce(cut);
  const other = copy();
  writeFileSync(join(other, 'data.mdb'), Buffer.alloc(statSync(data).size, 0x5a));
  refusedAtOnce(other);
});

const CUT_SHORT = { ran: true, wasCutShort: true } as const;
const isRefused = async (folder: string, how = CUT_SHORT) => {
  const error = await refuseDamaged(folder, how).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error !== null && codeOf(error) !== 'E_STORE_DAMAGED') throw error;
  return error !== null;
};

damage(
  'garbage in all its pages, or in one of them, is found by a process of its own that reads it through',
  async ({ data, folder, copy }) => {
    const whole = readFileSync(data);
    const pages = whole.length / PAGE;
    const garbled = (from: number, to: number) => {
      const at = copy();
      const bytes = Buffer.from(whole);
      bytes.fill(0xa5, from * PAGE, to * PAGE);
      writeFileSync(join(at, 'data.mdb'), bytes);
      return at;
    };
    assert.ok(await isRefused(garbled(2, pages)));
    // A leaf of the values: LMDB walks over it without a word.
    const leaf = Array.from({ length: pages }, (_, n) => n).findLast((n) =>
      whole.subarray(n * PAGE, (n + 1) * PAGE).includes('xxxxxxxx'),
    );
    assert.ok(leaf !== undefined && leaf > 2);
    assert.ok(await isRefused(garbled(leaf, leaf + 1)), `page ${leaf} of ${pages}`);
    // The same look finds nothing in the whole one, which opens and has everything.
    assert.not.ok(await isRefused(folder));
    const store = new Store(folder, 'write');
    assert.is(store.meta.get('key-39-49'), 'x'.repeat(200));
    await store.close();
  },
);

damage(
  'an emptied file is refused where a hub has worked on it; one that was never filled is begun',
  async ({ copy }) => {
    const empty = copy();
    truncateSync(join(empty, 'data.mdb'), 0);
    assert.ok(await isRefused(empty));
    assert.not.ok(await refuseDamaged(empty, { ran: false, wasCutShort: true }));
  },
);

damage('a look that somebody ends, or that can look at nothing, says nothing of the file', async ({ folder }) => {
  assert.is(await pageDamage(folder, 1), null, 'out of time');
  assert.is(await pageDamage(join(folder, 'none')), null);
  assert.not.ok(await isRefused(join(folder, '..', 'none')));
});

damage('readers beside a store that grows are never told that it is damaged', async ({ folder }) => {
  const store = new Store(folder, 'write');
  let looks = 0;
  for (let n = 0; n < 60; n++) {
    const written = store.write(() => {
      for (let i = 0; i < 40; i++) void store.meta.put(`more-${n}-${i}`, 'y'.repeat(2_000));
    });
    let isOver = false;
    void written.then(() => {
      isOver = true;
    });
    while (!isOver) {
      assert.is(headDamage(folder), null);
      looks++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await store.close();
  assert.ok(looks > 60);
});

damage.run();
