import type { Inventory } from '../../policy/verdict.ts';
import { processesOf } from '../evidence/evidence.ts';
import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { planHash } from '../plan-hash.ts';
import { canonical } from '../replay/canonical.ts';
import { moved } from '../store/incidents.ts';
import { ownerOf } from './owner.ts';
import { allOf, NO_NAMES, planOf, refused } from './plan-of.ts';
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
    const processes = incident.evidence === null ? [] : processesOf(incident.evidence);
    const inventory = inventoryOf(hub, incident.host, processes);
    const plan = planOf(draft, { incident: incident.id, inventory, policy: hub.policy, now });
    const hash = planHash(plan);
    const verdicts = allOf(plan).map(({ phase, number, command, verdict }) => ({ phase, number, command, verdict }));
    const audit = {
      kind: 'plan.vetted',
      incident: incident.id,
      actor: 'hub',
      data: { plan: plan.id, plan_hash: hash, decision: plan.decision, policy: hub.policy.hash, verdicts },
    };
    const patch = { plan, plan_hash: hash, owner: ownerOf(hub, incident.host), ...changedNames(incident, inventory) };
    const refusal = refused(plan);
    if (refusal !== null) {
      return { kind: 'move', incident: moved(incident, 'escalated', { now, by: 'hub', ...refusal }, patch), audit };
    }
    const note = `${plan.steps.length} ${plan.steps.length === 1 ? 'command' : 'commands'}, ${plan.decision}`;
    return { kind: 'move', incident: moved(incident, 'proposed', { now, by: 'hub', note }, patch), audit };
  },
};

/** Names that came or went since the evidence was gathered: the verdicts are of these, and a replay needs them. */
function changedNames({ inventory, decided }: Incident, now: Inventory): Pick<Incident, 'decided'> {
  const before = inventory ?? { ...NO_NAMES, processes: now.processes };
  if (decided === undefined || canonical(before) === canonical(now)) return {};
  return { decided: { ...decided, inventory: now } };
}

/** Names that exist on the host: its birth's inventory, with the processes that this incident's evidence means. */
function inventoryOf(hub: Hub, host: string, processes: Inventory['processes']): Inventory {
  const known = hub.store.births.get(host)?.inventory;
  return { ...(known ?? NO_NAMES), processes };
}
