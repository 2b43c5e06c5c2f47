import { asBinary } from 'lmdb';
import type { Step } from '../../broker/frame-delta.ts';
import { unscale } from '../../broker/frames.ts';
import type { Frame } from '../../broker/messages.ts';
import { HEAD } from './sample-bytes.ts';
import type { Columns, Store, StoredSample } from './store.ts';

/** One sample in each metric's unit. */
export interface Sample {
  /** Milliseconds since the epoch, by the hub's clock. */
  readonly at: number;
  readonly seq: number;
  readonly values: Readonly<Record<string, number | null>>;
}

/**
 * Inside a transaction: stores a sample that a SampleWriter wrote. It is the integers that came, so that a deltas' chain
 * can go on from it and nothing is lost.
 */
export function putSample(store: Store, agent: string, at: number, written: Uint8Array): void {
  // Bytes that lmdb takes as they are; its types know only what they are read as.
  void store.samples.put([agent, at], asBinary(written) as unknown as StoredSample);
}

/** The step that a delta after this sample builds on. */
export function stepOf(sample: StoredSample, schema: number): Step {
  const [, seq, ts, dt, ...values] = sample;
  const frame: Frame = { schema, seq: seq ?? 0, ts: ts ?? 0, values };
  return { frame, dt: dt ?? 0 };
}

/** The newest samples of an agent, newest first: those between two times of the hub's clock, at most `limit`. */
export function readSamples(
  store: Store,
  agent: string,
  {
    since = 0,
    until = Number.MAX_SAFE_INTEGER,
    limit,
  }: { readonly since?: number; readonly until?: number; readonly limit: number },
): Sample[] {
  const columns = new Map<number, Columns | undefined>();
  const range = store.samples.getRange({
    start: [agent, until],
    end: [agent, since],
    reverse: true,
    limit,
  });
  return [...range].flatMap(({ key, value }) => {
    const [n, seq] = value;
    if (typeof n !== 'number') return [];
    if (!columns.has(n)) columns.set(n, store.columns.get([agent, n]));
    const known = columns.get(n);
    if (known === undefined) return [];
    const values = Object.fromEntries(unscale({ values: value.slice(HEAD) }, known.metrics));
    return [{ at: key[1], seq: seq ?? 0, values }];
  });
}

/** An agent's newest sample as it is stored, with what its values are; undefined before the first. */
export function newestSample(
  store: Store,
  agent: string,
): { readonly at: number; readonly sample: StoredSample; readonly columns: Columns } | undefined {
  const range = { start: [agent, Number.MAX_SAFE_INTEGER] as [string, number], end: [agent, 0] as [string, number] };
  for (const { key, value } of store.samples.getRange({ ...range, reverse: true, limit: 1 })) {
    const [n] = value;
    const columns = typeof n === 'number' ? store.columns.get([agent, n]) : undefined;
    if (columns !== undefined) return { at: key[1], sample: value, columns };
  }
  return undefined;
}
