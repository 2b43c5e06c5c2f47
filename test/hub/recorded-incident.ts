import { readFileSync } from 'node:fs';
import type { Event } from '../../broker/messages.ts';
import { emptySnapshot, MIB, NOW, processRow, said } from './evidence-fixtures.ts';

/** What an agent would say of one incident, in short. */
export interface RecordedIncident {
  readonly signal: string;
  readonly metric: string;
  readonly lines: readonly string[];
  readonly facts: Readonly<Record<string, string>>;
  readonly changes?: readonly string[];
  readonly culprit?: string;
  readonly supervisor?: string;
}

/** The lines of a JSONL file under fixtures/. */
export function readRows<T>(file: string): readonly T[] {
  return readFileSync(new URL(`../../../fixtures/${file}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** The event with its snapshot, as the agent would send it. */
export function eventOf({ signal, metric, lines, facts, changes = [], culprit, supervisor }: RecordedIncident): Event {
  const named = (name: string, pid: number) => processRow(pid, name, { rss: 900 * MIB, growth: 200 * MIB, cpu: 97 });
  const processes = [
    ...(culprit === undefined ? [] : [named(culprit, 4242)]),
    ...(supervisor === undefined ? [] : [named(supervisor, 4243)]),
    processRow(900, 'postgres'),
  ];
  const pids = {
    ...(culprit === undefined ? {} : { culprit: '4242' }),
    ...(supervisor === undefined ? {} : { culprit: '4243', supervisor: '4243' }),
  };
  const said_ = Object.entries({ ...facts, ...pids }).map(([key, text]) => [key, said(text, true)] as const);
  const mount = /^disk\.[a-z_]+\[(.+)\]$/.exec(metric)?.[1] ?? '/srv/export';
  return {
    agent: 'host-1',
    boot: '0123456789abcdef',
    seq: 1,
    ts: NOW,
    kind: 'anomaly',
    signal,
    severity: 'warning',
    metric,
    value: 99,
    limit: { value: 90, healthy: 'below' },
    reason: 'It is over its limit.',
    fingerprint: `${signal}:x`,
    snapshot: {
      ...emptySnapshot,
      top_cpu: processes,
      top_mem: processes,
      mounts: [{ path: mount, type: 'ext4', total: 100, used: 99 }],
      unit_lines: lines.map((line) => said(line)),
      changes: changes.map((what) => ({ ts: NOW - 60_000, what: said(what) })),
      facts: Object.fromEntries(said_),
    },
  };
}
