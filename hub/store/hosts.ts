import type { Store } from './store.ts';

/** A host's tags as its agent last named them; null for one that was never heard. */
export const tagsOf = (store: Store, host: string): readonly string[] | null =>
  store.births.get(host)?.host.tags ?? null;
