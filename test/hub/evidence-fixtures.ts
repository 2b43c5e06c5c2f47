import type { Event, Snapshot } from '../../broker/messages.ts';
import { buildEvidence } from '../../hub/evidence/builder.ts';
import type { Evidence, SimilarIncident } from '../../hub/evidence/evidence.ts';
import type { TopProcess } from '../../hub/evidence/processes.ts';
import { loadPlaybooks } from '../../hub/playbook/playbook.ts';
import { PlaybookIndex } from '../../hub/reason/retrieval.ts';

/** Events and snapshots as the agent sends them, one for each signal, for the tests of this folder. */
export const MIB = 1_048_576;
export const NOW = 1_790_000_000_000;
export const INCIDENT = '01JZZZZZZZZZZZZZZZZZZZZZZZ';

export const builtIn = loadPlaybooks({ vet: () => 'review' });
export const index = new PlaybookIndex(builtIn.playbooks);

export const said = (text: string, trusted = false) => ({ text, trusted });

export function processRow(pid: number, comm: string, more: Partial<TopProcess> = {}): TopProcess {
  return {
    process: { pid, start: pid * 10, comm },
    user: 'app',
    cmd: said(`/usr/bin/${comm}`),
    cpu: 1,
    rss: 20 * MIB,
    ...more,
  };
}

export const emptySnapshot: Snapshot = {
  top_cpu: [],
  top_mem: [],
  top_fds: [],
  mounts: [],
  unit_lines: [],
  log_templates: [],
  changes: [],
  facts: {},
};

const hog = processRow(4242, 'python3', { rss: 400 * MIB, growth: 90 * MIB, age_s: 40, cpu: 98, group: 'hog', fds: 9 });
const quiet = [processRow(900, 'postgres', { rss: 60 * MIB, cpu: 2 }), processRow(901, 'nginx')];
const rows = [hog, ...quiet];
const busySnapshot: Snapshot = { ...emptySnapshot, top_cpu: rows, top_mem: rows, top_fds: rows };
const culprit = { culprit: said('4242', true) };
const mounts: Snapshot['mounts'] = [
  { path: '/', type: 'ext4', total: 50_000 * MIB, used: 20_000 * MIB, inodes: 1_000, inodes_used: 100 },
  { path: '/srv/export', type: 'ext4', total: 64 * MIB, used: 61 * MIB, inodes: 1_000, inodes_used: 20 },
];

interface Sample {
  readonly metric: string;
  readonly value: number;
  readonly limit: number;
  readonly reason: string;
  readonly snapshot: Snapshot;
}

/** Every signal that an agent sends, with the playbook that must win. */
export const SIGNALS: Readonly<Record<string, Sample & { readonly wins: string }>> = {
  'group.memory': {
    wins: 'group-memory',
    metric: 'group.memory_mib[hog]',
    value: 400,
    limit: 128,
    reason: 'Memory of the group hog: 400 MiB, over its budget of 128 MiB.',
    snapshot: { ...busySnapshot, facts: culprit },
  },
  'group.cpu': {
    wins: 'group-cpu',
    metric: 'group.cpu_percent[hog]',
    value: 98,
    limit: 60,
    reason: 'Processor time of the group hog: 98 %, over its budget of 60 %.',
    snapshot: { ...busySnapshot, facts: culprit },
  },
  'group.restarts': {
    wins: 'crash-loop',
    metric: 'group.restarts_per_minute[web]',
    value: 80,
    limit: 6,
    reason: 'Restarts in the group web: 80 per minute, over its budget of 6.',
    snapshot: { ...busySnapshot, facts: { supervisor: said('900', true), culprit: said('900', true) } },
  },
  'folder.space': {
    wins: 'folder-full',
    metric: 'folder.used_mib[spool]',
    value: 61,
    limit: 48,
    reason: 'Space in use by the folder spool: 61 MiB, over its budget of 48 MiB.',
    snapshot: { ...emptySnapshot, mounts, facts: { folder: said('/srv/export/spool', true) } },
  },
  'disk.space': {
    wins: 'mount-full',
    metric: 'disk.used_percent[/srv/export]',
    value: 95,
    limit: 90,
    reason: 'Space in use on /srv/export: 95 %, over the limit of 90 %.',
    snapshot: { ...emptySnapshot, mounts },
  },
  'disk.inodes': {
    wins: 'inode-exhaustion',
    metric: 'disk.inodes_percent[/srv/export]',
    value: 99,
    limit: 90,
    reason: 'Inodes in use on /srv/export: 99 %, over the limit of 90 %.',
    snapshot: {
      ...emptySnapshot,
      mounts: [{ path: '/srv/export', type: 'ext4', total: 64 * MIB, used: 6 * MIB, inodes: 1_000, inodes_used: 990 }],
    },
  },
  'host.memory': {
    wins: 'host-memory',
    metric: 'memory.used_percent',
    value: 96,
    limit: 92,
    reason: 'Memory in use: 96 %, over the limit of 92 %.',
    snapshot: busySnapshot,
  },
  'host.swap': {
    wins: 'host-swap',
    metric: 'swap.used_percent',
    value: 88,
    limit: 80,
    reason: 'Swap in use: 88 %, over the limit of 80 %.',
    snapshot: { ...busySnapshot, facts: culprit },
  },
  'host.cpu': {
    wins: 'host-cpu',
    metric: 'cpu.percent',
    value: 99,
    limit: 95,
    reason: 'Processor time in use: 99 %, over the limit of 95 %.',
    snapshot: busySnapshot,
  },
  'host.load': {
    wins: 'host-cpu',
    metric: 'load.per_core',
    value: 9,
    limit: 4,
    reason: 'Load per core: 9, over the limit of 4.',
    snapshot: busySnapshot,
  },
  'net.errors': {
    wins: 'network-errors',
    metric: 'network.errors_per_s[eth0]',
    value: 40,
    limit: 10,
    reason: 'Network errors: 40 per second, over the limit of 10.',
    snapshot: emptySnapshot,
  },
};

export function eventOf(signal: string, more: Partial<Event> = {}, snapshot: Partial<Snapshot> = {}): Event {
  const sample = SIGNALS[signal];
  if (sample === undefined) throw new Error(`no sample of ${signal}`);
  return {
    agent: 'host-1',
    boot: '0123456789abcdef',
    seq: 7,
    ts: NOW - 1_000,
    kind: 'anomaly',
    signal,
    severity: 'warning',
    metric: sample.metric,
    value: sample.value,
    limit: { value: sample.limit, healthy: 'below' },
    baseline: { mean: sample.limit / 4, sd: 1 },
    sigma: 8,
    trend_per_hour: 120,
    reason: sample.reason,
    fingerprint: `${signal}:x`,
    snapshot: { ...sample.snapshot, ...snapshot },
    ...more,
  };
}

export function evidenceFor(event: Event, similar: readonly SimilarIncident[] = []): Evidence {
  return buildEvidence({
    incidentId: INCIDENT,
    host: event.agent,
    event,
    now: NOW,
    similar,
    playbooks: index.match(event),
    service: {},
  });
}
