import type { Event } from '../../broker/messages.ts';

/** What the detector says: the part of an event that needs no knowledge of the agent, nor of the host's processes. */
export type Finding = Readonly<
  Pick<Event, 'kind' | 'signal' | 'severity' | 'reason' | 'fingerprint'> &
    Pick<Event, 'baseline' | 'sigma' | 'confidence' | 'trend_per_hour' | 'eta'> & {
      metric: string;
      value: number;
      limit: { readonly value: number; readonly healthy: 'below' | 'above' };
    }
>;

/** A number for people: three digits that matter, and no more. */
export function spoken(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(2);
  if (size >= 100) return Math.round(value).toString();
  return Number(value.toPrecision(3)).toString();
}

const UNITS: Readonly<Record<string, string>> = { '': '', '%': ' %', '/s': ' per second', '/min': ' per minute' };

/** A value with its unit, for people. */
export const withUnit = (value: number, unit: string): string => `${spoken(value)}${UNITS[unit] ?? ` ${unit}`}`;

/** A duration for people. */
export function spokenSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${spoken(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
