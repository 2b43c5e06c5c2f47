import type { Roster, Severity, Snapshot } from '../broker/messages.ts';
import type { RememberedRule } from '../broker/remembered.ts';
import type { Finding } from '../hub/doctor/finding.ts';
import type { Incident } from '../hub/incident.ts';
import type { Thinking } from '../hub/reason/thinking.ts';
import type { Decision, Verdict } from '../policy/verdict.ts';
import type { Automation, LaterWish, Rememberable } from './alone.ts';

export type { Automation } from './alone.ts';

/** One host as the fleet line and the header show it. */
export interface HostRow {
  readonly agent: string;
  readonly state: 'online' | 'dead' | 'stopped' | 'silent';
  readonly lastSeen: number;
  readonly live: boolean;
  readonly privileged: boolean;
  /** What the site calls it: `site=north`, `role=historian`. */
  readonly tags: readonly string[];
}

/** What a host's line shows beside its state: read for the lines that are on the screen alone. */
export interface HostPulse {
  /** Latest value and recent history (oldest first, at most 120 points) of the metrics worth a sparkline. */
  readonly gauges: readonly Gauge[];
  readonly link: HostLink;
}

/** How what a host says comes here, as far as the hub has measured it; null: not known. Times are milliseconds. */
export interface HostLink {
  /** Between two of its samples. */
  readonly every: number | null;
  /** From taking a sample until it was here: the worst of the last seconds. */
  readonly late: number | null;
  /** From being here until it was on the disk and acknowledged: the worst of the last seconds. */
  readonly stored: number | null;
  /** Times within a day that samples went missing, and how many did. */
  readonly gaps: number;
  readonly missing: number;
  /** Samples that its agent had on its disk at its last greeting and that are not here yet. */
  readonly backlog: number | null;
  /** The same of events and results. */
  readonly waiting: number;
  /** What fell off the agent's disk in all, since its ring was full. */
  readonly dropped: number;
}

export interface Gauge {
  readonly metric: string;
  readonly unit: string;
  readonly value: number | null;
  readonly history: readonly (number | null)[];
}

/** One line of the incident list. */
export interface IncidentRow {
  readonly id: string;
  readonly state: Incident['state'];
  readonly severity: Severity;
  readonly host: string;
  readonly title: string;
  readonly opened: number;
  readonly updated: number;
  readonly owner: string;
}

/** What every view reads: an immutable picture of the site, replaced whole at each refresh. */
export interface DeskState {
  readonly site: string;
  readonly hub: 'up' | 'down';
  readonly live: boolean;
  readonly reasoner: string;
  readonly operator: string;
  readonly role: 'viewer' | 'approver' | 'admin';
  /** Nothing is executed until an admin lifts it. */
  readonly halted?: true;
  /** Where two persons must agree to a plan, as the roster has it; absent: nowhere. */
  readonly twoPerson?: Roster['two_person'] | undefined;
  /** Who else looks at the incident that this screen was last said to look at. */
  readonly others: readonly string[];
  /** What each reasoner that is at work on that incident now has written so far; empty while none is. */
  readonly thinking: readonly Thinking[];
  readonly auditRecords: number;
  readonly auditGood: boolean;
  readonly hosts: readonly HostRow[];
  /** Newest first; the same array for as long as nothing in it changes. */
  readonly incidents: readonly IncidentRow[];
  /** What this site may and may not do now, and the one command that changes it: shown until dismissed. */
  readonly notice: string;
}

/** What is known of one host beside its line. */
export interface HostDetail {
  readonly agent: string;
  /** Operating system, processor, kernel, version of the agent; tags of the site. */
  readonly about: string;
  readonly tags: readonly string[];
  /** Every metric, in the order in which the agent names them. */
  readonly gauges: readonly Gauge[];
  /** Services that the agent knows by name. */
  readonly units: readonly string[];
  readonly containers: number;
  readonly mounts: readonly string[];
  /** The devices that it speaks for, where it is a gateway. */
  readonly devices: readonly string[];
  /** What the host looked like when it last had trouble; null when it had none yet. */
  readonly last: { readonly incident: string; readonly at: number; readonly snapshot: Snapshot } | null;
}

export interface PlaybookRow {
  readonly id: string;
  readonly title: string;
  readonly class: string;
  readonly signals: readonly string[];
  readonly description: string;
  /** Its steps only look. */
  readonly looks: boolean;
  readonly idempotent: boolean;
  /** The site wrote it. */
  readonly own: boolean;
  readonly ran: number;
  readonly helped: number;
  readonly verifyWithin: number;
  readonly commands: readonly {
    readonly phase: 'before' | 'step' | 'after' | 'undo';
    readonly command: string;
    readonly why: string;
    readonly decision: Decision;
  }[];
}

/** The playbooks, or what they wait for. */
export interface Playbooks {
  readonly state: 'loading' | 'ready' | 'failed';
  readonly rows: readonly PlaybookRow[];
  /** A sentence for each file that was left out, or for what failed. */
  readonly errors: readonly string[];
}

