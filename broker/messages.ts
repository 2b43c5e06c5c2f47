import { bool, bytes, dictionary, type Infer, int, list, maybe, oneOf, pattern, real, record, text } from './shape.ts';
import { ID } from './topics.ts';

export { ROLES, type Role, type Roster, roster } from './roster-shape.ts';

/**
 * The messages of docs/design.md section 6, each with the bounds that a reader enforces. Times are milliseconds since the
 * epoch, sizes are bytes, fractions are percent unless a name says otherwise.
 */
export const LIMITS = {
  /** One MQTT payload. A snapshot is the largest message: 64 kB is four times the largest that was seen. */
  payload: 65_536,
  /** Output of one step that travels and is kept: enough for an operator, small enough for a thin link. */
  output: 8_192,
  metrics: 512,
  programs: 32,
  line: 512,
} as const;

const id = pattern(ID, 'an id: a-z, 0-9 and dashes, at most 48');
const hex = (digits: number) => pattern(new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} hex digits`);
const ulid = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a ULID');
const name = text(128);
const line = text(LIMITS.line);
const millis = int(0, 8_640_000_000_000_000);

/** Where the audit chain stood: agents keep the highest and refuse a lower one, so a chain cut off is noticed. */
export const auditHead = record({ count: int(), hash: hex(64) });
export type AuditHead = Infer<typeof auditHead>;

/** Text and whether a remote user could have chosen it. What is not trusted is fenced wherever it is shown or read. */
export const said = record({ text: line, trusted: bool });
export type Said = Infer<typeof said>;

export const processRef = record({
  pid: int(1, 4_194_304),
  start: int(),
  comm: text(64),
  exe: maybe(text(4_096)),
});

export const inventory = record({
  units: list(name, 4_096),
  mounts: list(text(1_024), 256),
  containers: list(name, 1_024),
  hosts: list(name, 4_096),
  folders: list(text(1_024), 256),
  processes: list(processRef, 4_096),
});

export const metric = record({
  /** For instance `cpu.percent`, or with a label `disk.used_percent[/var]`. */
  name: text(256),
  unit: text(16),
  /** A frame carries round(value / scale): the resolution at which telemetry is lossless. */
  scale: real,
  /** Changes within this, in the metric's unit, are not sent. Absent: all are. */
  deadband: maybe(real),
});
export type Metric = Infer<typeof metric>;

/** Stretches of lost messages that one birth names. */
export const LOST_MAX = 64;
/** Events and results of one start, both ends included, that fell off the agent's disk before the hub had them. */
export const lostStretch = record({ boot: hex(16), from: int(1), to: int(1) });
export type LostStretch = Infer<typeof lostStretch>;

export const birth = record({
  agent: id,
  boot: hex(16),
  /** Raw Ed25519 public key of the agent. */
  key: bytes(32, true),
  version: text(32),
  host: record({ os: name, arch: text(32), kernel: name, cores: int(1), memory: int(), tags: list(name, 32) }),
  /** Number of the schema within this boot: it grows whenever the metrics change, and frames name it. */
  schema: int(1),
  metrics: list(metric, LIMITS.metrics),
  inventory,
  /** `upgrades`: takes other versions of itself over the mesh. */
  can: record({ live: bool, privileged: bool, upgrades: maybe(bool) }),
  /** Of events and results: the oldest of this start that waits, the newest that was said, and how many were lost. */
  ring: record({ oldest: int(), newest: int(), dropped: int() }),
  /** Which these are, oldest first, until the hub has acknowledged that it knows. */
  lost: maybe(list(lostStretch, LOST_MAX)),
  /** Of telemetry: the oldest and the newest frame of this start that are still here, and how many fell off in all. */
  frames: maybe(record({ oldest: int(), newest: int(), dropped: int() })),
  /** The how manyth birth of this start it is: a lower one is a replay. */
  count: maybe(int(1)),
  /** The agent's clock when it said this: what its other times are measured against. */
  now: maybe(millis),
  /** Of an agent in gateway role: the devices that it speaks for. */
  devices: maybe(list(id, 64)),
});
export type Birth = Infer<typeof birth>;

/** A keyframe of telemetry: scaled integers in the order of the birth's metrics; null where a sense had no reading. */
export interface Frame {
  readonly schema: number;
  readonly seq: number;
  readonly ts: number;
  readonly values: readonly (number | null)[];
}

export const topProcess = record({
  process: processRef,
  user: text(64),
  /** Command line, redacted and cut; always hostile. */
  cmd: said,
  cpu: real,
  rss: int(),
  fds: maybe(int()),
  /** Bytes by which its memory grew within the sensing window. */
  growth: maybe(int(-Number.MAX_SAFE_INTEGER)),
  age_s: maybe(int()),
  /** Name of the watched group it belongs to. */
  group: maybe(name),
});
export type TopProcess = Infer<typeof topProcess>;

export const snapshot = record({
  top_cpu: list(topProcess, 16),
  top_mem: list(topProcess, 16),
  top_fds: list(topProcess, 16),
  mounts: list(
    record({
      path: text(1_024),
      type: name,
      total: int(),
      used: int(),
      inodes: maybe(int()),
      inodes_used: maybe(int()),
    }),
    64,
  ),
  unit_lines: list(said, 128),
  log_templates: list(record({ template: said, count: int() }), 64),
  changes: list(record({ ts: millis, what: said }), 64),
  facts: dictionary(said, 64),
});
export type Snapshot = Infer<typeof snapshot>;

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const event = record({
  agent: id,
  boot: hex(16),
  seq: int(),
  ts: millis,
  /** `anomaly` opens or repeats an incident; `recovery` says that the same fingerprint is back to normal. */
  kind: oneOf('anomaly', 'recovery'),
  /** What playbooks match on, for instance `group.memory` or `disk.full`. */
  signal: name,
  severity: oneOf(...SEVERITIES),
  metric: maybe(text(256)),
  value: maybe(real),
  /** The bound that was crossed, in the metric's unit, and the side on which it is healthy. */
  limit: maybe(record({ value: real, healthy: oneOf('below', 'above') })),
  baseline: maybe(record({ mean: real, sd: real, p50: maybe(real), p95: maybe(real), p99: maybe(real) })),
  sigma: maybe(real),
  /** How sure the detection is, 0 to 1, of what was learned: five sigma are certain. A cause is another matter. */
  confidence: maybe(real),
  trend_per_hour: maybe(real),
  /** Seconds until the resource is exhausted, at the present trend. */
  eta: maybe(real),
  /** One sentence with numbers. */
  reason: line,
  /** Same trouble on the same thing: what incidents are joined by. */
  fingerprint: text(256),
  snapshot: maybe(snapshot),
  /** The snapshot instead, deflated (`packed-snapshot.ts`). */
  packed: maybe(bytes(LIMITS.payload)),
  /** Of a gateway: the device that it is about, instead of the agent's own host. */
  device: maybe(id),
});
export type Event = Infer<typeof event>;

const command = record({
  argv: list(text(4_096), 256),
  stdout: oneOf('keep', 'discard'),
  stderr: oneOf('keep', 'discard', 'stdout'),
});
export const program = record({
  version: (value: unknown, path: string): 1 => {
    int(1, 1)(value, path);
    return 1;
  },
  jobs: list(record({ when: oneOf('always', 'and', 'or'), pipe: list(command, 16) }), 32),
});

/** Where in a plan a program stands, and its number there as shown to the operator, from 1. */
export const PHASES = ['pre', 'step', 'post', 'rollback'] as const;
export type Phase = (typeof PHASES)[number];

const planned = record({ phase: oneOf(...PHASES), number: int(1, LIMITS.programs), hash: hex(64) });

/** What an operator signs: everything that will run, by hash, on one host, for a while. */
export const approval = record({
  id: ulid,
  site: id,
  incident: ulid,
  plan_hash: hex(64),
  /** Hash of the policy that vetted the plan: an agent with other rules refuses, since its verdicts are others too. */
  policy_hash: hex(64),
  host: id,
  programs: list(planned, LIMITS.programs),
  /** Numbers of the steps whose `review` the operator consented to; a step's consent covers its own rollback. */
  reviewed: list(int(1, LIMITS.programs), LIMITS.programs),
  /** The processes that the plan's pids mean. */
  processes: list(processRef, 64),
  by: name,
  role: oneOf('approver', 'admin'),
  not_after: millis,
  /** Nobody was there: the hub's order key has signed it, and this rule of the admin `by` says that it may. */
  alone: maybe(
    record({
      rule: bytes(16_384),
      rule_signature: bytes(1_024),
      /** The class of the cause, and how sure the hub is of it. */
      cause: name,
      confidence: real,
      /** The rule is an approval that was remembered (broker/remembered.ts), and may consent to review. */
      remembered: maybe(bool),
    }),
  ),
});
export type Approval = Infer<typeof approval>;

/** Signed by the hub's order key. `approval` is the very bytes that the operator signed, with their signature. */
export const order = record({
  id: ulid,
  site: id,
  epoch: int(1),
  agent: id,
  boot: hex(16),
  incident: ulid,
  approval: bytes(16_384),
  approval_signature: bytes(1_024),
  /** Where two persons must agree: what the second has signed (broker/two-person.ts). */
  second: maybe(bytes(1_024)),
  second_signature: maybe(bytes(1_024)),
  programs: list(record({ phase: oneOf(...PHASES), number: int(1, LIMITS.programs), program }), LIMITS.programs),
  dry_run: bool,
  /** Seconds for each program. */
  timeout: int(1, 3_600),
  audit_head: auditHead,
});
export type Order = Infer<typeof order>;

export const RESULT_STATES = ['done', 'failed', 'timeout', 'refused', 'skipped', 'dry_run', 'outcome_unknown'] as const;
export const result = record({
  agent: id,
  boot: hex(16),
  seq: int(),
  incident: ulid,
  order: ulid,
  approval: ulid,
  /** Absent when the order as a whole was refused. */
  step: maybe(record({ phase: oneOf(...PHASES), number: int(1, LIMITS.programs) })),
  state: oneOf(...RESULT_STATES),
  /** Why it was refused, skipped or is unknown: a coded reason. */
  code: maybe(name),
  exit: maybe(int(0, 255)),
  signal: maybe(text(16)),
  started: millis,
  ended: millis,
  stdout: text(LIMITS.output),
  stderr: text(LIMITS.output),
  truncated: bool,
  /** True for the last result of its order. */
  last: bool,
});
export type Result = Infer<typeof result>;

/**
 * Signed by the hub: everything of this boot up to `through` is stored, or known to be lost. The only acknowledgement
 * (invariant 9).
 */
export const ack = record({
  agent: id,
  boot: hex(16),
  through: int(),
  /** This stretch, both ends included, is stored too: messages need not come in the order of their numbers. */
  also: maybe(record({ from: int(1), to: int(1) })),
  now: millis,
  counter: int(1),
  audit_head: auditHead,
  epoch: maybe(int(1)),
  /** Telemetry of this boot is stored up to this frame. */
  frames: maybe(int()),
  /** Frames of this boot can't be read without the one before them: to be sent again from this number on. */
  again: maybe(int(1)),
});
export type Ack = Infer<typeof ack>;
