import { ulid } from '../../broker/ulid.ts';
import { appendAudit } from '../chain/audit.ts';
import { labelsOf } from '../correlate/labels.ts';
import { type Matcher, parseMatcher } from '../correlate/matcher.ts';
import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { ActError } from '../steps/approve.ts';
import { getIncident } from './incidents.ts';
import type { Store } from './store.ts';

/** Incidents that are kept whatever their age, for an inquiry: one, or all that match, those to come among them. */
export interface Hold {
  readonly id: string;
  /** The incident's id, or null. */
  readonly incident: string | null;
  /** An expression of `parseMatcher`, or null. */
  readonly match: string | null;
  readonly from: number;
  readonly by: string;
  readonly note: string;
}

/** Each is held against every closed incident that is old enough to go. */
export const HOLDS_MAX = 256;

/** Oldest first; a reader finds no table that no writer has made yet. */
export function allHolds(store: Store): readonly Hold[] {
  const holds = store.holds as Store['holds'] | undefined;
  return holds === undefined ? [] : [...holds.getRange({})].map(({ value }) => value);
}

/** Puts incidents on hold. Throws ActError or MatchError; in the audit chain when it returns. */
export async function addHold(
  hub: Hub,
  by: string,
  wanted: { readonly incident: string | undefined; readonly match: string; readonly note: string },
): Promise<string> {
  const { store, key } = hub;
  const { incident, note } = wanted;
  if ((incident === undefined) === (wanted.match === ''))
    throw new ActError('E_ACT_HOLD', 'a hold is on one incident, or on all that match an expression');
  const now = hub.now();
  const match = incident === undefined ? parseMatcher(wanted.match).text : null;
  const hold: Hold = { id: ulid(now), incident: incident ?? null, match, from: now, by, note };
  // Asked here: others may be adding theirs, and it may be among those that are being taken out.
  const refused = await store.write(() => {
    if (allHolds(store).length >= HOLDS_MAX)
      return new ActError('E_ACT_HOLD', `there are ${HOLDS_MAX} holds already: release some`);
    if (incident !== undefined && getIncident(store, incident) === undefined)
      return new ActError('E_ACT_UNKNOWN', `no incident ${incident}`);
    void store.holds.put(hold.id, hold);
    appendAudit(store, key, { kind: 'hold.added', incident: hold.incident, actor: by, data: { ...hold } }, now);
    return null;
  });
  if (refused !== null) throw refused;
  return hold.id;
}

/** Ends a hold: what it kept goes when its time has come. Throws ActError. */
export async function releaseHold(hub: Hub, by: string, id: string, note: string): Promise<void> {
  const { store, key } = hub;
  const hold = store.holds.get(id);
  if (hold === undefined) throw new ActError('E_ACT_UNKNOWN', `no hold ${id}`);
  await store.write(() => {
    void store.holds.remove(id);
    const data = { hold: id, match: hold.match, note };
    appendAudit(store, key, { kind: 'hold.released', incident: hold.incident, actor: by, data }, hub.now());
  });
}

/** Whether an incident is on hold, by the holds as they are now. */
export function heldBy({ store, correlation }: Pick<Hub, 'store' | 'correlation'>): (id: string) => boolean {
  const holds = allHolds(store);
  if (holds.length === 0) return () => false;
  const single = new Set(holds.flatMap(({ incident }) => incident ?? []));
  const matchers = holds.flatMap(({ match }) => (match === null ? [] : [matcherOf(match)]));
  return (id) => {
    if (single.has(id)) return true;
    const incident = matchers.length === 0 ? undefined : getIncident(store, id);
    return incident !== undefined && matchers.some((matcher) => matcher === null || matches(matcher, incident));
  };

  function matches(matcher: Matcher, { host, event }: Incident): boolean {
    const tags = store.births.get(host)?.host.tags ?? [];
    return matcher.matches(labelsOf(event, tags, correlation.services));
  }
}

/** What was stored was checked then; should an expression no longer be read, it holds everything: nothing is lost by that. */
function matcherOf(text: string): Matcher | null {
  try {
    return parseMatcher(text);
  } catch {
    return null;
  }
}
