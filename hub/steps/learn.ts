import type { Hub } from '../hub.ts';
import type { Incident, State } from '../incident.ts';
import type { Store } from '../store/store.ts';
import type { Outcome, Step } from './step.ts';

/** How often a playbook was run for one kind of trouble, and how often it helped. */
export interface PlaybookRecord {
  readonly ran: number;
  readonly helped: number;
}

/** A playbook's past on one signal anywhere at the site, or on one fingerprint of one host. */
export type RecordScope = { readonly signal: string } | { readonly host: string; readonly fingerprint: string };

const NOTHING: PlaybookRecord = { ran: 0, helped: 0 };

const recordName = (playbook: string, scope: RecordScope): string =>
  'signal' in scope
    ? `playbook:${playbook}:${scope.signal}`
    : `playbook:${playbook}:${scope.host}:${scope.fingerprint}`.slice(0, 400);

/** Nothing more comes of the plan in one of these. */
const ENDED: ReadonlySet<State> = new Set(['resolved', 'rejected', 'escalated', 'failed', 'outcome_unknown']);

/** Counts whether each playbook that was run helped: what the next diagnosis of the same trouble weighs. */
export const learn: Step = {
  name: 'learn',
  ready: (incident) => !incident.learned && ENDED.has(incident.state) && outcomesOf(incident).length > 0,
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const outcomes = outcomesOf(incident);
    const { host, fingerprint } = incident;
    const { signal } = incident.event;
    return {
      kind: 'move',
      incident: { ...incident, learned: true, updated: hub.now() },
      audit: { kind: 'incident.learned', incident: incident.id, actor: 'hub', data: { outcomes } },
      also: () => {
        for (const { id, helped } of outcomes)
          for (const scope of [{ signal }, { host, fingerprint }]) count(hub.store, id, scope, helped);
      },
    };
  },
};

/** What is known of a playbook's past in this scope. */
export function recordOf(store: Store, playbook: string, scope: RecordScope): PlaybookRecord {
  return (store.meta.get(recordName(playbook, scope)) as PlaybookRecord | undefined) ?? NOTHING;
}

function count(store: Store, playbook: string, scope: RecordScope, helped: boolean): void {
  const before = recordOf(store, playbook, scope);
  void store.meta.put(recordName(playbook, scope), {
    ran: before.ran + 1,
    helped: before.helped + (helped ? 1 : 0),
  } satisfies PlaybookRecord);
}

/** Playbooks that changed something, and whether it helped: a dry run and what was refused before it began say nothing. */
function outcomesOf(incident: Incident): readonly { readonly id: string; readonly helped: boolean }[] {
  const { state, reason, plan, tried, results } = incident;
  const before = tried.map((id) => ({ id, helped: false }));
  const began = results.some(
    (one) => one.step?.phase === 'step' && ['done', 'failed', 'timeout', 'outcome_unknown'].includes(one.state),
  );
  if (!began || !plan?.playbook) return before;
  // What recovered by itself after a failed fix is nobody's success.
  const helped = state === 'resolved' && reason !== 'recovered';
  return [...before, { id: plan.playbook, helped }];
}
