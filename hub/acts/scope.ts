import type { Operator } from '../../broker/roster.ts';
import { covers, coversSite } from '../../broker/scopes.ts';
import type { Hub } from '../hub.ts';
import { ActError } from '../steps/approve.ts';
import { tagsOf } from '../store/hosts.ts';

/** Throws ActError unless the host is this operator's to act on. */
export function checkHost(hub: Pick<Hub, 'store'>, operator: Operator, host: string): void {
  if (covers(operator, host, tagsOf(hub.store, host))) return;
  throw new ActError('E_ACT_SCOPE', `${operator.name} may act on ${operator.scopes.join(', ')} alone, not on ${host}`);
}

/** Throws ActError unless this operator may do what concerns every host. */
export function checkWholeSite(operator: Operator): void {
  if (coversSite(operator)) return;
  const scopes = operator.scopes.join(', ');
  throw new ActError('E_ACT_SCOPE', `${operator.name} may act on ${scopes} alone, and this concerns every host`);
}
