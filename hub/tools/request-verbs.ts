import { bytesOrBase64 } from '../../broker/requests.ts';
import { bool, int, list, maybe, oneOf, pattern, record, text } from '../../broker/shape.ts';
import type { Tool } from '../../broker/tools.ts';
import { viewOfIncident } from '../../broker/views.ts';
import { acceptRejection } from '../acts/rejection.ts';
import { allSilences } from '../correlate/silences.ts';
import type { Hub } from '../hub.ts';
import { CLOSED, type Incident } from '../incident.ts';
import type { Driver } from '../pipeline.ts';
import { ActError, acceptApproval } from '../steps/approve.ts';
import { allOf } from '../steps/plan-of.ts';
import { acceptSecond } from '../steps/second.ts';
import { getIncident, listIncidents, unfinished } from '../store/incidents.ts';
import type { HubStatus } from '../store/store.ts';

/** What a verb gets: the hub, who asks, and the fields of the request, which nobody has looked at yet. */
export interface Asked {
  readonly hub: Hub;
  readonly driver: Driver;
  readonly tool: Tool;
  readonly fields: unknown;
}

/** One page of a list: what fits a message many times over. */
const PAGE = 100;
/** How far back a list of incidents looks for those that are not closed. */
const SEARCHED = 10_000;

const incidentId = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'an incident id');
const agentsAsked = record({ after: maybe(text(48)) });
const listAsked = record({ limit: maybe(int(1, PAGE)), open: maybe(bool) });
const PARTS = ['evidence', 'diagnoses', 'plan', 'results', 'timeline'] as const;
const showAsked = record({ incident: incidentId, parts: maybe(list(oneOf(...PARTS), PARTS.length)) });
const policyAsked = record({ command: text(4_096), host: maybe(text(48)) });
const signedAsked = record({
  incident: incidentId,
  payload: bytesOrBase64(16_384),
  signature: bytesOrBase64(1_024),
});

/**
 * The verbs of `hub/req/CLIENT/VERB`. All but the last three only read. Those three carry an operator's own signature, over
 * what the hub checks as it checks it on its local socket: who carries it there can neither change it nor make another.
 */
export const VERBS: Readonly<Record<string, (asked: Asked) => unknown>> = {
  health: ({ hub }) => health(hub),
  agents: ({ hub, fields }) => agents(hub, agentsAsked(fields, '').after ?? ''),
  'incident-list': ({ hub, fields }) => {
    const { limit = PAGE, open = false } = listAsked(fields, '');
    const newest = listIncidents(hub.store, open ? SEARCHED : limit);
    return newest.filter(({ state }) => !open || !CLOSED.has(state)).slice(0, limit);
  },
  'incident-show': ({ hub, tool, fields }) => {
    const { incident, parts } = showAsked(fields, '');
    return show(incidentOf(hub, incident), tool, parts ?? PARTS);
  },
  silences: ({ hub }) => {
    const now = hub.now();
    return allSilences(hub.store).filter(({ until }) => until > now);
  },
  'policy-check': ({ hub, fields }) => {
    const { command, host } = policyAsked(fields, '');
    const inventory = host === undefined ? null : hub.store.births.get(host)?.inventory;
    if (inventory === undefined) throw new ActError('E_ACT_UNKNOWN', `no agent ${host}`);
    const { decision, rule, effect, reason, alternative } = hub.policy.check(command, inventory);
    return { verdict: decision, rule, effect, reason, alternative: alternative ?? null, policy: hub.policy.hash };
  },
  'incident-approve': async ({ hub, driver, fields }) => {
    const { incident, payload, signature } = signedAsked(fields, '');
    await driver.change(incident, () => acceptApproval(hub, incidentOf(hub, incident), { payload, signature }));
    return { incident };
  },
  'incident-second': async ({ hub, driver, fields }) => {
    const { incident, payload, signature } = signedAsked(fields, '');
    await driver.change(incident, () => acceptSecond(hub, incidentOf(hub, incident), { payload, signature }));
    return { incident };
  },
  'incident-reject': async ({ hub, driver, fields }) => {
    const { incident, payload, signature } = signedAsked(fields, '');
    await driver.change(incident, () => acceptRejection(hub, incidentOf(hub, incident), { payload, signature }));
    return { incident };
  },
};

function incidentOf(hub: Hub, id: string): Incident {
  const incident = getIncident(hub.store, id);
  if (incident === undefined) throw new ActError('E_ACT_UNKNOWN', `no incident ${id}`);
  return incident;
}

function health(hub: Hub) {
  const { store, site, live, policy, now } = hub;
  const status = store.meta.get('hub') as HubStatus | undefined;
  const counted = { online: 0, dead: 0, stopped: 0 };
  for (const { value } of store.presence.getRange({})) counted[value.state]++;
  return {
    site: site.name,
    now: now(),
    started: status?.started ?? null,
    live,
    reasoner: status?.reasoner ?? null,
    policy: policy.hash,
    epoch: hub.roster.epoch,
    agents: counted,
    incidents_open: unfinished(store).length,
  };
}

function agents(hub: Hub, after: string) {
  const found = [];
  for (const { key: agent, value } of hub.store.presence.getRange({ start: after, limit: PAGE + 1 })) {
    if (agent === after) continue;
    if (found.length >= PAGE) break;
    const birth = hub.store.births.get(agent);
    found.push({
      agent,
      state: value.state,
      last_seen: value.last_seen,
      version: birth?.version ?? null,
      live: birth?.can.live ?? null,
      privileged: birth?.can.privileged ?? null,
      tags: birth?.host.tags ?? [],
    });
  }
  return { agents: found, more: found.length === PAGE };
}

/** The summary; what the evidence and the plan say only to a tool that was granted it. */
function show(incident: Incident, { evidence: isGranted }: Tool, parts: readonly (typeof PARTS)[number][]) {
  const summary = viewOfIncident(incident);
  if (!isGranted) return summary;
  const { evidence, diagnoses, plan, plan_hash, results, timeline } = incident;
  const commands = plan === null ? [] : allOf(plan);
  const whole = {
    evidence: evidence === null ? null : { taken: evidence.taken, items: evidence.items, similar: evidence.similar },
    diagnoses,
    plan:
      plan === null
        ? null
        : {
            hash: plan_hash,
            by: plan.by,
            playbook: plan.playbook,
            root_cause: plan.root_cause,
            confidence: plan.confidence,
            risk: plan.risk,
            decision: plan.decision,
            alternatives: plan.alternatives,
            expires: plan.expires,
            commands: commands.map(({ phase, number, command, explanation, verdict }) => ({
              phase,
              number,
              command,
              explanation,
              verdict: verdict.decision,
              rule: verdict.rule,
              reason: verdict.reason,
            })),
          },
    results,
    timeline,
  };
  return { ...summary, ...Object.fromEntries(parts.map((part) => [part, whole[part]])) };
}
