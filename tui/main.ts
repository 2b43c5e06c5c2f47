import type { Desk } from './desk.ts';
import type { Keymap } from './keymap.ts';
import type { TourMemory } from './tour-memory.ts';

/** The terminal, and how this operator wants it. */
export interface TuiOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** Absent: the keys that are shipped. */
  readonly keys?: Keymap;
  /** Nothing is signed from this screen. */
  readonly readOnly?: boolean;
  /** The terminal's bell rings when an incident begins to wait for a person. */
  readonly bell?: boolean;
  /** Whether this operator has seen the tour; absent: it is not shown by itself. */
  readonly tour?: TourMemory;
}

/**
 * Shows the desk full screen on a terminal. Resolves when the operator quits (`q` at the root, ctrl-c) or a signal
 * asked to end, with the terminal as it was before. Whoever wants to handle SIGTERM, SIGHUP or SIGINT in another way
 * than dying of it registers its handler before this call. The desk stays open: it is the caller's.
 */
export async function runTui(desk: Desk, options: TuiOptions): Promise<'quit'> {
  // Before React and Ink load: React's development build records every render until memory is full, and Ink prints
  // nothing at all where it believes itself in CI, which any value of these but `false` makes it do.
  process.env['NODE_ENV'] = 'production';
  delete process.env['CI'];
  delete process.env['CONTINUOUS_INTEGRATION'];
  const { runSession } = await import('./session.ts');
  return runSession(desk, options);
}
