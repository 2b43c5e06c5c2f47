import type { Result } from '../../broker/messages.ts';
import { openDecision } from '../../broker/two-person.ts';
import { isNewer, VERSION } from '../../broker/version.ts';
import { signedRule } from '../automation/remembered.ts';
import { type Hub, TIMES } from '../hub.ts';
import type { Incident, SentOrder } from '../incident.ts';
import { lastOrder, makeOrder, sendOrder, undoable } from '../orders.ts';
import { isHalted } from '../site/halts.ts';
import { tagsOf } from '../store/hosts.ts';
import { getIncident, moved } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';
import { isSwitching } from '../upgrade/rollout.ts';
import { decideAlone } from './route.ts';
import { type Outcome, type Step, waitFor } from './step.ts';

/** Sends the approved order to the agent and waits for its results; an order is on the disk before it is on the wire. */
export const execute: Step = {
  name: 'execute',
  ready: ({ state }) => state === 'approved' || state === 'executing',
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    return incident.state === 'approved' ? begin(incident, hub) : follow(incident, hub);
  },
};

async function begin(incident: Incident, hub: Hub): Promise<Outcome> {
  const now = hub.now();
  const { approval, plan } = incident;
  const lapses = approval?.not_after ?? now;
  if (now >= lapses) return lapsed(incident, hub);
  const withdrawn = approval === null ? null : whyWithdrawn(approval, incident.host, hub, now);
  if (withdrawn !== null)
    return ending(moved(incident, 'expired', { now, by: 'hub', ...withdrawn }), 'approval.lapsed');
  if (approval?.alone === true && plan !== null && !isHalted(hub.store)) {
    // It may have stood in line meanwhile: what nobody consented to needs every reason still to hold.
    // For how long it may stand is the approval's to say by now, not the proposal's.
    const decision = await decideAlone(incident, { ...plan, expires: lapses }, hub);
    if (!decision.alone) {
      const change = { now, by: 'hub', note: `a person decides: ${decision.why}`, reason: decision.code };
      return ending(moved(incident, 'expired', change), 'approval.lapsed');
    }
  }
  const newer = whyNewer(hub.store, incident.host);
  if (newer !== null) return ending(moved(incident, 'expired', { now, by: 'hub', ...newer }), 'approval.lapsed');
  if (hub.store.presence.get(incident.host)?.state !== 'online') return waitFor(lapses);
  // It waits until the host has the one version or the other.
  if (isSwitching(hub.store, incident.host)) return waitFor(Math.min(lapses, now + LOOK_AGAIN_MS));
  const busy = planBefore(hub.store, incident);
  if (busy !== null) return standInLine(incident, busy, now);
  const order = makeOrder(hub, incident, 'apply');
  return order === null ? waitFor(lapses) : give(incident, hub, order, 'executing');
}

/** Who approved may be off the roster by now, or have another key or role: an agent would refuse it, and so does the hub. */
function whyWithdrawn(
  approval: NonNullable<Incident['approval']>,
  host: string,
  hub: Hub,
  now: number,
): { readonly note: string; readonly reason: string } | null {
  if (approval.remembered !== undefined && signedRule(hub.store, approval.remembered) === null)
    return { note: `what ${approval.by} approved is remembered no more`, reason: 'approval_withdrawn' };
  try {
    openDecision(approval, hub.roster, now, tagsOf(hub.store, host));
    return null;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { note: `the approval by ${approval.by} counts no more: ${why}`, reason: 'approval_withdrawn' };
  }
}

/** An agent of a later version may take an order otherwise than it was meant: it is heard, and orders wait for the hub's upgrade. */
function whyNewer(store: Store, host: string): { readonly note: string; readonly reason: string } | null {
  const version = store.births.get(host)?.version ?? VERSION;
  if (!isNewer(version, VERSION)) return null;
  return {
    note: `${host} runs version ${version}, newer than this hub's ${VERSION}: upgrade the hub`,
    reason: 'agent_newer',
  };
}

/** Nothing was sent while the approval held: the reason is what is in the way now. */
function lapsed(incident: Incident, hub: Hub): Outcome {
  const isHere = hub.store.presence.get(incident.host)?.state === 'online';
  const [reason, why] = isHalted(hub.store)
    ? ['halted', 'the site was halted']
    : isHere
      ? ['approval_lapsed', 'nothing could be sent']
      : ['agent_offline', 'the agent was not there'];
  const change = { now: hub.now(), by: 'hub', note: `${why} while the approval held`, reason };
  return ending(moved(incident, 'expired', change), 'approval.lapsed');
}

/** How soon a plan that stands in line looks again. */
const LOOK_AGAIN_MS = 500;

/**
 * One plan at a time on a host: another incident whose plan is under way there, or was approved before this one and
 * has not begun. Null when it is this one's turn. Of two that ask at once each sees the other, and the earlier goes.
 */
function planBefore(store: Store, incident: Incident): string | null {
  const { host, id, approval } = incident;
  for (const { value } of store.active.getRange({ start: [host, ''], end: [host, '\uffff'] })) {
    const other = value === id ? undefined : getIncident(store, value);
    if (other === undefined) continue;
    const isUnderWay = other.state === 'executing' || other.state === 'verifying';
    if (isUnderWay || (other.state === 'approved' && (other.approval?.id ?? '') < (approval?.id ?? ''))) return value;
  }
  return null;
}

