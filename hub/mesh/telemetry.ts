import type { Enrolled } from '../../broker/enroll.ts';
import { FrameError } from '../../broker/frame-bytes.ts';
import { type Chain, followBatch, type Gap } from '../../broker/frame-chain.ts';
import type { Step } from '../../broker/frame-delta.ts';
import { isPreface, openBatch, openPreface } from '../../broker/frame-payload.ts';
import { TIMES } from '../hub.ts';
import { SampleWriter } from '../store/sample-bytes.ts';
import { newestSample, putSample, stepOf } from '../store/samples.ts';
import type { Columns, Store } from '../store/store.ts';
import type { Commits } from './commits.ts';
import { putGaps } from './gaps.ts';
import { LinkWatch } from './link-health.ts';

/** The channel under which the newest frame's number of an ended start is kept beside those of events and results. */
const CHANNEL = 'm';
/** An agent's presence is written again after this: it is looked at by people, in minutes. */
const SEEN_EVERY_MS = 5_000;
/** How often an agent's old samples are looked for, and how many go in one transaction. */
const PRUNE_EVERY_MS = 60_000;
const PRUNE_MAX = 1_024;

export interface Received {
  readonly stored: number;
  /** Everything of this start up to this frame is stored, or known to be missing. */
  readonly boot: string;
  readonly through: number;
  readonly gaps: readonly Gap[];
  /** Why not all was stored: the first reason, for the count of dropped messages. */
  readonly dropped: Error | null;
}

/** Where an agent's telemetry stands: what its frames hold, and the newest of them. */
interface Stream {
  readonly columns: Columns;
  /** Its number among the agent's columns. */
  readonly n: number;
  readonly chain: Chain;
  /** Under which time the last sample was stored. */
  readonly at: number;
  readonly ahead: number | null;
  readonly seen: number;
  readonly pruned: number;
  /** What has to be written with the first sample of these columns. */
  readonly first: (() => void) | null;
}

/**
 * Turns frames into stored samples. What is missing is recorded as a gap, and never made up. It needs no hub: in the
 * worker thread it stands right beside the broker.
 */
export class Telemetry {
  private readonly store: Store;
  private readonly agents: ReadonlyMap<string, Enrolled>;
  private readonly now: () => number;
  private readonly commits: Commits;
  private readonly streams = new Map<string, Stream>();
  /** Where the streams stand on the disk: to go back to when a commit fails. */
  private readonly durable = new Map<string, Stream>();
  private readonly links = new LinkWatch();
  private readonly writer = new SampleWriter();

  constructor(parts: {
    readonly store: Store;
    readonly agents: ReadonlyMap<string, Enrolled>;
    readonly now: () => number;
    readonly commits: Commits;
  }) {
    this.store = parts.store;
    this.agents = parts.agents;
    this.now = parts.now;
    this.commits = parts.commits;
  }

  /**
   * Stores what a payload of telemetry holds; `done` is called when that is on the disk. It is called with a coded
   * error, and nothing is stored, for a payload that is not this agent's, not of the start that its birth or its last
   * preface named, or no batch of frames. What follows a preface has to wait for it. Nothing of the payload is kept.
   */
  take(agent: string, payload: Uint8Array, done: (outcome: Received | Error) => void): void {
    try {
      const enrolled = this.agents.get(agent);
      if (enrolled === undefined) throw new FrameError('E_FRAME_SCHEMA', 'telemetry of no enrolled agent');
      const { secretHash } = enrolled;
      if (isPreface(payload)) this.turnTo(agent, openPreface(payload, secretHash)).then(done, (e) => done(asError(e)));
      else this.follow(agent, payload, secretHash, done);
    } catch (error) {
      done(asError(error));
    }
  }

  private follow(
    agent: string,
    payload: Uint8Array,
    secretHash: Uint8Array,
    done: (outcome: Received | Error) => void,
  ): void {
    const before = this.streams.get(agent) ?? this.born(agent);
    const { columns, n, first } = before;
    const { boot } = columns;
    const batch = openBatch(payload, boot, secretHash);
    const { chain, steps, gaps, dropped } = followBatch(before.chain, batch, columns);
    const received = { stored: steps.length, boot, through: chain.last, gaps, dropped: dropped[0] ?? null };
    if (steps.length === 0) {
      this.streams.set(agent, { ...before, chain });
      // A repeat may come while the first is still on its way to the disk: its word counts for both, so it waits for it.
      if (this.durable.get(agent)?.chain.last === chain.last) done(received);
      else this.commits.add({ put: () => {}, done: (error) => done(error ?? received) });
      return;
    }
    const arrived = this.now();
    const began = performance.now();
    const times = timesOf(steps, before, arrived);
    // Written here already: what waits for the transaction are these bytes, and not all that they were made of.
    const samples = steps.map((step) => this.writer.write(n, step));
    const newest = steps.at(-1)?.frame.ts ?? 0;
    this.links.came(agent, before.ahead === null ? null : arrived - newest - before.ahead);
    const isSeen = arrived - before.seen >= SEEN_EVERY_MS;
    const isPruned = arrived - before.pruned >= PRUNE_EVERY_MS;
    const next: Stream = {
      columns,
      n,
      chain,
      at: times.at(-1) ?? before.at,
      ahead: before.ahead,
      seen: isSeen ? arrived : before.seen,
      pruned: isPruned ? arrived : before.pruned,
      first: null,
    };
    this.streams.set(agent, next);
    const { store } = this;
    // A thread that is ended in the middle leaves the first of these and not the last: a sample is never there without
    // what explains it, nor a gap before it unsaid.
    const put = () => {
      first?.();
      if (gaps.length > 0) {
        const known = gaps.map((gap) => ({ ...gap, boot, at: arrived }));
        putGaps(store, agent, known);
      }
      for (const [i, sample] of samples.entries()) putSample(store, agent, times[i] ?? 0, sample);
      if (isSeen) {
        // In which start an agent is, is its birth's to say: these may be frames of an earlier one, which come late.
        const start = store.presence.get(agent)?.boot ?? boot;
        const link = this.links.take(agent, start === boot ? chain.last : 0);
        void store.presence.put(agent, { state: 'online', boot: start, last_seen: arrived, link });
      }
      if (isPruned) this.prune(agent, Math.min(next.at, arrived - TIMES.samples));
    };
    const settled = (error: Error | null) => {
      if (error === null) {
        this.links.stored(agent, performance.now() - began);
        this.durable.set(agent, next);
        done(received);
        return;
      }
      // What could not be stored will be sent again, and must not look old then.
      const durable = this.durable.get(agent);
      if (durable === undefined) this.streams.delete(agent);
      else this.streams.set(agent, durable);
      done(error);
    };
    this.commits.add({ put, done: settled });
  }

