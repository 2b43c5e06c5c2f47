import type { Event, Phase, Result, Severity } from '../broker/messages.ts';
import type { Program } from '../policy/program.ts';
import type { Inventory, ProcessRef, Verdict } from '../policy/verdict.ts';
import type { Row } from './automation/may-run-alone.ts';
import type { Decided, Earlier, RoutedBy } from './decided.ts';
import type { Evidence } from './evidence/evidence.ts';
import type { ProbeAnswer } from './probes.ts';
import type { Diagnosis } from './reason/reasoner.ts';

/** The states of docs/design.md section 2, in the order of a good day, then the ways out. */
export const STATES = [
  'open',
  'diagnosing',
  'proposed',
  'approved',
  'executing',
  'verifying',
  'resolved',
  'rejected',
  'expired',
  'cancelled',
  'escalated',
  'failed',
  'rolled_back',
  'outcome_unknown',
  'suppressed',
] as const;
export type State = (typeof STATES)[number];

/** Nothing more will happen to an incident in one of these. */
export const CLOSED: ReadonlySet<State> = new Set(['resolved', 'rejected', 'cancelled', 'suppressed']);
/** An incident in one of these is a named person's. */
export const WAITS_FOR_PERSON: ReadonlySet<State> = new Set([
  'proposed',
  'expired',
  'escalated',
  'failed',
  'outcome_unknown',
]);

/** One command of a plan, compiled and judged; `program` is null only when the verdict is block or review by subset. */
export interface PlannedCommand {
  readonly phase: Phase;
  /** From 1, as shown to the operator; a rollback has the number of the step it undoes. */
  readonly number: number;
  readonly command: string;
  readonly explanation: string;
  readonly program: Program | null;
  readonly hash: string | null;
  readonly verdict: Verdict;
}

export interface Plan {
  readonly id: string;
  readonly incident: string;
  /** The reasoners that stand behind it, for instance `rules` or `model+rules`. */
  readonly by: string;
  readonly playbook: string | null;
  /** The class of the cause; absent in plans of earlier versions. */
  readonly class?: string;
  readonly root_cause: string;
  readonly chain: readonly Claim[];
  readonly risk: 'low' | 'medium' | 'high';
  readonly confidence: number;
  readonly alternatives: readonly string[];
  readonly needs_human: boolean;
  readonly pre: readonly PlannedCommand[];
  readonly steps: readonly PlannedCommand[];
  readonly post: readonly PlannedCommand[];
  readonly rollback: readonly PlannedCommand[];
  /** The worst verdict of all of the above. */
  readonly decision: Verdict['decision'];
  readonly processes: readonly ProcessRef[];
  /** Milliseconds within which the metric must be back after the last step. */
  readonly verify_within: number;
  /** Milliseconds that it may wait for another plan on its host; absent in plans of earlier versions. */
  readonly max_wait?: number;
  readonly idempotent: boolean;
  readonly policy_hash: string;
  /** After this the proposal lapses. */
  readonly expires: number;
}

/** A plan before policy saw it: the reasoners' agreed answer, with its commands still as text. */
export interface Draft {
  readonly diagnosis: Diagnosis;
  readonly pre: readonly DraftCommand[];
  readonly steps: readonly DraftCommand[];
  readonly post: readonly DraftCommand[];
  readonly rollback: readonly DraftCommand[];
  readonly verify_within: number;
  readonly max_wait?: number;
  readonly idempotent: boolean;
  /** Text in the evidence addressed the reader: the plan's risk is raised. */
  readonly injection: boolean;
}

export interface DraftCommand {
  readonly number: number;
  readonly command: string;
  readonly explanation: string;
}

/** A claim and the ids of the evidence items that it rests on. */
export interface Claim {
  readonly claim: string;
  readonly evidence: readonly string[];
}

/** One line of what happened, for people. */
export interface Moment {
  readonly ts: number;
  readonly state: State;
  /** `hub`, an agent's id, or an operator's name. */
  readonly by: string;
  readonly note: string;
}

