import type { Store } from './store/store.ts';

/** What comes within this is committed together: one flush of the disk for all of it. */
const WAIT_MS = 5;
/** A batch is committed at once when it is so large: a transaction must not hold others up for long. */
const BATCH_MAX = 2_000;

/** How commits went since this was last asked. */
export interface CommitHealth {
  readonly commits: number;
  readonly commitMsMax: number;
  /** Changes that wait for the disk now. */
  readonly queued: number;
}

/** Joins changes to the store into few transactions. While one is being flushed, the next one fills. */
export class Commits {
  private readonly store: Store;
  private puts: (() => void)[] = [];
  private filling: { readonly done: Promise<void>; readonly start: () => void } | null = null;
  private running: Promise<void> = Promise.resolve();
  private commits = 0;
  private slowest = 0;
  private writing = 0;

  constructor(store: Store) {
    this.store = store;
  }

  /** `put` is run in a transaction soon; resolves when that is on the disk, rejects when nothing of it was kept. */
  add(put: () => void): Promise<void> {
    this.puts.push(put);
    this.filling ??= this.open();
    const { done, start } = this.filling;
    if (this.puts.length >= BATCH_MAX) start();
    return done;
  }

  /** Resolves when all that was added before is on the disk, or has failed. */
  async settled(): Promise<void> {
    this.filling?.start();
    await (this.filling?.done ?? this.running).catch(() => {});
  }

  health(): CommitHealth {
    const health = { commits: this.commits, commitMsMax: this.slowest, queued: this.puts.length + this.writing };
    this.commits = 0;
    this.slowest = 0;
    return health;
  }

  private open(): { done: Promise<void>; start: () => void } {
    let start = () => {};
    const due = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WAIT_MS);
      start = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    const before = this.running;
    const done = due.then(() => before).then(() => this.commit());
    // The next commit waits for this one, however it goes; who added to it hears how.
    this.running = done.catch(() => {});
    return { done, start };
  }

  private async commit(): Promise<void> {
    const { puts } = this;
    this.puts = [];
    this.filling = null;
    this.writing = puts.length;
    const started = performance.now();
    try {
      await this.store.write(() => {
        for (const put of puts) put();
      });
    } finally {
      this.writing = 0;
      this.commits++;
      this.slowest = Math.max(this.slowest, Math.round(performance.now() - started));
    }
  }
}
