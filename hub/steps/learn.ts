import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import type { Outcome, Step } from './step.ts';

/** How often a playbook was run for one kind of trouble, and how often it helped. */
export interface PlaybookRecord {
  readonly ran: number;
  readonly helped: number;
}

const recordName = (playbook: string, signal: string): string => `playbook:${playbook}:${signal}`;

/** Counts whether the playbook helped: what the next diagnosis of the same trouble weighs. */
export const learn: Step = {
  name: 'learn',
  ready: (incident) => incident.state === 'resolved' && !incident.learned,
  async run(incident: Incident, hub: Hub): Promise<Outcome> {
    const playbook = incident.orders.length === 0 ? null : (incident.plan?.playbook ?? null);
    const outcomes = [
      ...incident.tried.map((id) => ({ id, helped: false })),
      ...(playbook ? [{ id: playbook, helped: true }] : []),
    ];
    const { signal } = incident.event;
    return {
      kind: 'move',
      incident: { ...incident, learned: true, updated: hub.now() },
      audit: { kind: 'incident.learned', incident: incident.id, actor: 'hub', data: { outcomes } },
      also: () => {
        for (const { id, helped } of outcomes) {
          const { ran, helped: before } = recordOf(hub, id, signal);
          void hub.store.meta.put(recordName(id, signal), { ran: ran + 1, helped: before + (helped ? 1 : 0) });
        }
      },
    };
  },
};

/** What is known of a playbook's past on this kind of trouble. */
export function recordOf(hub: Pick<Hub, 'store'>, playbook: string, signal: string): PlaybookRecord {
  return (hub.store.meta.get(recordName(playbook, signal)) as PlaybookRecord | undefined) ?? { ran: 0, helped: 0 };
}
