import { parentPort, workerData } from 'node:worker_threads';
import { Store } from '../../hub/store/store.ts';

/** A second writer that says when it is inside a transaction, and then never leaves it, or throws where nobody looks. */
const { folder, how } = workerData as { readonly folder: string; readonly how: 'stays' | 'throws' };
const store = new Store(folder, 'beside');
void store.write(() => {
  for (let i = 0; i < 100; i++)
    void store.meta.put(
      `half-${i}`,
      Array.from({ length: 100 }, () => i),
    );
  parentPort?.postMessage('inside');
  if (how === 'throws') process.nextTick(() => process.exit(1));
  for (const until = how === 'stays' ? Number.POSITIVE_INFINITY : Date.now() + 100; Date.now() < until; );
});
