import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import type { Driver } from '../pipeline.ts';
import { ActError, acceptApproval } from '../steps/approve.ts';
import { acceptSecond } from '../steps/second.ts';
import { getIncident } from '../store/incidents.ts';
import { type Request, type Response, request } from './protocol.ts';
import { refusal } from './refusal.ts';

/** Acts that carry their operator's own signature over all that they say. */
const SIGNED: ReadonlySet<Request['verb']> = new Set(['approve', 'second']);

/**
 * An act that says by its own signature who it is by: it needs no proof beside it, so that an approval takes one touch of
 * a security token and not two. Null where the client says anything else first. Throws ShapeError.
 */
export function signedAct(value: unknown): Request | null {
  const isAct = typeof value === 'object' && value !== null && 'verb' in value;
  const asked = isAct ? request(value, '') : null;
  return asked !== null && SIGNED.has(asked.verb) ? asked : null;
}

/** Carries out a signed act and answers it. Never rejects. */
export async function takeSigned(
  { hub, driver }: { readonly hub: Hub; readonly driver: Driver },
  asked: Request,
): Promise<Response> {
  const { tx, incident: id = '' } = asked;
  try {
    await driver.change(id, async () => {
      const incident = getIncident(hub.store, id);
      if (incident === undefined) throw new ActError('E_ACT_UNKNOWN', `no incident ${id}`);
      await acceptSigned(hub, incident, asked);
    });
    return { tx, ok: 'yes' };
  } catch (error) {
    return refusal(tx, error);
  }
}

/** Holds the act against the incident as it is: see acceptApproval and acceptSecond. */
export function acceptSigned(hub: Hub, incident: Incident, { verb, payload, signature }: Request): Promise<void> {
  if (!SIGNED.has(verb)) throw new ActError('E_ACT_MISMATCH', `${verb} is not about an incident`);
  if (payload === undefined || signature === undefined)
    throw new ActError('E_ACT_MISMATCH', 'an approval needs its signed payload');
  const accept = verb === 'approve' ? acceptApproval : acceptSecond;
  return accept(hub, incident, { payload, signature });
}
