import type { Signed } from '../../broker/approvals.ts';
import { decodeCbor } from '../../broker/cbor.ts';
import { int, pattern, record, text } from '../../broker/shape.ts';
import { NAMESPACES, sshVerify } from '../../broker/sshsig.ts';
import { ID } from '../../broker/topics.ts';
import type { Hub } from '../hub.ts';
import { TIMES } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { ActError, reject } from '../steps/approve.ts';
import { checkHost } from './scope.ts';

/** What an operator signs who rejects from afar: of which site, which incident as it was shown, and for how long. */
export const rejection = record({
  site: pattern(ID, 'an id'),
  incident: pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'an incident id'),
  /** When the incident that was shown last changed: after it has moved on, the signature is worth nothing. */
  updated: int(),
  by: text(128),
  note: text(500),
  not_after: int(),
});

/**
 * Takes a rejection that an operator signed (SSHSIG, namespace `sentinel-reject`). Throws ActError or SignatureError;
 * moves to `rejected`.
 */
export async function acceptRejection(hub: Hub, incident: Incident, { payload, signature }: Signed): Promise<void> {
  const said = rejection(decodeCbor(payload), '');
  const operator = hub.roster.operators.find(({ name }) => name === said.by);
  if (operator === undefined) throw new ActError('E_ACT_ROLE', `${said.by} is not on the roster`);
  sshVerify(payload, signature, NAMESPACES.rejection, operator.key, operator.sk);
  if (operator.role === 'viewer') throw new ActError('E_ACT_ROLE', `${said.by} may look, not act`);
  checkHost(hub, operator, incident.host);
  if (said.site !== hub.site.name || said.incident !== incident.id) {
    throw new ActError('E_ACT_MISMATCH', 'the rejection is for another incident');
  }
  const now = hub.now();
  if (said.not_after <= now || said.not_after > now + TIMES.approval + 60_000) {
    throw new ActError(
      'E_ACT_MISMATCH',
      `a rejection lasts at most ${TIMES.approval / 60_000} minutes, and this one is over or longer`,
    );
  }
  if (said.updated !== incident.updated) {
    throw new ActError('E_ACT_PLAN_CHANGED', 'the incident has changed since it was shown: look again, then reject');
  }
  await reject(hub, incident, said.by, said.note);
}
