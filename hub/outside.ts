import type { Event } from '../broker/messages.ts';

/** Signals that begin so come from other systems' alerts, through the hub's webhooks. */
export const ALERT_SIGNAL = 'alert.';

/**
 * Whether another system said it, of a host that the hub can't look at by its metric. Nothing runs alone for it, and
 * that it is over is the other system's to say.
 */
export const isFromOutside = ({ signal }: Pick<Event, 'signal'>): boolean => signal.startsWith(ALERT_SIGNAL);
