import type { Event } from '../../broker/messages.ts';
import type { FirstApproval, Incident, Plan, PlannedCommand } from '../../hub/incident.ts';
import type { Decision, Effect } from '../../policy/verdict.ts';
import type { DeskState, HostRow } from '../../tui/desk.ts';

/** A fixed moment: nothing in a recorded picture depends on when it is drawn. 2026-11-21 14:02:11 UTC. */
export const NOW = Date.UTC(2026, 10, 21, 14, 2, 11);
const MINUTE = 60_000;
const HASH = '9c41d07e'.padEnd(64, 'a');

export const wave = (from: number, to: number, points = 90): readonly number[] =>
  Array.from({ length: points }, (_, i) => from + ((to - from) * i) / (points - 1) + 1.5 * Math.sin(i / 3));

export function command(
  number: number,
  text: string,
  decision: Decision = 'allow',
  effect: Effect = 'read',
  more: Partial<PlannedCommand> & { readonly reason?: string; readonly alternative?: string } = {},
): PlannedCommand {
  const { reason, alternative, ...rest } = more;
  return {
    phase: 'step',
    number,
    command: text,
    explanation: 'looks once more',
    program: {
      version: 1,
      jobs: [{ when: 'always', pipe: [{ argv: text.split(' '), stdout: 'keep', stderr: 'keep' }] }],
    },
    hash: 'b'.repeat(64),
    verdict: {
      decision,
      rule: `test.${text.split(' ')[0]}`,
      effect,
      attributes: [],
      reason: reason ?? 'known to be safe here',
      program: null,
      policy: 'c'.repeat(64),
      ...(alternative === undefined ? {} : { alternative }),
    },
    ...rest,
  };
}

const event: Event = {
  agent: 'plant3-db-01',
  boot: '0123456789abcdef',
  seq: 41,
  ts: NOW - 3 * MINUTE,
  kind: 'anomaly',
  signal: 'disk.full',
  severity: 'critical',
  metric: 'disk.used_percent[/var/lib/postgresql]',
  value: 94.8,
  limit: { value: 90, healthy: 'below' },
  baseline: { mean: 72, sd: 5 },
  trend_per_hour: 3.2,
  eta: 5_820,
  reason: '/var/lib/postgresql 94.8 %, usually 72 ± 5; +3.2 %/h: full in 1 h 37 m',
  fingerprint: 'disk.full:/var/lib/postgresql',
};

export const PLAN: Plan = {
  id: '01JD00000000000000000PLAN1',
  incident: '01JD0000000000000000007F3K',
  by: 'rules',
  playbook: 'wal-archive',
  class: 'permission',
  root_cause: 'The archive target refuses writes since the package change at 11:40, so WAL piles up.',
  chain: [{ claim: 'archive_command fails with exit code 23', evidence: ['e3', 'e5'] }],
  risk: 'medium',
  confidence: 0.91,
  alternatives: ['slow backup link (0.06)'],
  needs_human: false,
  pre: [command(1, 'findmnt /srv/wal', 'allow', 'read', { phase: 'pre' })],
  steps: [
    command(1, 'journalctl -u postgresql -n 50 --no-pager'),
    command(2, 'systemctl restart wal-archiver', 'allow', 'restart', { explanation: 'unit known here' }),
    command(3, 'chown backup /srv/wal/plant3', 'review', 'change', {
      explanation: 'gives the folder back to its owner',
      reason: 'ownership of a path outside /var/log',
    }),
  ],
  post: [command(1, 'systemctl is-active wal-archiver', 'allow', 'read', { phase: 'post' })],
  rollback: [command(3, 'chown root /srv/wal/plant3', 'review', 'change', { phase: 'rollback' })],
  decision: 'review',
  processes: [],
  verify_within: 10 * MINUTE,
  idempotent: true,
  policy_hash: 'c'.repeat(64),
  expires: NOW + 27 * MINUTE,
};

