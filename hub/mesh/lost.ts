import type { Birth } from '../../broker/messages.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Hub } from '../hub.ts';
import { heardOf, missingOf, putHeard } from './heard.ts';

/**
 * Inside a transaction: what a birth says that its agent has lost is recorded, once, and counts as heard from then on.
 * What came in time after all is not lost.
 */
export function noteLost(hub: Hub, { agent, lost = [] }: Pick<Birth, 'agent' | 'lost'>): void {
  const { store, key, now, log } = hub;
  for (const { boot, from, to } of lost) {
    if (from > to) continue;
    for (const [first, last] of missingOf(heardOf(store, agent, boot), [from, to])) {
      const data = { boot, from: first, to: last };
      appendAudit(store, key, { kind: 'agent.lost', incident: null, actor: agent, data }, now());
      log.warn('an agent has lost events or results: its disk was full of newer ones', { agent, ...data });
    }
    putHeard(store, agent, boot, [from, to]);
  }
}
