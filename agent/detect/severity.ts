import type { Severity } from '../../broker/messages.ts';

/** Where others depend on the host at once, and where nobody waits: words of a host's tags. */
const IMPORTANT = new Set([
  'primary',
  'database',
  'db',
  'postgres',
  'postgresql',
  'mysql',
  'gateway',
  'plc',
  'critical',
]);
const RELAXED = new Set(['log', 'logs', 'dev', 'development', 'test', 'staging', 'lab', 'scratch']);

const ORDER: readonly Severity[] = ['info', 'warning', 'critical'];

/** From here on it is critical, and certain. */
export const CRITICAL_SIGMA = 5;
const WARNING_SIGMA = 3;

/** From 5 sigma critical, from 3 a warning; what is unusual at all is worth an info. */
export const severityOfSigma = (sigma: number): Severity =>
  sigma >= CRITICAL_SIGMA ? 'critical' : sigma >= WARNING_SIGMA ? 'warning' : 'info';

/**
 * A severity by what the host is for: 90 % of a database's disk is critical, of a log server's it is normal. Tags are
 * words or `key=word`, `key:word`; the important one counts where both kinds are given. Without tags nothing changes.
 */
export function severityForRole(severity: Severity, tags: readonly string[]): Severity {
  const words = tags.flatMap((tag) => tag.toLowerCase().split(/[=:,\s_-]+/));
  const shift = words.some((word) => IMPORTANT.has(word)) ? 1 : words.some((word) => RELAXED.has(word)) ? -1 : 0;
  return ORDER[Math.min(ORDER.length - 1, Math.max(0, ORDER.indexOf(severity) + shift))] ?? severity;
}