export const INCIDENT: Incident = {
  id: '01JD0000000000000000007F3K',
  state: 'proposed',
  reason: '',
  host: 'plant3-db-01',
  title: 'disk filling',
  severity: 'critical',
  fingerprint: event.fingerprint,
  event,
  opened: NOW - 3 * MINUTE,
  updated: NOW - 3 * MINUTE,
  last_seen: NOW - 10_000,
  repeats: 2,
  owner: 'nobody',
  evidence: {
    incident: '01JD0000000000000000007F3K',
    host: 'plant3-db-01',
    taken: NOW - 3 * MINUTE,
    event,
    snapshot: null,
    similar: [],
    playbooks: [{ id: 'wal-archive', score: 0.97 }],
    service: {},
    entities: [],
    items: [
      {
        id: 'e1',
        kind: 'mount',
        text: '/var/lib/postgresql is 94.8 % full, 8.3 GB of it WAL',
        trusted: true,
        entities: ['E1'],
      },
      { id: 'e2', kind: 'metric', text: 'grows by 3.2 %/h', trusted: true, entities: ['E1'] },
      {
        id: 'e3',
        kind: 'log',
        text: 'archive command failed with exit code 23 (412 times)',
        trusted: false,
        entities: [],
      },
      {
        id: 'e5',
        kind: 'log',
        text: 'rsync: mkstemp "/srv/wal/plant3/.0001" failed: Permission denied (13)',
        trusted: false,
        entities: [],
      },
      { id: 'c1', kind: 'change', text: '11:40 package rsync 3.2.7 -> 3.3', trusted: true, entities: [] },
    ],
  },
  diagnoses: [],
  draft: null,
  plan: PLAN,
  plan_hash: HASH,
  approval: null,
  orders: [],
  results: [],
  tried: [],
  learned: false,
  timeline: [
    { ts: NOW - 3 * MINUTE, state: 'open', by: 'plant3-db-01', note: 'seen' },
    { ts: NOW - 3 * MINUTE + 400, state: 'diagnosing', by: 'hub', note: 'evidence taken' },
    { ts: NOW - 3 * MINUTE + 900, state: 'proposed', by: 'hub', note: 'playbook wal-archive, 3 steps' },
  ],
};

/** A plan that destroys: consent wants the host's name. */
export const DESTROYER: Incident = {
  ...INCIDENT,
  plan: {
    ...PLAN,
    steps: [
      command(1, 'df /srv'),
      command(2, 'find /srv/wal -name *.tmp -delete', 'review', 'destroy', { reason: 'removes files outside /tmp' }),
    ],
    risk: 'high',
  },
};

export function host(agent: string, more: Partial<HostRow> = {}): HostRow {
  return {
    agent,
    state: 'online',
    lastSeen: NOW - 2_000,
    live: true,
    privileged: false,
    tags: [],
    ...more,
  };
}

const row = (id: string, more: Partial<DeskState['incidents'][number]>): DeskState['incidents'][number] => ({
  id,
  state: 'proposed',
  severity: 'warning',
  host: 'gw-line4',
  title: 'memory leak',
  opened: NOW - 14 * MINUTE,
  updated: NOW - 14 * MINUTE,
  owner: 'nobody',
  ...more,
});

/** What ann has approved of INCIDENT where two persons must agree. */
export const FIRST: FirstApproval = {
  id: '01JD0000000000000000007F9A',
  by: 'ann',
  payload: new Uint8Array([1]),
  signature: new Uint8Array([2]),
  not_after: NOW + 12.5 * MINUTE,
  reviewed: [3],
  plan_hash: INCIDENT.plan_hash ?? '',
};

export const STATE: DeskState = {
  site: 'plant3',
  hub: 'up',
  live: true,
  reasoner: 'rules',
  operator: 'you',
  role: 'admin',
  others: [],
  thinking: [],
  auditRecords: 18_204,
  auditGood: true,
  hosts: [
    host('plant3-db-01', { tags: ['site=plant3', 'role=database'] }),
    host('gw-line4', { tags: ['site=plant3', 'role=gateway'] }),
    host('gw-line2', { live: false, tags: ['site=plant3', 'role=gateway'] }),
    host('edge-03', { tags: ['site=plant3', 'role=edge'] }),
    host('edge-07', { privileged: true, tags: ['site=plant3', 'role=edge'] }),
    host('plant3-hist', { state: 'silent', lastSeen: NOW - 41 * MINUTE, tags: ['site=plant3', 'role=historian'] }),
  ],
  incidents: [
    row(INCIDENT.id, {
      severity: 'critical',
      host: 'plant3-db-01',
      title: 'disk filling',
      opened: INCIDENT.opened,
      updated: INCIDENT.updated,
    }),
    row('01JD0000000000000000007F3M', {}),
    row('01JD0000000000000000007F3N', {
      state: 'verifying',
      host: 'edge-07',
      title: 'unit failing',
      opened: NOW - MINUTE,
    }),
    row('01JD0000000000000000007F3P', {
      state: 'resolved',
      host: 'gw-line2',
      title: 'log flood',
      updated: NOW - 120 * MINUTE,
    }),
    row('01JD0000000000000000007F3Q', {
      state: 'resolved',
      host: 'edge-03',
      title: 'clock drift',
      updated: NOW - 300 * MINUTE,
    }),
    row('01JD0000000000000000007F3R', {
      state: 'rejected',
      host: 'plant3-hist',
      title: 'cpu runaway',
      updated: NOW - 420 * MINUTE,
    }),
  ],
  notice: '',
};

/** The first start: one host, nothing wrong, and the notice of what may happen here. */
export const QUIET: DeskState = {
  ...STATE,
  site: 'local',
  live: false,
  auditRecords: 3,
  hosts: [host('workstation', { live: false })],
  incidents: [],
  notice:
    'Dry-run, unprivileged: Sentinel watches this machine and shows what it would do; nothing is changed. To let approved plans run: sentinel up --live',
};
