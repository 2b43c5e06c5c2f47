import type { Said } from '../../broker/messages.ts';
import { redact } from '../../broker/redact.ts';

/** Something that was done to this host lately: the first question after "what is wrong?" is "what changed?". */
export interface Change {
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly what: Said;
}

/** Where a host's files are, and when it is: a parameter, so that recorded trees can be read too. */
export interface Host {
  readonly root: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const HOUR = 3_600_000;

/** How far each kind of change is looked back for, and how much of it is told: a snapshot has room for 64 in all. */
export const LOOK_BACK = {
  packages: 7 * 24 * HOUR,
  /** Unit files and cron tables are few, and what was changed a week ago may run tonight for the first time. */
  units: 7 * 24 * HOUR,
  cron: 7 * 24 * HOUR,
  boots: 7 * 24 * HOUR,
  /** Configuration and deployed files are many: those of the last day. */
  files: 24 * HOUR,
  logins: 24 * HOUR,
} as const;

/** What one kind may tell, so that none crowds out the others. */
export const TOLD = 8;
/** Longer lines are cut: a change is a line on a screen. */
const MAX_LINE = 200;

/** Nothing but what package managers, unit names and paths are made of. */
const PLAIN = /^[A-Za-z0-9 _.,:;()+~/@>=-]*$/;

/** `byHost`: written by the host's own tools alone, and so trusted when it is plain; else a user may have chosen the words. */
export function change(ts: number, text: string, byHost: boolean): Change {
  const shown = redact(text, MAX_LINE);
  return { ts: Math.max(0, Math.round(ts)), what: { text: shown, trusted: byHost && PLAIN.test(shown) } };
}

/** Not older than `back`, and not in the future by more than a slip of the clock. */
export const isRecent = (ts: number, now: number, back: number): boolean => ts >= now - back && ts <= now + 60_000;
