import type { Store } from '../store/store.ts';

/**
 * What comes within this is committed together: one flush of the disk for all of it. A flush costs 1 to 2 ms of CPU, so
 * 10,000 agents at 30 s, 333 messages a second, make 20 of them and not 200; none of them waits for its answer.
 */
const WAIT_MS = 50;
/** A batch is committed at once when it is so large: a transaction must not hold others up for long. */
const BATCH_MAX = 2_000;

/** How commits went since this was last asked. */
export interface CommitHealth {
  readonly commits: number;
  readonly commitMsMax: number;
  /** Changes that wait for the disk now. */
  readonly queued: number;
}

/** What is to be written, in one piece. */
export interface Change {
  /** Run in a transaction soon. */
  put(): void;
  /** It is on the disk; or nothing of it was kept, for this error. */
  done(error: Error | null): void;
}

/** Joins changes to the store into few transactions. While one is being flushed, the next one fills. */
export class Commits {
  private readonly store: Store;
  private waiting: Change[] = [];
  /** Changes in the transaction that runs; null when none does. */
  private running: readonly Change[] | null = null;
  private timer: NodeJS.Timeout | undefined;
  /** What waits has waited long enough, or is enough: it follows the transaction that runs. */
  private isDue = false;
  private commits = 0;
  private slowest = 0;

  constructor(store: Store) {
    this.store = store;
  }

  /** What was added while a transaction ran that fails is not kept either, since it may build on it. */
  add(change: Change): void {
    this.waiting.push(change);
    if (this.waiting.length >= BATCH_MAX) this.start();
    else this.timer ??= setTimeout(() => this.start(), WAIT_MS);
  }

  /** Resolves when all that was added before is on the disk, or has failed. */
  settled(): Promise<void> {
    if (this.running === null && this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.add({ put: () => {}, done: () => resolve() });
      this.start();
    });
  }

  health(): CommitHealth {
    const queued = this.waiting.length + (this.running?.length ?? 0);
    const health = { commits: this.commits, commitMsMax: this.slowest, queued };
    this.commits = 0;
    this.slowest = 0;
    return health;
  }

  private start(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isDue = true;
    if (this.running === null) void this.commit();
  }

  private async commit(): Promise<void> {
    const changes = this.waiting;
    this.running = changes;
    this.waiting = [];
    this.isDue = false;
    const started = performance.now();
    const error = await this.store
      .write(() => {
        for (const change of changes) change.put();
      })
      .then(
        () => null,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      );
    this.commits++;
    this.slowest = Math.max(this.slowest, Math.round(performance.now() - started));
    const ended = error === null ? changes : [...changes, ...this.waiting.splice(0)];
    this.running = null;
    for (const change of ended) change.done(error);
    // One of them may have begun the next already.
    if (this.isDue && this.running === null && this.waiting.length > 0) void this.commit();
  }
}