/** It waits as long as its playbook says; then a person decides anew, since the host is another by now. */
function standInLine(incident: Incident, busy: string, now: number): Outcome {
  const began = incident.timeline.findLast(({ state }) => state === 'approved')?.ts ?? now;
  const until = began + (incident.plan?.max_wait ?? TIMES.line);
  if (now < until) return waitFor(Math.min(until, now + LOOK_AGAIN_MS));
  const change = { now, by: 'hub', note: `another plan was under way on the host: ${busy}`, reason: 'host_busy' };
  return ending(moved(incident, 'expired', change), 'approval.lapsed');
}

/** Puts an order on the disk with its audit record, then on the wire. */
export function give(incident: Incident, hub: Hub, order: SentOrder, state: Incident['state']): Outcome {
  const note = `order sent to ${incident.host}${order.dry_run ? ' as a dry run' : ''} (${order.purpose})`;
  const orders = [...incident.orders, order];
  return {
    kind: 'move',
    incident: moved(incident, state, { now: hub.now(), by: 'hub', note }, { orders }),
    audit: {
      kind: 'order.sent',
      incident: incident.id,
      actor: 'hub',
      data: { order: order.id, purpose: order.purpose, dry_run: order.dry_run, bytes: order.bytes },
    },
    after: () => sendOrder(hub, incident, order),
  };
}

function follow(incident: Incident, hub: Hub): Outcome | Promise<Outcome> {
  const last = lastOrder(incident);
  if (last === null) throw new Error('executing without an order');
  if (!last.complete) return awaitResults(incident, hub, last.order);
  return concluded(incident, hub, last.results);
}

/**
 * An order without its last result: sent again as it was while the agent is the one it was made for, made anew for
 * the agent's new boot otherwise. The agent's journal keeps either from running a step twice.
 */
export async function awaitResults(incident: Incident, hub: Hub, order: SentOrder): Promise<Outcome> {
  const now = hub.now();
  const first = incident.orders.find(({ purpose }) => purpose === order.purpose) ?? order;
  const silent = first.sent + TIMES.silence;
  if (now >= silent) {
    const change = {
      now,
      by: 'hub',
      note: `${incident.host} did not say what became of the order`,
      reason: 'agent_silent',
    };
    return ending(moved(incident, 'outcome_unknown', change), 'order.silent');
  }
  const agent = hub.store.presence.get(incident.host);
  if (agent?.state !== 'online') return waitFor(silent);
  if (agent.boot !== order.boot) {
    const renewed = makeOrder(hub, incident, order.purpose);
    if (renewed !== null) return give(incident, hub, renewed, incident.state);
  }
  if (!hub.delivered.has(order.id)) await sendOrder(hub, incident, order);
  return waitFor(silent);
}

function concluded(incident: Incident, hub: Hub, results: readonly Result[]): Outcome {
  const now = hub.now();
  const by = incident.host;
  const worst = worstOf(results);
  if (worst === null) {
    return ending(
      moved(incident, 'verifying', { now, by, note: 'every command ran; watching whether it helped' }),
      'order.done',
    );
  }
  const named = worst.step === undefined ? 'the order' : `${worst.step.phase} ${worst.step.number}`;
  const why = worst.code === undefined ? '' : ` (${worst.code})`;
  if (worst.state === 'dry_run') {
    const change = { now, by, note: 'dry run: nothing was changed', reason: 'dry_run' };
    return ending(moved(incident, 'escalated', change), 'order.dry_run');
  }
  if (worst.state === 'outcome_unknown') {
    const change = { now, by, note: `${named} began and its end is not known${why}`, reason: 'outcome_unknown' };
    return ending(moved(incident, 'outcome_unknown', change), 'order.unknown');
  }
  if (incident.plan !== null && worst.step?.phase === 'step' && undoable(incident, incident.plan).length > 0) {
    // `verify` owns undoing: it starts with an order to roll back.
    const change = { now, by, note: `${named} ${worst.state}${why}: undoing`, reason: 'step_failed' };
    return ending(moved(incident, 'verifying', change), 'order.failed');
  }
  const change = { now, by, note: `${named} ${worst.state}${why}`, reason: worst.code ?? `step_${worst.state}` };
  return ending(moved(incident, 'failed', change), 'order.failed');
}

/** The result that decides: an unknown outcome before a failure before a dry run; null when all is done. */
export function worstOf(results: readonly Result[]): Result | null {
  for (const states of [['outcome_unknown'], ['refused', 'failed', 'timeout'], ['dry_run']]) {
    const found = results.find(({ state }) => states.includes(state));
    if (found !== undefined) return found;
  }
  return null;
}

export function ending(incident: Incident, kind: string): Outcome {
  const data = { state: incident.state, reason: incident.reason, results: incident.results };
  return { kind: 'move', incident, audit: { kind, incident: incident.id, actor: incident.host, data } };
}
