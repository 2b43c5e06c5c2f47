import type { AuditRow, Automation, HostDetail, HostRow, Playbooks } from '../../tui/desk.ts';
import { INCIDENT, NOW } from './recorded.ts';

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

export const detailOf = (row: HostRow): HostDetail => ({
  agent: row.agent,
  about: 'debian 12 x64, kernel 6.1.0, 4 cores, agent 0.1.0',
  tags: ['plant3', 'database'],
  gauges: row.gauges,
  units: 112,
  containers: 0,
  mounts: ['/', '/var/lib/postgresql'],
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
