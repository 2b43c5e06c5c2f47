import { newKeyPair } from '../../broker/keys.ts';
import type { Ack, Approval, Birth, Event, Order, Result, Roster, Snapshot } from '../../broker/messages.ts';
import { programHash } from '../../policy/program.ts';

/** One whole message of each kind, with every optional field present: what the codecs are tested on. */
export const ULID_A = '01J9ZZZZZZZZZZZZZZZZZZZZZA';
export const ULID_B = '01J9ZZZZZZZZZZZZZZZZZZZZZB';
export const BOOT = '0123456789abcdef';
const HASH = 'ab'.repeat(32);

const process = { pid: 4_242, start: 99_887, comm: 'hog', exe: '/usr/bin/hog' };

export const birth: Birth = {
  agent: 'web-1',
  boot: BOOT,
  key: newKeyPair().public,
  version: '0.1.0',
  host: { os: 'linux', arch: 'x64', kernel: '6.1.0', cores: 4, memory: 17_179_869_184, tags: ['edge'] },
  schema: 3,
  metrics: [
    { name: 'cpu.percent', unit: '%', scale: 0.1 },
    { name: 'disk.used_percent[/var]', unit: '%', scale: 0.1 },
  ],
  inventory: {
    units: ['nginx.service'],
    mounts: ['/', '/var'],
    containers: ['c1'],
    hosts: ['web-1'],
    folders: ['/srv/spool'],
    processes: [process],
  },
  can: { live: true, privileged: false },
  ring: { oldest: 1, newest: 9, dropped: 0 },
};

const top = {
  process,
  user: 'www-data',
  cmd: { text: 'hog --all', trusted: false },
  cpu: 99.5,
  rss: 1_048_576,
  fds: 12,
  growth: -4_096,
  age_s: 60,
  group: 'web',
};

export const snapshot: Snapshot = {
  top_cpu: [top],
  top_mem: [top],
  top_fds: [],
  mounts: [{ path: '/var', type: 'ext4', total: 100, used: 99, inodes: 10, inodes_used: 9 }],
  unit_lines: [{ text: 'out of memory', trusted: false }],
  log_templates: [{ template: { text: 'failed to *', trusted: true }, count: 3 }],
  changes: [{ ts: 1_700_000_000_000, what: { text: 'nginx upgraded', trusted: true } }],
  facts: { limit: { text: '64 MiB', trusted: true } },
};

export const event: Event = {
  agent: 'web-1',
  boot: BOOT,
  seq: 7,
  ts: 1_700_000_000_000,
  kind: 'anomaly',
  signal: 'disk.space',
  severity: 'critical',
  metric: 'disk.used_percent[/var]',
  value: 97.5,
  limit: { value: 95, healthy: 'below' },
  baseline: { mean: 60.25, sd: 1.5, p50: 60, p95: 63, p99: 64 },
  sigma: 25,
  confidence: 1,
  trend_per_hour: 1.25,
  eta: 7_200,
  reason: '/var is 97.5 % full, and fills by 1.25 % an hour',
  fingerprint: 'disk.space[/var]',
  snapshot,
};

export const program = {
  version: 1 as const,
  jobs: [
    {
      when: 'always' as const,
      pipe: [{ argv: ['df', '-h', '/var'], stdout: 'keep' as const, stderr: 'stdout' as const }],
    },
  ],
};

export const approval: Approval = {
  id: ULID_A,
  site: 'local',
  incident: ULID_B,
  plan_hash: HASH,
  policy_hash: HASH,
  host: 'web-1',
  programs: [{ phase: 'step', number: 1, hash: programHash(program) }],
  reviewed: [1],
  processes: [process],
  by: 'ann',
  role: 'approver',
  not_after: 1_700_000_300_000,
};

export const order: Order = {
  id: ULID_A,
  site: 'local',
  epoch: 2,
  agent: 'web-1',
  boot: BOOT,
  incident: ULID_B,
  approval: new Uint8Array([1, 2, 3]),
  approval_signature: new Uint8Array([4, 5]),
  programs: [{ phase: 'step', number: 1, program }],
  dry_run: false,
  timeout: 30,
  audit_head: { count: 12, hash: HASH },
};

export const result: Result = {
  agent: 'web-1',
  boot: BOOT,
  seq: 8,
  incident: ULID_B,
  order: ULID_A,
  approval: ULID_A,
  step: { phase: 'rollback', number: 2 },
  state: 'failed',
  code: 'E_SPAWN',
  exit: 137,
  signal: 'SIGKILL',
  started: 1_700_000_000_000,
  ended: 1_700_000_000_250,
  stdout: 'said\n',
  stderr: 'wrong\n',
  truncated: true,
  last: true,
};

export const ack: Ack = {
  agent: 'web-1',
  boot: BOOT,
  through: 8,
  now: 1_700_000_000_000,
  counter: 40,
  audit_head: { count: 12, hash: HASH },
};

export const roster: Roster = {
  site: 'local',
  version: 4,
  epoch: 2,
  hub_key: newKeyPair().public,
  operators: [{ name: 'ann', key: newKeyPair().public, role: 'admin', scopes: ['web'] }],
};
