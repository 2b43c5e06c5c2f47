import { readdirSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { MeshHealth } from '../../broker/traffic.ts';
import { auditHead } from '../chain/audit.ts';
import { lastChainCheck } from '../chain/check.ts';
import { allSilences, isActive } from '../correlate/silences.ts';
import type { Hub } from '../hub.ts';
import { STATES } from '../incident.ts';
import type { CommitHealth } from '../mesh/commits.ts';
import type { Notifier } from '../notify/notifier.ts';
import { isHalted } from '../site/halts.ts';
import { openSummaries, timesEntered } from '../store/incidents.ts';
import { countIncidents, prunedIncidents } from '../store/retention.ts';
import type { MetricFamily, MetricSample } from './exposition.ts';

/** What the metrics are read from. */
export interface MetricSources {
  readonly hub: Hub;
  /** The store's folder. */
  readonly folder: string;
  readonly started: number;
  readonly reasoner: () => string;
  /** Messages of agents that were dropped, by error code. */
  readonly dropped: ReadonlyMap<string, number>;
  /** What the embedded broker last said of itself; null before the first word, and with somebody else's broker. */
  readonly broker: () => (MeshHealth & CommitHealth) | null;
  /** The channels that are told of incidents. */
  readonly notices: Notifier['counts'];
  /** Alerts of other systems by source, and visitors of their door that were turned away; absent where none are taken. */
  readonly alerts?: () => {
    readonly counts: ReadonlyMap<string, Readonly<Record<string, number>>>;
    readonly refused: number;
  };
  /** Visitors of the metrics' own door that were turned away. */
  readonly refused: () => number;
}

const one = (value: number, labels?: MetricSample['labels']): MetricSample[] => [
  labels === undefined ? { value } : { labels, value },
];
const gauge = (name: string, help: string, samples: readonly MetricSample[]): MetricFamily => ({
  name: `sentinel_${name}`,
  help,
  type: 'gauge',
  samples,
});
const counter = (name: string, help: string, samples: readonly MetricSample[]): MetricFamily => ({
  name: `sentinel_${name}_total`,
  help,
  type: 'counter',
  samples,
});

/** How many there are of each combination of labels. */
function tally(rows: Iterable<Readonly<Record<string, string>>>): MetricSample[] {
  const counts = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>();
  for (const labels of rows) {
    const key = JSON.stringify(labels);
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { labels, value: 1 });
    else known.value++;
  }
  return [...counts.values()];
}

/** Everything that is measured, as it stands now. Its cost grows with what is open and with the agents, not with history. */
export async function collect(sources: MetricSources): Promise<readonly MetricFamily[]> {
  return [
    ...hubFamilies(sources),
    ...incidentFamilies(sources),
    ...noticeFamilies(sources),
    ...alertFamilies(sources),
    ...brokerFamilies(sources.broker()),
    ...(await storeFamilies(sources)),
    ...processFamilies(),
  ];
}

function hubFamilies({ hub, started, reasoner, dropped, refused }: MetricSources): MetricFamily[] {
  const { store, site, live } = hub;
  const agents = tally(
    [...store.presence.getRange({})]
      .filter(({ key }) => site.agents.has(key))
      .map(({ value }) => ({ state: value.state })),
  );
  const lost = [...dropped].map(([code, value]) => ({ labels: { code }, value }));
  return [
    gauge(
      'hub_info',
      'What this hub is; always 1.',
      one(1, { site: site.name, mode: live ? 'live' : 'dry-run', reasoner: reasoner() }),
    ),
    gauge('hub_start_time_seconds', 'When the hub was started, in seconds since the epoch.', one(started / 1_000)),
    gauge('halted', 'Whether execution is halted at the whole site.', one(isHalted(store) ? 1 : 0)),
    gauge('agents', 'Enrolled agents that have been heard, by state.', agents),
    gauge(
      'silences_active',
      'Silences and maintenance windows that hold now.',
      one(allSilences(store).filter((it) => isActive(it, hub.now())).length),
    ),
    counter('messages_dropped', 'Messages of agents that were dropped, by error code.', lost),
    counter('metrics_requests_refused', 'Requests for these metrics that were turned away.', one(refused())),
  ];
}

function incidentFamilies({ hub }: MetricSources): MetricFamily[] {
  const { store } = hub;
  const open = tally(openSummaries(store).map(({ state, severity }) => ({ state, severity })));
  const entered = STATES.map((state) => ({ labels: { state }, value: timesEntered(store, state) }));
  const chain = lastChainCheck(store);
  return [
    gauge('incidents_open', 'Incidents that are not closed, by state and severity.', open),
    counter('incident_transitions', 'Times that an incident entered a state, since the store was made.', entered),
    counter(
      'incidents_pruned',
      'Old incidents that were taken out, since the store was made.',
      one(prunedIncidents(store)),
    ),
    gauge('incidents_stored', 'Incidents in the store, open and closed.', one(countIncidents(store))),
    counter('audit_records', 'Records of the audit chain.', one(auditHead(store).count)),
    gauge(
      'audit_chain_intact',
      'Whether the last whole walk along the audit chain found it good.',
      chain === undefined ? [] : one(chain.ok ? 1 : 0),
    ),
  ];
}