  /** The agent's birth or state was written by another thread: what is known of it is read anew. */
  async changed(agent: string): Promise<void> {
    await this.commits.settled();
    this.store.refresh();
    this.streams.delete(agent);
    this.durable.delete(agent);
  }

  /** What follows is of these columns, whatever the birth says: frames of an earlier start, or of an earlier schema. */
  private async turnTo(agent: string, columns: Columns): Promise<Received> {
    // What was taken of the columns before has to be in the store for their successor to be found.
    await this.changed(agent);
    const stream = this.remembered(agent, columns);
    this.streams.set(agent, stream);
    return { stored: 0, boot: columns.boot, through: stream.chain.last, gaps: [], dropped: null };
  }

  private born(agent: string): Stream {
    const birth = this.store.births.get(agent);
    if (birth === undefined) throw new FrameError('E_FRAME_SCHEMA', 'a frame without the birth that explains it');
    const { boot, schema, metrics } = birth;
    return this.remembered(agent, { boot, schema, metrics });
  }

  /** What the store says of an agent: a hub that was restarted goes on with its last frame, and takes none twice. */
  private remembered(agent: string, columns: Columns): Stream {
    const { store } = this;
    const { boot, schema } = columns;
    const newest = newestSample(store, agent);
    const isSame = newest?.columns.boot === boot;
    const last = Math.max(store.handled.get([agent, boot, CHANNEL]) ?? 0, isSame ? (newest.sample[1] ?? 0) : 0);
    const isSameSchema = isSame && newest.columns.schema === schema;
    const n = isSameSchema ? (newest.sample[0] ?? 1) : this.nextColumns(agent);
    const step = isSame && newest.sample[1] === last ? stepOf(newest.sample, newest.columns.schema) : null;
    const first = () => {
      void store.columns.put([agent, n], columns);
      // The last start's newest number outlives its samples.
      if (newest !== undefined && !isSame) {
        void store.handled.put([agent, newest.columns.boot, CHANNEL], newest.sample[1] ?? 0);
      }
    };
    return {
      columns,
      n,
      chain: { last, step },
      at: newest?.at ?? 0,
      ahead: this.aheadOf(agent),
      seen: 0,
      pruned: 0,
      first: isSameSchema ? null : first,
    };
  }

  /** How far this hub's clock was ahead of the agent's at its last birth; null when that did not say. */
  private aheadOf(agent: string): number | null {
    const birth = this.store.births.get(agent);
    return birth?.now === undefined || birth.heard === undefined ? null : birth.heard - birth.now;
  }

  private nextColumns(agent: string): number {
    const range = { start: [agent, Number.MAX_SAFE_INTEGER] as [string, number], end: [agent, 0] as [string, number] };
    for (const [, n] of this.store.columns.getKeys({ ...range, reverse: true, limit: 1 })) return n + 1;
    return 1;
  }

  /** Inside a transaction: takes out samples before this, which nobody asks for any more; never the newest. */
  private prune(agent: string, before: number): void {
    const { store } = this;
    const range = { start: [agent, 0] as [string, number], end: [agent, before] as [string, number] };
    for (const key of [...store.samples.getKeys({ ...range, limit: PRUNE_MAX })]) void store.samples.remove(key);
  }
}

/**
 * The hub's clock says when. With the agent's own at its birth it is known how old a sample is, however late it comes;
 * without it, only how long before the newest one of its batch it was taken.
 */
function timesOf(steps: readonly Step[], { at: last, ahead }: Stream, arrived: number): readonly number[] {
  const newest = steps.at(-1)?.frame.ts ?? 0;
  let at = last;
  return steps.map(({ frame: { ts } }) => {
    const taken = ahead === null ? arrived - Math.min(TIMES.samples, Math.max(0, newest - ts)) : ts + ahead;
    at = Math.max(at + 1, Math.min(arrived, taken));
    return at;
  });
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
