import { ulid } from '../../broker/ulid.ts';
import type { Policy } from '../../policy/policy.ts';
import { programHash } from '../../policy/program.ts';
import { type Inventory, stricter } from '../../policy/verdict.ts';
import { TIMES } from '../hub.ts';
import type { Draft, DraftCommand, Plan, PlannedCommand } from '../incident.ts';

/** Every command of a plan, in the order in which they would run. */
export function allOf(plan: Plan): readonly PlannedCommand[] {
  return [...plan.pre, ...plan.steps, ...plan.post, ...plan.rollback];
}

/** A host of which nothing was heard yet. */
export const NO_NAMES = { units: [], mounts: [], containers: [], hosts: [], folders: [] } as const;

/** What a draft is judged against. */
export interface JudgedBy {
  /** The incident's id. */
  readonly incident: string;
  /** Names that exist on the host, and the processes that the plan's pids mean. */
  readonly inventory: Inventory;
  readonly policy: Policy;
  readonly now: number;
}

/** Compiles and judges every command of a draft: a plan is as bad as its worst, rollback included (invariant 1). */
export function planOf(draft: Draft, { incident, inventory, policy, now }: JudgedBy): Plan {
  const vetted =
    (phase: PlannedCommand['phase']) =>
    (one: DraftCommand): PlannedCommand => {
      const verdict = policy.check(one.command, inventory);
      const { program } = verdict;
      return { phase, ...one, program, hash: program === null ? null : programHash(program), verdict };
    };
  const { diagnosis } = draft;
  const pre = draft.pre.map(vetted('pre'));
  const steps = draft.steps.map(vetted('step'));
  const post = draft.post.map(vetted('post'));
  const rollback = draft.rollback.map(vetted('rollback'));
  const decision = [...pre, ...steps, ...post, ...rollback]
    .map((one) => one.verdict.decision)
    .reduce(stricter, 'allow');
  const worst = steps.some(({ verdict }) => verdict.effect === 'destroy' || verdict.effect === 'breach');
  return {
    id: ulid(now),
    incident,
    by: diagnosis.by,
    playbook: diagnosis.playbook,
    class: diagnosis.class,
    root_cause: diagnosis.root_cause,
    chain: diagnosis.chain,
    risk: worst || draft.injection ? 'high' : decision === 'allow' ? 'low' : 'medium',
    confidence: diagnosis.confidence,
    alternatives: diagnosis.alternatives,
    needs_human: diagnosis.needs_human,
    pre,
    steps,
    post,
    rollback,
    decision,
    processes: inventory.processes,
    verify_within: draft.verify_within,
    ...(draft.max_wait === undefined ? {} : { max_wait: draft.max_wait }),
    idempotent: draft.idempotent,
    policy_hash: policy.hash,
    expires: now + TIMES.proposal,
  };
}

/** Why a plan is not proposed: a sentence and a reason for scripts; null when it may be. */
export function refused(plan: Plan): { readonly note: string; readonly reason: string } | null {
  const commands = allOf(plan);
  const blocked = commands.find(({ verdict }) => verdict.decision === 'block');
  if (blocked !== undefined) return { note: `policy blocks: ${blocked.command}`, reason: 'blocked' };
  const unread = commands.find(({ program }) => program === null);
  if (unread !== undefined) return { note: `can't be compiled: ${unread.command}`, reason: 'not_compiled' };
  const check = [...plan.pre, ...plan.post].find(({ verdict }) => verdict.decision !== 'allow');
  if (check !== undefined)
    return { note: `a check may not need consent: ${check.command}`, reason: 'check_not_allowed' };
  // A plan that only looks mends nothing: it is shown to a person instead of being run and found useless.
  const looks = plan.steps.every(({ verdict }) => verdict.effect === 'read');
  if (looks) return { note: `a person is needed: ${plan.root_cause}`, reason: 'needs_person' };
  return null;
}