function noticeFamilies({ notices }: MetricSources): MetricFamily[] {
  const all = notices();
  const waiting = all.map(({ channel, waiting: value }) => ({ labels: { channel }, value }));
  const ended = all.flatMap(({ channel, counts }) =>
    Object.entries(counts).map(([outcome, value]) => ({ labels: { channel, outcome }, value })),
  );
  return [
    gauge('notices_waiting', 'Incidents that a channel is still to be told of.', waiting),
    counter('notices', 'Attempts to tell a channel, by what came of them.', ended),
  ];
}

function alertFamilies({ alerts }: MetricSources): MetricFamily[] {
  if (alerts === undefined) return [];
  const { counts, refused } = alerts();
  const samples = [...counts].flatMap(([source, outcomes]) =>
    Object.entries(outcomes).map(([outcome, value]) => ({ labels: { source, outcome }, value })),
  );
  return [
    counter('alerts', 'Alerts that other systems have brought, by what came of them.', samples),
    counter('alert_requests_refused', 'Requests of other systems that were turned away.', one(refused)),
  ];
}

function brokerFamilies(health: (MeshHealth & CommitHealth) | null): MetricFamily[] {
  if (health === null) return [];
  const refused = [
    ['connect', health.refusedConnect],
    ['publish', health.refusedPublish],
    ['subscribe', health.refusedSubscribe],
    ['busy', health.refusedBusy],
    ['malformed', health.malformed],
    ['oversize', health.oversize],
  ] as const;
  return [
    gauge('broker_clients', 'Clients that are connected to the embedded broker.', one(health.clients)),
    gauge('broker_sockets', 'Sockets that the embedded broker has open.', one(health.sockets)),
    counter('broker_messages_received', 'Messages that the embedded broker took.', one(health.messagesReceived)),
    counter('broker_messages_sent', 'Messages that the embedded broker passed on.', one(health.messagesSent)),
    counter('broker_received_bytes', 'Bytes that the embedded broker read from sockets.', one(health.bytesReceived)),
    counter('broker_sent_bytes', 'Bytes that the embedded broker wrote to sockets.', one(health.bytesSent)),
    counter(
      'broker_refused',
      'What the embedded broker refused, by what it was.',
      refused.map(([what, value]) => ({ labels: { what }, value })),
    ),
    counter(
      'broker_forwards_dropped',
      'Messages not passed on to a reader that did not keep up.',
      one(health.droppedForwards),
    ),
    counter('broker_slow_readers', 'Readers that were cut off because they did not keep up.', one(health.slowReaders)),
    gauge(
      'broker_loop_lag_seconds',
      'How late the event loop of the broker was at worst in the last ten seconds.',
      one(health.loopLagMaxMs / 1_000),
    ),
    gauge(
      'ingest_commit_seconds',
      'The slowest commit of telemetry in the last ten seconds.',
      one(health.commitMsMax / 1_000),
    ),
    gauge('ingest_queued', 'Changes of telemetry that wait for the disk.', one(health.queued)),
  ];
}

async function storeFamilies({ folder, hub }: MetricSources): Promise<MetricFamily[]> {
  const { bavail, bsize } = await statfs(folder);
  return [
    gauge('store_size_bytes', 'Size of the store’s data file.', one(statSync(join(folder, 'data.mdb')).size)),
    gauge('store_used_bytes', 'Bytes of it that hold something; the rest is used again.', one(hub.store.usedBytes())),
    gauge('store_free_bytes', 'Bytes that are free on the store’s file system.', one(bavail * bsize)),
  ];
}

/** Under the names that Prometheus' own client libraries give them, so that ready-made dashboards and rules fit. */
function processFamilies(): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  const plain = (name: string, type: MetricFamily['type'], help: string, value: number): MetricFamily => ({
    name: `process_${name}`,
    type,
    help,
    samples: one(value),
  });
  return [
    plain(
      'cpu_seconds_total',
      'counter',
      'Total user and system CPU time spent in seconds.',
      (user + system) / 1_000_000,
    ),
    plain('resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', process.memoryUsage.rss()),
    plain('open_fds', 'gauge', 'Number of open file descriptors.', readdirSync('/proc/self/fd').length),
    plain(
      'start_time_seconds',
      'gauge',
      'Start time of the process since unix epoch in seconds.',
      Date.now() / 1_000 - process.uptime(),
    ),
  ];
}
