import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
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

damage('cut short, emptied, or of another kind: whoever opens it is told, before LMDB maps it', ({ data, copy }) => {
  const cut = copy();
  truncateSync(join(cut, 'data.mdb'), Math.floor(statSync(data).size / 2));
  refusedAtOnce(cut);
  const empty = copy();
  truncateSync(join(empty, 'data.mdb'), 0);
  refusedAtOnce(empty);
  const other = copy();
  writeFileSync(join(other, 'data.mdb'), Buffer.alloc(statSync(data).size, 0x5a));
  refusedAtOnce(other);
});

damage(
  'garbage in its pages is found by reading it through, and ends another process than the one that asks',
  async ({ data, folder, copy }) => {
    const bytes = readFileSync(data);
    bytes.fill(0xa5, 2 * 4_096);
    const garbled = copy();
    writeFileSync(join(garbled, 'data.mdb'), bytes);
    await refuseDamaged(garbled).then(
      () => assert.unreachable('it is damaged'),
      (error: unknown) => assert.is(codeOf(error), 'E_STORE_DAMAGED'),
    );
    // The same look finds nothing in the whole one, which opens and has everything.
    await refuseDamaged(folder);
    const store = new Store(folder, 'write');
    assert.is(store.meta.get('key-39-49'), 'x'.repeat(200));
    await store.close();
  },
);

damage('a folder without a store is none that is damaged', async ({ folder }) => {
  await refuseDamaged(join(folder, '..', 'none'));
});

damage.run();
