import type { KeyPair } from '../../broker/keys.ts';
import type { Log } from '../../broker/log.ts';
import { VERSION } from '../../broker/version.ts';
import { appendAudit, auditHead } from '../chain/audit.ts';
import type { Store } from './store.ts';

/** Where the store says which format it has, and which version gave it that. */
const KEY = 'format';

/** What a store says of its format. */
export interface StoreFormat {
  readonly format: number;
  /** The version of Sentinel that brought it there. */
  readonly by: string;
}

/** A change of what the store holds, from the format before to `to`. It runs in one transaction with the mark of it. */
interface Migration {
  readonly to: number;
  /** What changes, for the log and the audit chain. */
  readonly what: string;
  readonly run: (store: Store) => void;
}

/**
 * Every change of format, in order. A new one goes to the end, with a store of the format before in fixtures/stores; one
 * that was released never changes, since stores of its format are out there.
 */
const MIGRATIONS: readonly Migration[] = [
  {
    to: 2,
    what: 'the store says which format it has, so that an older version refuses a newer one',
    // The mark itself is all of it.
    run: () => {},
  },
];

/** What this version writes. */
export const FORMAT = MIGRATIONS.at(-1)?.to ?? 1;
/** Stores of 0.1.0 say nothing. */
const UNMARKED: StoreFormat = { format: 1, by: '0.1.0' };

/** The format of a store that holds something; what it holds decides, and an empty one has none yet. */
export function formatOf(meta: Store['meta']): StoreFormat {
  const said = meta.get(KEY);
  return isFormat(said) ? said : UNMARKED;
}

const isFormat = (said: unknown): said is StoreFormat =>
  typeof said === 'object' &&
  said !== null &&
  'format' in said &&
  Number.isSafeInteger(said.format) &&
  'by' in said &&
  typeof said.by === 'string';

/** Why a store can't be opened by this version; null when it can. */
export function newerThanThis(meta: Store['meta']): string | null {
  const { format, by } = formatOf(meta);
  return format <= FORMAT
    ? null
    : `it has format ${format}, given to it by version ${by}; this is version ${VERSION}, which knows formats up to ${FORMAT}. ` +
        'Install that version again, or restore a backup from before';
}

/**
 * Brings a store to the format of this version, one step after the other, each a transaction with its audit record: a
 * power cut leaves the format before or after a step, and the next start goes on from there.
 */
export async function bringUpToDate(
  store: Store,
  { key, log, now }: { readonly key: KeyPair; readonly log: Log; readonly now: () => number },
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const isNew = auditHead(store).count === 0;
  for (const { to, what, run } of migrations) {
    const { format: from, by } = formatOf(store.meta);
    if (from >= to) continue;
    await store.write(() => {
      run(store);
      void store.meta.put(KEY, { format: to, by: VERSION } satisfies StoreFormat);
      if (isNew) return;
      const data = { from, to, what, was: by, version: VERSION };
      appendAudit(store, key, { kind: 'store.migrated', incident: null, actor: 'hub', data }, now());
    });
    if (!isNew) log.info('the store has another format now', { from, to, what });
  }
}
