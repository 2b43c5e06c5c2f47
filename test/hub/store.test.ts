import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Store } from '../../hub/store/store.ts';

const store = suite('store');

store('a transaction that throws keeps nothing of what it wrote before, and the next one works', async () => {
  const folder = mkdtempSync('/var/tmp/sentinel-test-store-');
  const opened = new Store(join(folder, 'store'), 'write');
  try {
    const broken = opened.write(() => {
      void opened.meta.put('half', 1);
      throw new Error('in the middle');
    });
    await broken.then(
      () => assert.unreachable('it throws'),
      (error: unknown) => assert.is((error as { code?: string }).code, 'E_STORE_WRITE'),
    );
    assert.is(opened.meta.get('half'), undefined);
    await opened.write(() => void opened.meta.put('whole', 2));
    assert.is(opened.meta.get('whole'), 2);
    const reader = new Store(join(folder, 'store'), 'read');
    assert.is(reader.meta.get('whole'), 2, 'another reader sees it at once');
    assert.is(reader.meta.get('half'), undefined);
    await reader.close();
  } finally {
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

for (const how of ['stays', 'throws'] as const) {
  store(`a thread that ends inside its transaction (it ${how}) leaves no lock behind`, async () => {
    const folder = mkdtempSync('/var/tmp/sentinel-test-store-');
    const opened = new Store(folder, 'write');
    try {
      for (let n = 0; n < 3; n++) {
        const writer = new Worker(new URL('./stuck-writer.js', import.meta.url), { workerData: { folder, how } });
        const gone = new Promise((resolve) => writer.once('exit', resolve));
        await new Promise((resolve) => writer.once('message', resolve));
        if (how === 'stays') await writer.terminate();
        await gone;
        // A lock that is still held would be waited for without an end.
        await opened.write(() => void opened.meta.put('whole', n));
        assert.is(opened.meta.get('whole'), n);
      }
    } finally {
      await opened.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

store.run();
