import { ruleToRemember } from '../../hub/automation/remember.ts';
import type { Incident } from '../../hub/incident.ts';
import type { LaterWish, Rememberable } from '../../tui/alone.ts';
import { decisionOn } from '../../tui/consent.ts';
import type {
  AuditRow,
  Automation,
  Checkup,
  Evaluation,
  Gauge,
  HostDetail,
  HostLink,
  HostPulse,
  HostRow,
  Playbooks,
} from '../../tui/desk.ts';
import { INCIDENT, NOW, wave } from './recorded.ts';

// What the views beside incidents and hosts show of the recorded site.

const MINUTE = 60_000;

export const PLAYBOOKS: Playbooks = {
  state: 'ready',
  errors: [],
  rows: [
    {
      id: 'wal-archive',
      title: 'Gives the archive folder back to its owner',
      class: 'permission',
      signals: ['disk.full'],
      description: 'WAL piles up, since its archive refuses writes',
      looks: false,
      idempotent: true,
      own: true,
      ran: 3,
      helped: 2,
      verifyWithin: 10 * MINUTE,
      commands: [
        { phase: 'before', command: 'findmnt /srv/wal', why: '', decision: 'allow' },
        { phase: 'step', command: 'chown backup {folder}', why: 'gives it back', decision: 'review' },
        { phase: 'undo', command: 'chown root {folder}', why: '', decision: 'review' },
      ],
    },
    {
      id: 'zombies',
      title: 'Shows whose children nobody waits for',
      class: 'process',
      signals: ['host.zombies'],
      description: 'many processes are dead and not waited for',
      looks: true,
      idempotent: true,
      own: false,
      ran: 0,
      helped: 0,
      verifyWithin: MINUTE,
      commands: [{ phase: 'step', command: 'ps -eo pid,ppid,stat,comm', why: 'looks', decision: 'allow' }],
    },
  ],
};

export const AUTOMATION: Automation = {
  rule: {
    id: '01JD00000000000000000RULE1',
    by: 'mira',
    confidence: 0.9,
    until: NOW + 40 * 24 * 60 * MINUTE,
    perHostHour: 4,
    scope: '',
  },
  remembered: [
    {
      id: '01JD00000000000000000RVQE2',
      by: 'mira',
      playbook: 'descriptor-hog',
      hosts: ['edge-07', 'edge-03'],
      until: NOW + 5 * 24 * 60 * MINUTE,
      uses: 3,
      last: NOW - 40 * MINUTE,
      lines: [
        'what mira approves for edge-07 edge-03 until 2026-11-26T14:02:11.000Z, with review step 1',
        '  for fd-leak (playbook descriptor-hog) from 0.87 on, 4 on a host within an hour',
        '  pre 1  ps -o pid,ppid,user,pcpu,rss,etime,comm -p {process1}',
        '  step 1  kill -TERM {process1}',
        '  {process1} is a process indexer of /usr/bin/indexer',
      ],
    },
  ],
  written: [],
  spent: [{ host: 'edge-07', plans: 1 }],
  breakers: [{ of: 'playbook', name: 'unit-loop', incident: '01JD0000000000000000007F3P', closesIn: 3 * 60 * MINUTE }],
  routes: [
    {
      incident: INCIDENT.id,
      host: INCIDENT.host,
      title: INCIDENT.title,
      at: NOW - 3 * MINUTE,
      alone: false,
      why: 'a command of the plan needs consent',
    },
    {
      incident: '01JD0000000000000000007F3N',
      host: 'edge-07',
      title: 'unit failing',
      at: NOW - MINUTE,
      alone: true,
      why: 'rule of mira, confidence 0.97, number 1 of 4 in this hour',
    },
  ],
};

const DAY = 24 * 60 * MINUTE;

