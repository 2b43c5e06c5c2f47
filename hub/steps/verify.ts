import { type Hub, TIMES } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { lastOrder, makeOrder, undoable } from '../orders.ts';
import { isFromOutside } from '../outside.ts';
import { moved } from '../store/incidents.ts';
import { readSamples } from '../store/samples.ts';
import { awaitResults, ending, give, worstOf } from './execute.ts';
import { type Outcome, type Step, waitFor } from './step.ts';

/** How often a waiting verification looks at the samples even if no telemetry wakes it. */
const LOOK_AGAIN_MS = 2_000;

/**
 * For another system's alert to be taken back: it looks once a minute, waits until its rule holds no more, and tells
 * that with the group's next notice, five minutes later by default.
 */
const TAKEN_BACK_MS = 15 * 60_000;

/**
 * Did it help? The metric must be healthy again within the playbook's window and the post-checks must hold; otherwise
 * what was done is undone, and the incident goes on to the next playbook or to a person.
 */
export const verify: Step = {
  name: 'verify',
  ready: ({ state }) => state === 'verifying',
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const last = lastOrder(incident);
    if (last === null || incident.plan === null) throw new Error('verifying without an order');
    if (last.order.purpose !== 'apply' && !last.complete) return awaitResults(incident, hub, last.order);
    if (last.order.purpose === 'rollback') return undone(incident, hub);
    if (incident.reason === 'step_failed') return undo(incident, hub, 'a step failed');
    if (last.order.purpose === 'check') return checked(incident, hub);
    return watched(incident, hub);
  },
};

function watched(incident: Incident, hub: Hub): Outcome {
  const { plan } = incident;
  const now = hub.now();
  const since = began(incident);
  if (since > now) return anew(incident, hub);
  const within = plan?.verify_within ?? 0;
  const deadline = since + (isFromOutside(incident.event) ? Math.max(within, TAKEN_BACK_MS) : within);
  if (metricIsBack(incident, hub, since)) {
    if (plan !== null && plan.post.length > 0) {
      const order = makeOrder(hub, incident, 'check');
      return order === null ? waitFor(now + LOOK_AGAIN_MS) : give(incident, hub, order, 'verifying');
    }
    return resolved(incident, hub);
  }
  if (now < deadline) return waitFor(Math.min(deadline, now + LOOK_AGAIN_MS));
  return undo(incident, hub, 'the metric did not come back in its window');
}

function checked(incident: Incident, hub: Hub): Outcome {
  const worst = worstOf(lastOrder(incident)?.results ?? []);
  if (worst === null) return resolved(incident, hub);
  if (worst.state === 'outcome_unknown') {
    const change = {
      now: hub.now(),
      by: incident.host,
      note: 'a check began and its end is not known',
      reason: 'outcome_unknown',
    };
    return ending(moved(incident, 'outcome_unknown', change), 'order.unknown');
  }
  return undo(incident, hub, 'a check after the fix failed');
}

function undo(incident: Incident, hub: Hub, why: string): Outcome {
  const { plan } = incident;
  const now = hub.now();
  if (plan === null || undoable(incident, plan).length === 0) {
    const change = { now, by: 'hub', note: `${why}; nothing to undo`, reason: 'did_not_help' };
    return ending(moved(incident, 'rolled_back', change), 'plan.did_not_help');
  }
  const order = makeOrder(hub, incident, 'rollback');
  return order === null ? waitFor(now + LOOK_AGAIN_MS) : give(incident, hub, order, 'verifying');
}

function undone(incident: Incident, hub: Hub): Outcome {
  const worst = worstOf(lastOrder(incident)?.results ?? []);
  const now = hub.now();
  const by = incident.host;
  if (worst === null) {
    return ending(
      moved(incident, 'rolled_back', { now, by, note: 'undone', reason: 'did_not_help' }),
      'plan.rolled_back',
    );
  }
  if (worst.state === 'outcome_unknown') {
    const change = { now, by, note: 'undoing began and its end is not known', reason: 'outcome_unknown' };
    return ending(moved(incident, 'outcome_unknown', change), 'order.unknown');
  }
  return ending(
    moved(incident, 'failed', { now, by, note: `undoing ${worst.state}`, reason: 'rollback_failed' }),
    'order.failed',
  );
}

function resolved(incident: Incident, hub: Hub): Outcome {
  const note = `${incident.event.metric ?? incident.event.signal} is back to normal`;
  return ending(moved(incident, 'resolved', { now: hub.now(), by: incident.host, note }), 'incident.resolved');
}

/** The hub's clock was set back: the window begins anew, since by that clock it would not end for as long as that. */
function anew(incident: Incident, hub: Hub): Outcome {
  const now = hub.now();
  const data = { since: began(incident), now };
  return {
    kind: 'move',
    incident: { ...incident, watched: now, updated: now },
    audit: { kind: 'clock.set_back', incident: incident.id, actor: 'hub', data },
  };
}

/** When the watching began: repeats of the anomaly update the incident, and must not prolong its window. */
function began(incident: Incident): number {
  if (incident.watched !== undefined) return incident.watched;
  const start = incident.timeline.findLastIndex(({ state }) => state !== 'verifying') + 1;
  return incident.timeline[start]?.ts ?? incident.updated;
}

/** The newest samples since then are all on the healthy side of the limit that was crossed. */
function metricIsBack(incident: Incident, hub: Hub, since: number): boolean {
  const { metric, limit } = incident.event;
  // No agent has measured it: only who has raised the alert knows, and a repeat takes its word back.
  if (isFromOutside(incident.event)) return incident.recovered !== undefined;
  if (metric === undefined || limit === undefined) return true;
  const newest = readSamples(hub.store, incident.host, { since, limit: TIMES.healthySamples });
  const values = newest.map(({ values }) => values[metric] ?? null);
  const healthy = (value: number | null) =>
    value !== null && (limit.healthy === 'below' ? value < limit.value : value > limit.value);
  return values.length >= TIMES.healthySamples && values.every(healthy);
}
