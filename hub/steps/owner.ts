import type { Operator } from '../../broker/roster.ts';
import { covers } from '../../broker/scopes.ts';
import type { Hub } from '../hub.ts';
import { tagsOf } from '../store/hosts.ts';

/** Who may decide on this host, in the order in which they are asked: admins first, then approvers, as the roster has them. */
export function ableOn({ roster, store }: Hub, host: string): readonly Operator[] {
  const tags = tagsOf(store, host);
  return (['admin', 'approver'] as const).flatMap((role) =>
    roster.operators.filter((one) => one.role === role && covers(one, host, tags)),
  );
}

/** The named person whom an incident on this host waits for. */
export const ownerOf = (hub: Hub, host: string): string => ableOn(hub, host)[0]?.name ?? 'nobody';
