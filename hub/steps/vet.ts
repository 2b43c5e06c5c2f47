import { ulid } from '../../broker/ulid.ts';
import { programHash } from '../../policy/program.ts';
import type { Inventory } from '../../policy/verdict.ts';
import { stricter } from '../../policy/verdict.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Draft, DraftCommand, Incident, Plan, PlannedCommand } from '../incident.ts';
import { planHash } from '../plan-hash.ts';
import { moved } from '../store/incidents.ts';
import { ownerOf } from './owner.ts';
import type { Outcome, Step } from './step.ts';

/**
 * Compiles and judges every command of the draft against the policy and the host's own inventory. A plan is as bad as
 * its worst command, rollback included (invariant 1); what does not compile or is blocked is never proposed.
 */
export const vet: Step = {
  name: 'vet',
  ready: ({ state, draft, plan }) => state === 'diagnosing' && draft !== null && plan === null,
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const { draft } = incident;
    if (draft === null) throw new Error('vet without a draft');
    const now = hub.now();
    const plan = judged(incident, draft, hub, now);
    const hash = planHash(plan);
    const verdicts = allOf(plan).map(({ phase, number, command, verdict }) => ({ phase, number, command, verdict }));
    const audit = {
      kind: 'plan.vetted',
      incident: incident.id,
      actor: 'hub',
      data: { plan: plan.id, plan_hash: hash, decision: plan.decision, policy: hub.policy.hash, verdicts },
    };
    const patch = { plan, plan_hash: hash, owner: ownerOf(hub) };
    const refusal = refused(plan);
    if (refusal !== null) {
      return { kind: 'move', incident: moved(incident, 'escalated', { now, by: 'hub', ...refusal }, patch), audit };
    }
    const note = `${plan.steps.length} ${plan.steps.length === 1 ? 'command' : 'commands'}, ${plan.decision}`;
    return { kind: 'move', incident: moved(incident, 'proposed', { now, by: 'hub', note }, patch), audit };
  },
};

/** Every command of a plan, in the order in which they would run. */
export function allOf(plan: Plan): readonly PlannedCommand[] {
  return [...plan.pre, ...plan.steps, ...plan.post, ...plan.rollback];
}

function judged(incident: Incident, draft: Draft, hub: Hub, now: number): Plan {
  const processes = (incident.evidence?.entities ?? []).flatMap(({ process }) =>
    process === undefined ? [] : [process],
  );
  const inventory = inventoryOf(hub, incident.host, processes);
  const vetted =
    (phase: PlannedCommand['phase']) =>
    (one: DraftCommand): PlannedCommand => {
      const verdict = hub.policy.check(one.command, inventory);
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
    incident: incident.id,
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
    processes,
    verify_within: draft.verify_within,
    ...(draft.max_wait === undefined ? {} : { max_wait: draft.max_wait }),
    idempotent: draft.idempotent,
    policy_hash: hub.policy.hash,
    expires: now + TIMES.proposal,
  };
}

/** Names that exist on the host: its birth's inventory, with the processes that this incident's evidence means. */
function inventoryOf(hub: Hub, host: string, processes: Inventory['processes']): Inventory {
  const known = hub.store.births.get(host)?.inventory;
  const none = { units: [], mounts: [], containers: [], hosts: [], folders: [] };
  return { ...(known ?? none), processes };
}

function refused(plan: Plan): { readonly note: string; readonly reason: string } | null {
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
