/** How a run ended. */
export type Outcome = 'fixed' | 'elapsed' | 'aborted' | 'failed';

/** A fault under way, whatever runs it. */
export interface Fault {
  /** Of its first process, which leads a process group of its own. */
  readonly pid: number;
  /** How it ended by itself or by its fix, and in words why; null while it goes on. */
  readonly over: () => { readonly outcome: Outcome; readonly how: string } | null;
  /** Ends the process that the runner started, with its group, and resolves when it is gone; a service goes with the traces. */
  readonly end: () => Promise<void>;
}
