import type { KeyPair } from '../../broker/keys.ts';
import { ulid } from '../../broker/ulid.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Labels } from '../correlate/matcher.ts';
import { CLOSED, type Incident } from '../incident.ts';
import type { Store } from '../store/store.ts';
import type { Channel } from './channels.ts';

/** How long things may take: one table, each with its reason. */
export const NOTIFY = {
  /** From a change to its telling: what opens, is diagnosed and is proposed within a moment is told once. */
  gatherMs: 2_000,
  /** The same trouble in the same state is told again only after this. */
  quietMs: 600_000,
  /** After a failure the next try waits so long, then twice as long each time, up to the most. */
  backoffMs: 5_000,
  backoffMostMs: 900_000,
  /** What could not be told for three days is given up: it would tell of a past. */
  keepMs: 3 * 86_400_000,
} as const;

/** Something that a channel is still to be told: which incident, and when it is tried next. What is told is its state then. */
export interface Pending {
  /** The same over all tries, so that a receiver knows a repetition. */
  readonly id: string;
  readonly since: number;
  readonly due: number;
  readonly tries: number;
}

/** What a channel was last told of one trouble of one host. */
export interface Told {
  readonly state: Incident['state'];
  readonly playbook: string | null;
  readonly at: number;
}

/** An incident whose telling is due. */
export interface DueNotice {
  readonly incident: string;
  readonly pending: Pending;
}

/** Whether a channel wants to know of an incident as it stands now. */
export function isWanted(channel: Channel, incident: Incident, labels: Labels): boolean {
  // Who has taken an incident on has it until it closes: nobody is told of it again before.
  if (incident.acknowledged !== undefined && !CLOSED.has(incident.state)) return false;
  return channel.states.includes(incident.state) && (channel.match?.matches(labels) ?? true);
}

/** Inside the transaction that changed the incident's state: it is to be told, once, however often it changes before. */
export function putPending(store: Store, channel: string, incident: string, now: number): void {
  if (store.notices.get([channel, incident]) !== undefined) return;
  const pending: Pending = { id: ulid(now), since: now, due: now + NOTIFY.gatherMs, tries: 0 };
  void store.notices.put([channel, incident], pending);
}

/** What is due for a channel, oldest first. */
export function dueNotices(store: Store, channel: string, now: number): readonly DueNotice[] {
  return [...store.notices.getRange({ start: [channel, ''], end: [channel, '\uffff'] })]
    .filter(({ value }) => value.due <= now)
    .map(({ key, value }) => ({ incident: key[1], pending: value }))
    .sort((a, b) => a.pending.tries - b.pending.tries || a.pending.since - b.pending.since);
}

/** How many incidents a channel is still to be told of. */
export const waitingNotices = (store: Store, channel: string): number =>
  store.notices.getKeysCount({ start: [channel, ''], end: [channel, '\uffff'] });

/** Whether this was told already, and not long ago: the same trouble of the same host, in the same state, with the same plan. */
export function wasTold(store: Store, channel: string, incident: Incident, now: number): boolean {
  const told = store.told.get(toldKey(channel, incident));
  if (told === undefined || now - told.at >= NOTIFY.quietMs) return false;
  return told.state === incident.state && told.playbook === (incident.plan?.playbook ?? null);
}

/** It was told: nothing waits any more, unless it changed while it was being told. */
export function markTold(
  store: Store,
  key: KeyPair,
  channel: string,
  { incident, pending }: { readonly incident: Incident; readonly pending: Pending },
  now: number,
): Promise<void> {
  const { id, state } = incident;
  return store.write(() => {
    void store.notices.remove([channel, id]);
    const present = store.incidents.get(id);
    if (present !== undefined && present.state !== state) putPending(store, channel, id, now);
    forgetTold(store, channel, now);
    void store.told.put(toldKey(channel, incident), { state, playbook: incident.plan?.playbook ?? null, at: now });
    const data = { channel, state, notice: pending.id, tries: pending.tries + 1 };
    appendAudit(store, key, { kind: 'notice.sent', incident: id, actor: 'hub', data }, now);
  });
}

/** There is nothing to tell of it any more. */
export function dropPending(store: Store, channel: string, incident: string): Promise<void> {
  return store.write(() => void store.notices.remove([channel, incident]));
}

/** It could not be told for so long that it is given up; the audit chain keeps that. */
export function giveUp(store: Store, key: KeyPair, channel: string, due: DueNotice, now: number): Promise<void> {
  const { incident, pending } = due;
  return store.write(() => {
    void store.notices.remove([channel, incident]);
    const data = { channel, notice: pending.id, tries: pending.tries };
    appendAudit(store, key, { kind: 'notice.given_up', incident, actor: 'hub', data }, now);
  });
}

/** The channel answered that it does not take it: it is tried again later, and others go before. */
export function postpone(store: Store, channel: string, { incident, pending }: DueNotice, due: number): Promise<void> {
  return store.write(() => void store.notices.put([channel, incident], { ...pending, due, tries: pending.tries + 1 }));
}

/** A fingerprint may be longer than a key: its end is what tells two apart least. */
const toldKey = (channel: string, { host, fingerprint }: Incident): [string, string, string] => [
  channel,
  host,
  fingerprint.slice(0, 256),
];

/** Inside a transaction: what was told longer ago than it counts. */
function forgetTold(store: Store, channel: string, now: number): void {
  for (const { key, value } of [...store.told.getRange({ start: [channel, '', ''], end: [channel, '\uffff', ''] })]) {
    if (now - value.at >= NOTIFY.quietMs) void store.told.remove(key);
  }
}
