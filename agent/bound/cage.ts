import type { Overrun } from './bounds.ts';

/** What one program's processes are held in: they can be counted, and ended together, wherever they went. */
export interface Cage {
  /** Runs `spawn` so that what it starts is inside from its first instruction on. */
  start<T>(spawn: () => T): T;
  /** Words before a command's argv that bound it where the cage itself can't; most often none. */
  readonly prefix: readonly string[];
  /** Tells of a process that was started, for a cage that finds the others by their parents. */
  started(pid: number): void;
  /** The bound that was run into since the last look, or null. */
  overrun(): Overrun | null;
  /** Sends SIGTERM to every process inside. */
  terminate(): void;
  /** Kills every process inside, those among them that are just being forked. */
  kill(): void;
  /** How many processes are inside. */
  count(): number;
  /** Gives back what the cage took. What still runs inside runs on, as behind a shell that has ended. */
  close(): void;
}

/** Makes a cage for each program; what kind depends on what this host lets us have. */
export interface Cages {
  /** For the log: what holds programs here. */
  readonly kind: string;
  make(): Cage;
  /** Processes of cages that were closed and still run. */
  left(): number;
}
