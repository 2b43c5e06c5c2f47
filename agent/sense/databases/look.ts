/** What one look at a database found; null where it has no such number. */
export interface DatabaseLook {
  /** Of the connections that it takes. */
  readonly connectionsPercent: number | null;
  /** Since the database was started: what was found in its own memory, and what was not. */
  readonly hits: number | null;
  readonly misses: number | null;
  /** Since it was started: write-ahead logs that could not be archived. */
  readonly archiveFailures: number | null;
  /** How far a replica is behind, in seconds. */
  readonly lagSeconds: number | null;
  /** 1 where a replica has lost its primary. */
  readonly replicationDown: number | null;
  /** Statements that wait for a lock now. */
  readonly waitingLocks: number | null;
  /** Of the memory that it may take. */
  readonly memoryPercent: number | null;
}

export const NOTHING: DatabaseLook = {
  connectionsPercent: null,
  hits: null,
  misses: null,
  archiveFailures: null,
  lagSeconds: null,
  replicationDown: null,
  waitingLocks: null,
  memoryPercent: null,
};
