import type { Log } from '../broker/log.ts';

/** Different messages that are told: a message that holds a number must not fill the log. */
const TOLD_MAX = 100;

/** Tells each trouble that does not end the agent once, however often it comes back. */
export function sayOnce(log: Log): (error: Error) => void {
  const told = new Set<string>();
  return ({ message }) => {
    if (told.has(message) || told.size > TOLD_MAX) return;
    told.add(message);
    log.warn(message);
  };
}