/** The approval as it was signed, and what the hub knows of it. */
export interface SignedApproval {
  readonly id: string;
  readonly by: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly not_after: number;
  readonly reviewed: readonly number[];
  /** Nobody gave it: a rule of `by` did. */
  readonly alone?: true;
  /** The rule by which it did, where that is an approval that was remembered. */
  readonly remembered?: string;
  /** Where two persons had to agree: who did so last. `not_after` is of the one that lapses first. */
  readonly second?: { readonly by: string; readonly payload: Uint8Array; readonly signature: Uint8Array };
}

/** The first of two approvals that a plan needs, by the plan's hash: it lets nothing run. */
export interface FirstApproval extends SignedApproval {
  readonly plan_hash: string;
}

/** Which way a plan was sent, and why. */
export interface Route {
  /** The plan that it is about. */
  readonly plan: string;
  /** The row of the routing table that its confidence falls into. */
  readonly row: Row;
  /** It was approved with nobody there. */
  readonly alone: boolean;
  /** For scripts; `alone` when it was. */
  readonly code: string;
  readonly why: string;
  /** What that rested on; absent in routes of earlier versions. */
  readonly by?: RoutedBy;
}

/** One order as it was sent: the same bytes are sent again after a crash. */
export interface SentOrder {
  readonly id: string;
  readonly purpose: 'apply' | 'check' | 'rollback';
  readonly boot: string;
  readonly bytes: Uint8Array;
  readonly sent: number;
  readonly dry_run: boolean;
}

export interface Incident {
  readonly id: string;
  readonly state: State;
  /** Coded reason for being in this state, for instance `dry_run` or `no_playbook`; empty on a good day. */
  readonly reason: string;
  readonly host: string;
  readonly title: string;
  readonly severity: Severity;
  readonly fingerprint: string;
  /** The event that opened it. */
  readonly event: Event;
  readonly opened: number;
  readonly updated: number;
  readonly last_seen: number;
  /** How often the same fingerprint was seen again while this was open. */
  readonly repeats: number;
  /** The person whom it waits for, or `nobody`. */
  readonly owner: string;
  /** When it last went to the next person, since its owner did not answer. */
  readonly handed_on?: number;
  readonly evidence: Evidence | null;
  /**
   * The names that existed on its host when the evidence was gathered, with the processes alone that the evidence means;
   * absent where none was known, and in incidents of earlier versions.
   */
  readonly inventory?: Inventory;
  readonly diagnoses: readonly Diagnosis[];
  readonly draft: Draft | null;
  readonly plan: Plan | null;
  readonly plan_hash: string | null;
  /** Absent until reasoners were asked, and in incidents of earlier versions. */
  readonly decided?: Decided;
  /** Decisions before this one, oldest first; absent where it is the first. */
  readonly earlier?: readonly Earlier[];
  readonly approval: SignedApproval | null;
  /** Where two persons must agree: the first one's, while the second is waited for. See `firstOf`. */
  readonly first?: FirstApproval;
  /** Absent until a plan was sent its way. */
  readonly route?: Route;
  readonly orders: readonly SentOrder[];
  readonly results: readonly Result[];
  /** Since when its metric is watched, where that is not since it came to be `verifying`. */
  readonly watched?: number;
  /** Read-only questions that were asked about its host, with their answers; absent where none was. */
  readonly probes?: readonly ProbeAnswer[];
  /** Playbooks already tried on this incident: none is tried twice. */
  readonly tried: readonly string[];
  /** Its outcome was counted for the playbook's record. */
  readonly learned: boolean;
  readonly timeline: readonly Moment[];
  /** When its source said that it is back to normal; absent while it goes on. */
  readonly recovered?: number;
  /** The how manyth time within 30 days that this trouble opened an incident on this host; absent the first time. */
  readonly recurrence?: number;
  /** It comes and goes: it closes only when it has been quiet for a while. */
  readonly flapping?: boolean;
  /** Who has taken it on: it is theirs until it closes, and nobody else is told of it again. */
  readonly acknowledged?: { readonly by: string; readonly at: number };
}
