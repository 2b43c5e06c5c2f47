import { REMEMBER, type RememberedRule } from '../broker/remembered.ts';
import type { Incident } from '../hub/incident.ts';
import type { LaterWish, Rememberable } from './alone.ts';
import type { Consent } from './consent.ts';
import type { DeskState } from './desk.ts';
import { groupOf } from './fleet-listing.ts';

/** For how many days an approval can be remembered from here: the stops of + and -. */
const DAYS = [1, 3, 7, 14, REMEMBER.days] as const;
const USUAL = 7;

/** What is signed beside the approval, so that the same commands run again with nobody there. */
export interface Later {
  /** Exactly what is shown, and signed. */
  readonly rule: RememberedRule;
  readonly days: number;
  /** The other hosts of its group too, named one by one. */
  readonly isGroup: boolean;
}

/** What a key asks of it. */
export type LaterAsked = 'once' | Pick<Later, 'days' | 'isGroup'>;

/** What `name` asks of what is remembered; undefined where it is no key of that. */
export function laterKey(later: Later | null, name: string): LaterAsked | undefined {
  if (name === 'm') return later === null ? { days: USUAL, isGroup: false } : 'once';
  if (later === null) return undefined;
  const { days, isGroup } = later;
  if (name === 'g') return { days, isGroup: !isGroup };
  const by = name === '+' ? 1 : name === '-' ? -1 : 0;
  if (by === 0) return undefined;
  const at = Math.max(0, Math.min(DAYS.length - 1, DAYS.findIndex((one) => one >= days) + by));
  return { days: DAYS[at] ?? days, isGroup };
}

/** Of the model what a rule is made from. */
interface Asking {
  readonly incident: Incident | undefined;
  readonly shelf: { rememberable(incident: Incident, wish: LaterWish): Rememberable };
}

/** Why the approval that the dialog is about can't be remembered; empty when it can. */
export function whyNotLater({ incident, shelf }: Asking): string {
  if (incident === undefined) return '';
  const found = shelf.rememberable(incident, { days: USUAL, on: [] });
  return 'why' in found ? found.why.replace(/^it can't be remembered: /, '') : '';
}

/** The dialog with the rule that was asked for in it, shown anew and so to be read anew; or why there is none. */
export function withLater(
  model: Asking & { readonly now: number; readonly desk: Pick<DeskState, 'hosts'> },
  consent: Consent,
  asked: LaterAsked,
): Consent {
  const { incident, shelf, now } = model;
  // From the top: what changed may stand above the rows that are on the screen.
  const changed = { ...consent, settled: now, scroll: 0, read: false, note: '' };
  if (asked === 'once' || incident === undefined) return { ...changed, later: null };
  const on = asked.isGroup ? groupMates(model, incident.host) : [];
  if (asked.isGroup && on.length === 0)
    return { ...consent, note: `no other host is in the group of ${incident.host}` };
  const wish: LaterWish = { days: asked.days, on };
  const found = shelf.rememberable(incident, wish);
  if ('why' in found) return { ...consent, note: found.why };
  return {
    ...changed,
    later: { ...asked, rule: found.rule },
    note: 'read the rule to its end: it stands below the plan',
  };
}

/** The other hosts that stand under the same heading in the fleet; none where nothing is said of the host. */
function groupMates({ desk }: { readonly desk: Pick<DeskState, 'hosts'> }, host: string): readonly string[] {
  const own = desk.hosts.find(({ agent }) => agent === host);
  if (own === undefined || own.tags.length === 0) return [];
  const group = groupOf(own);
  return desk.hosts.filter((one) => one.agent !== host && groupOf(one) === group).map(({ agent }) => agent);
}
