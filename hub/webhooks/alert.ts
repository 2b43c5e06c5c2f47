import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Who posts: each has its own path. Their payloads share the fields that are read here. */
export const SOURCES = ['alertmanager', 'grafana'] as const;
export type AlertSource = (typeof SOURCES)[number];

/** How much of one request is read: one table, each with its reason. */
export const ALERT_LIMITS = {
  /** A group of a thousand alerts with long descriptions; a sender with more sends the rest as another group. */
  bodyBytes: 1_048_576,
  alerts: 1_000,
  /** Prometheus' own rules have five to fifteen labels. */
  pairs: 32,
  /** Of a name and of a value; what is longer is cut, since an alert must not be lost for a long description. */
  nameChars: 96,
  textChars: 2_048,
} as const;

/** One alert as its source tells it. Everything in it was written elsewhere, and none of it is trusted. */
export interface Alert {
  readonly source: AlertSource;
  readonly isFiring: boolean;
  /** The source's own name for this set of labels. */
  readonly fingerprint: string;
  /** When this firing began, by the source's clock, in milliseconds; with the fingerprint it names one firing. */
  readonly starts: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Grafana's: what its expressions came to. */
  readonly values: Readonly<Record<string, string>>;
}

/** What one request held: `broken` counts alerts that were none, `cut` those that the source itself left out. */
export interface Alerts {
  readonly alerts: readonly Alert[];
  readonly broken: number;
  readonly cut: number;
}

export class AlertError extends Error {
  readonly code: 'E_JSON' | 'E_WEBHOOK_CUT' | 'E_WEBHOOK_SHAPE';
  constructor(code: AlertError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Names to values. A value that is no text, as in Grafana's `values`, is written as JSON would. */
const pairs = z.record(z.string(), z.unknown()).transform((raw, context) => {
  const kept = Object.entries(raw).slice(0, ALERT_LIMITS.pairs);
  try {
    return Object.fromEntries(
      kept.map(([name, value]) => [
        name.slice(0, ALERT_LIMITS.nameChars),
        textOf(value).slice(0, ALERT_LIMITS.textChars),
      ]),
    );
  } catch {
    // Nested thousands deep: JSON reads it, and does not write it.
    context.addIssue({ code: 'custom', message: 'a value is nested too deep' });
    return z.NEVER;
  }
});

/** A leap of RFC 3339: nanoseconds, which Date.parse takes, and the year 1, which means "not yet". */
const moment = z
  .string()
  .max(64)
  .transform((text, context): number => {
    const at = Date.parse(text);
    if (Number.isFinite(at) && at >= 0) return at;
    context.addIssue({ code: 'custom', message: 'no time' });
    return z.NEVER;
  });

const alert = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: pairs,
  annotations: pairs.nullish(),
  values: pairs.nullish(),
  startsAt: moment,
  fingerprint: z
    .string()
    .regex(/^[0-9a-zA-Z]{1,64}$/)
    .nullish(),
});

/** The envelope of version 4, and of Grafana, which says `"1"`: what is not named here may be anything. */
const envelope = z.object({
  alerts: z.array(z.unknown()).max(ALERT_LIMITS.alerts, `at most ${ALERT_LIMITS.alerts} alerts: set max_alerts`),
  truncatedAlerts: z.int().nonnegative().nullish(),
});

/**
 * Reads the body of an Alertmanager webhook (version 4) or of Grafana's, which is the same with more fields. One broken
 * alert costs the others nothing. Throws AlertError.
 */
export function readAlerts(source: AlertSource, body: string): Alerts {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new AlertError('E_JSON', 'the body is no JSON');
  }
  const read = envelope.safeParse(json);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new AlertError(
      'E_WEBHOOK_SHAPE',
      `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'no webhook'}`,
    );
  }
  const alerts = new Map<string, Alert>();
  let broken = 0;
  for (const raw of read.data.alerts) {
    const one = alert.safeParse(raw);
    if (!one.success || Object.keys(one.data.labels).length === 0) {
      broken++;
      continue;
    }
    const { status, labels, annotations, values, startsAt: starts, fingerprint } = one.data;
    const known = fingerprint ?? fingerprintOf(labels);
    // The same alert twice in one request: the later firing counts, and of one firing the last word.
    if ((alerts.get(known)?.starts ?? 0) > starts) continue;
    alerts.set(known, {
      source,
      isFiring: status === 'firing',
      fingerprint: known,
      starts,
      labels,
      annotations: annotations ?? {},
      values: values ?? {},
    });
  }
  return { alerts: [...alerts.values()], broken, cut: read.data.truncatedAlerts ?? 0 };
}

/** For a source that names none: the labels are what an alert is. */
const fingerprintOf = (labels: Alert['labels']): string =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex')
    .slice(0, 16);

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