/** The rule that the hub's own code makes of a recorded plan, or its reason. */
export function recordedRule(incident: Incident, { days, on }: LaterWish): Rememberable {
  const { plan } = incident;
  const steps = plan?.steps.filter((step) => decisionOn(plan, step) === 'review') ?? [];
  const wish = {
    id: '01JD00000000000000000RVQE3',
    site: 'plant3',
    by: 'you',
    made: NOW,
    not_after: NOW + days * DAY,
    hosts: [incident.host, ...on],
    reviewed: steps.map(({ number }) => number),
  };
  try {
    return { rule: ruleToRemember(incident, wish) };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

export const EVALUATION: Evaluation = {
  at: NOW - 60 * MINUTE,
  by: 'rules',
  gate: ['the average 3.2 is under 3.5'],
  figures: [
    ['passed whole', '41 of 55'],
    ['acceptable fix', '83.6 %'],
  ],
  cases: [
    {
      id: 'disk-fills-slowly',
      class: 'disk',
      outcome: 'passed',
      cause: 'logs are not rotated',
      trueCause: 'logs are not rotated',
      confidence: 0.93,
      needsHuman: false,
      commands: [{ command: 'logrotate --force /etc/logrotate.conf', decision: 'review' }],
      unmet: [],
    },
    {
      id: 'two-causes-at-once',
      class: 'multi',
      outcome: 'failed',
      cause: 'a leak',
      trueCause: 'a leak, and a full disk',
      confidence: 0.71,
      needsHuman: true,
      commands: [],
      unmet: ['names the full disk'],
    },
  ],
};

export const CHECKUP: Checkup = {
  at: NOW - 12_000,
  failed: '',
  rows: [
    { id: 'site 1', check: 'site', ok: true, what: 'plant3, roster version 4, epoch 1, 3 operators', todo: '' },
    { id: 'disk 1', check: 'disk', ok: true, what: '61.2 GiB free (54 %) for /var/lib/sentinel-hub', todo: '' },
    {
      id: 'certificates 1',
      check: 'certificates',
      ok: false,
      what: 'the hub’s certificate holds 12 days',
      todo: 'restart the hub: it renews it',
    },
    {
      id: 'agents 1',
      check: 'agents',
      ok: false,
      what: 'edge-03: nothing heard for 190 min',
      todo: 'look at the host and at its agent: systemctl status sentinel-agent on edge-03',
    },
  ],
};

export const recordsOf = (from: number, limit: number): readonly AuditRow[] =>
  Array.from({ length: Math.max(0, Math.min(from, limit)) }, (_, i) => ({
    n: from - i,
    ts: NOW - i * MINUTE,
    kind: i % 2 === 0 ? 'plan.vetted' : 'incident.opened',
    incident: INCIDENT.id,
    actor: 'hub',
    hash: 'e'.repeat(64),
    data: [
      ['plan_hash', '9c41d07e'],
      ['decision', 'review'],
    ],
  }));

const process = (pid: number, comm: string) => ({
  process: { pid, start: 1, comm },
  user: 'postgres',
  cmd: { text: `${comm} --long`, trusted: false },
  cpu: 12.5,
  rss: 512_000_000,
});

const GAUGES: readonly Gauge[] = [
  { metric: 'cpu.percent', unit: '%', value: 12.3, history: wave(4, 13) },
  { metric: 'memory.used_percent', unit: '%', value: 41.2, history: wave(38, 41) },
  { metric: 'load.1m', unit: '', value: 0.42, history: wave(0.1, 2) },
  { metric: 'net.rx_bytes', unit: 'B/s', value: 1_264_000, history: wave(100_000, 1_264_000) },
];

/** The host with trouble shows it. */
const gaugesOf = (agent: string): readonly Gauge[] =>
  agent === INCIDENT.host
    ? [{ metric: 'disk.used_percent[/var/lib/postgresql]', unit: '%', value: 94.8, history: wave(40, 94.8) }, ...GAUGES]
    : GAUGES;

export const GOOD_LINK: HostLink = {
  every: 2_000,
  late: 40,
  stored: 12,
  gaps: 0,
  missing: 0,
  backlog: 0,
  waiting: 0,
  dropped: 0,
};

/** One host's link is what it should be, but for one on a thin line that catches up. */
export const pulseOf = ({ agent }: HostRow): HostPulse => ({
  gauges: gaugesOf(agent),
  link:
    agent === 'gw-line4'
      ? { ...GOOD_LINK, late: 43_000, stored: 1_400, gaps: 2, missing: 31, backlog: 1_204, waiting: 3 }
      : GOOD_LINK,
});

export const detailOf = (row: HostRow): HostDetail => ({
  agent: row.agent,
  about: 'debian 12 x64, kernel 6.1.0, 4 cores, agent 0.1.0',
  tags: ['plant3', 'database'],
  gauges: gaugesOf(row.agent),
  units: ['postgresql.service', 'ssh.service', ...Array.from({ length: 110 }, (_, n) => `line-${n}.service`)],
  containers: 0,
  mounts: ['/', '/var/lib/postgresql'],
  devices: [],
  last: {
    incident: INCIDENT.id,
    at: NOW - 3 * MINUTE,
    snapshot: {
      top_cpu: [process(4120, 'postgres')],
      top_mem: [process(4121, 'walwriter')],
      top_fds: [],
      mounts: [],
      unit_lines: [{ text: 'archive command failed with exit code 23', trusted: false }],
      log_templates: [{ template: { text: 'rsync: mkstemp * failed', trusted: false }, count: 412 }],
      changes: [],
      facts: {},
    },
  },
});