/** One record of the audit chain. */
export interface AuditRow {
  readonly n: number;
  readonly ts: number;
  readonly kind: string;
  readonly incident: string | null;
  readonly actor: string;
  readonly hash: string;
  /** Its data, a line each, as `name  value`. */
  readonly data: readonly (readonly [name: string, value: string])[];
}

/** What is known of the chain as a whole. */
export interface ChainStatus {
  readonly head: string;
  /** The last walk from the first record to the last; null before the first one ended. */
  readonly walked: { readonly at: number; readonly ok: boolean; readonly why: string } | null;
}

/** How an incident's metric has come back, or has not. */
export interface Verification {
  readonly gauge: Gauge;
  /** When the watching began, and until when the metric has to be back. */
  readonly since: number;
  readonly until: number;
}

/** What the last `sentinel eval` has found. Shares are 0..1; null: none of the kind was asked. */
export interface Evaluation {
  readonly at: number;
  readonly by: string;
  /** Why the gate was not passed; empty when it was. */
  readonly gate: readonly string[];
  readonly figures: readonly (readonly [name: string, value: string])[];
  readonly cases: readonly EvaluationCase[];
}

export interface EvaluationCase {
  readonly id: string;
  readonly class: string;
  readonly outcome: 'passed' | 'failed' | 'not scored';
  readonly cause: string;
  readonly trueCause: string | null;
  readonly confidence: number;
  readonly needsHuman: boolean;
  readonly commands: readonly { readonly command: string; readonly decision: Decision }[];
  /** What was expected and does not hold, in words. */
  readonly unmet: readonly string[];
}

/** One thing that the doctor has looked at; `id` stays the same from one look to the next. */
export interface CheckRow extends Finding {
  readonly id: string;
}

/** What the doctor found when it last looked at this hub's state folder. */
export interface Checkup {
  /** When that was; null: it is still at its first look. */
  readonly at: number | null;
  /** Why it could not look; empty when it could. */
  readonly failed: string;
  readonly rows: readonly CheckRow[];
}

/** What policy says of a command that was typed. */
export type Judged =
  | { readonly state: 'loading' }
  | { readonly state: 'failed'; readonly why: string }
  | { readonly state: 'judged'; readonly verdict: Verdict; readonly alternative: Verdict | null };

/** The answer of the hub to an act: `ok`, or a coded refusal with a sentence for the operator. */
export type ActResult = { readonly ok: true } | { readonly ok: false; readonly code: string; readonly message: string };

/** What is read only while a view shows it. Nothing here throws for what the store holds. */
export interface Shelf {
  /** Undefined for a host that is not there. */
  pulse(agent: string): HostPulse | undefined;
  host(agent: string): HostDetail | undefined;
  playbooks(): Playbooks;
  /** At most `limit` records, newest first, from record `from` down. */
  records(from: number, limit: number): readonly AuditRow[];
  chain(): ChainStatus;
  automation(): Automation;
  /** What would be signed beside an approval of this plan with every review step included. Signs nothing. */
  rememberable(incident: Incident, wish: LaterWish): Rememberable;
  /** The incident's metric up to the moment at which it was decided on; null where nothing of it is kept. */
  decision(incident: Incident): Gauge | null;
  /** The incident's metric since its fix ran, and the window that it has; null where nothing is, or was, verified. */
  verification(incident: Incident): Verification | null;
  /** The last evaluation at this state folder; null where there was none, or its report does not read. */
  evaluation(): Evaluation | null;
  /** What the doctor last found; asking has it look again from time to time. */
  doctor(): Checkup;
  /** Judges a command as it would be on this host; null: on a host where every name exists. Nothing runs. */
  judge(command: string, host: string | null): Judged;
}

/**
 * The operator's desk: reads history from LMDB, acts through the hub's socket. Views see only this interface.
 * `subscribe` and `state` are the pair that React's useSyncExternalStore wants.
 */
export interface Desk extends Shelf {
  state(): DeskState;
  subscribe(listener: () => void): () => void;
  /** The whole incident, or undefined when it is gone. */
  incident(id: string): Incident | undefined;
  /** Signs and sends an approval of exactly the plan whose hash is given: refused when the plan has changed since. */
  approve(id: string, planHash: string, reviewed: readonly number[]): Promise<ActResult>;
  /** Signs and sends the rule that remembers an approval that this operator has given, as it was shown. */
  remember(rule: RememberedRule): Promise<ActResult>;
  /** Ends an approval that is remembered, by its rule's id, before its day. */
  forget(id: string): Promise<ActResult>;
  reject(id: string, note: string): Promise<ActResult>;
  /** Stops all execution, here and on every host. */
  halt(reason: string): Promise<ActResult>;
  acknowledge(id: string): Promise<ActResult>;
  /** Asks the incident's host one question of the catalogue; the answer is kept with the incident. */
  probe(id: string, probe: string, name: string): Promise<ActResult>;
  /** What is looked at now: others see it, and are seen. */
  look(id: string | null): void;
  close(): Promise<void>;
}
