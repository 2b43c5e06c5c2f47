import { type Event, LIMITS, type Severity } from '../../broker/messages.ts';
import { redact } from '../../broker/redact.ts';
import { ALERT_SIGNAL } from '../outside.ts';
import type { Alert } from './alert.ts';

/** What people write into the label `severity`, and what it is here; anything else is a warning. */
const SEVERITY: ReadonlyMap<string, Severity> = new Map(
  Object.entries({
    critical: 'critical',
    page: 'critical',
    emergency: 'critical',
    fatal: 'critical',
    disaster: 'critical',
    high: 'critical',
    info: 'info',
    information: 'info',
    informational: 'info',
    notice: 'info',
    low: 'info',
    none: 'info',
  }),
);

/** Facts of one alert: what a snapshot has room for. */
const FACTS_MAX = 64;
/** No agent's start: what comes from outside has none. */
const NO_BOOT = '0'.repeat(16);

/**
 * An alert as an event of its subject, so that it is correlated, silenced and resolved like any other. Each text is
 * redacted, bounded and marked as not to be trusted. Its times are the hub's: the source's clock is only told.
 */
export function eventOf(alert: Alert, subject: string, now: number): Event {
  const { source, isFiring, labels, annotations, fingerprint } = alert;
  const name = redact(labels['alertname'] ?? 'unnamed', LIMITS.line);
  return {
    agent: subject,
    boot: NO_BOOT,
    seq: 0,
    ts: now,
    kind: isFiring ? 'anomaly' : 'recovery',
    signal: `${ALERT_SIGNAL}${name.replace(/[^A-Za-z0-9_.:-]+/g, '_').slice(0, 96)}`,
    severity: SEVERITY.get((labels['severity'] ?? '').toLowerCase()) ?? 'warning',
    reason: redact(isFiring ? sentenceOf(name, annotations) : `${source} says that ${name} is resolved`, LIMITS.line),
    fingerprint: fingerprintOf(source, fingerprint),
    snapshot: {
      top_cpu: [],
      top_mem: [],
      top_fds: [],
      mounts: [],
      unit_lines: [],
      log_templates: [],
      changes: [],
      facts: factsOf(alert),
    },
  };
}

/** The name under which incidents of an alert are joined. */
export const fingerprintOf = (source: Alert['source'], fingerprint: string): string => `alert:${source}:${fingerprint}`;

function sentenceOf(name: string, annotations: Alert['annotations']): string {
  const { summary, message, description } = annotations;
  const said = [summary ?? message, description].filter((one) => one !== undefined && one !== '');
  return said.length === 0 ? `${name} is firing` : [...new Set(said)].join(': ');
}

function factsOf({ source, starts, labels, annotations, values }: Alert): NonNullable<Event['snapshot']>['facts'] {
  const told = [
    ...Object.entries(labels).map(([name, value]) => ['label', name, value] as const),
    ...Object.entries(annotations).map(([name, value]) => ['annotation', name, value] as const),
    ...Object.entries(values).map(([name, value]) => ['value', name, value] as const),
  ].map(([kind, name, value]) => [`${kind}.${redact(name, 96)}`, untrusted(shownValue(name, value))] as const);
  const own = [
    ['source', { text: source, trusted: true }],
    ['started', { text: new Date(starts).toISOString(), trusted: true }],
  ] as const;
  return Object.fromEntries([...own, ...told].slice(0, FACTS_MAX));
}

const untrusted = (text: string) => ({ text, trusted: false });

/** What a value's own name says of it counts as well: a label `token` hides whatever it holds. */
function shownValue(name: string, value: string): string {
  const line = redact(`${name}=${value}`, name.length + 1 + LIMITS.line);
  return (line.startsWith(`${name}=`) ? line.slice(name.length + 1) : redact(value, LIMITS.line)).slice(0, LIMITS.line);
}
