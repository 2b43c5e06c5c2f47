import { ulid } from '../../broker/ulid.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Hub } from '../hub.ts';
import { ActError } from '../steps/approve.ts';
import type { Store } from '../store/store.ts';
import { type Labels, type Matcher, parseMatcher } from './matcher.ts';

/** Events that match are not incidents for a while: a maintenance window, or trouble that is known. */
export interface Silence {
  readonly id: string;
  /** An expression of `parseMatcher`. */
  readonly match: string;
  readonly from: number;
  readonly until: number;
  readonly by: string;
  readonly note: string;
}

export const SILENCE_LIMITS = {
  /** Silences at once: each is held against every event that would open an incident. */
  count: 256,
  /** A month: what is silenced for longer is forgotten, and should be a rule. */
  longest: 31 * 86_400_000,
  note: 500,
} as const;

/** Oldest first, with those that have lapsed. */
export const allSilences = (store: Store): readonly Silence[] =>
  [...store.silences.getRange({})].map(({ value }) => value);

const parsed = new Map<string, Matcher>();

/** The first silence that holds now for these labels, if any. */
export function silenceFor(store: Store, labels: Labels, now: number): Silence | undefined {
  return allSilences(store).find((one) => isActive(one, now) && matcherOf(one.match)?.matches(labels));
}

export const isActive = ({ from, until }: Silence, now: number): boolean => from <= now && now < until;

/** What was stored was checked then; should an expression no longer be read, it silences nothing. */
function matcherOf(text: string): Matcher | undefined {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  if (parsed.size > 2 * SILENCE_LIMITS.count) parsed.clear();
  try {
    const matcher = parseMatcher(text);
    parsed.set(text, matcher);
    return matcher;
  } catch {
    return undefined;
  }
}

/** An operator silences what matches, for a while. Throws MatchError or ActError; on the audit chain when it returns. */
export async function addSilence(
  hub: Hub,
  by: string,
  wanted: Pick<Silence, 'match' | 'from' | 'until' | 'note'>,
): Promise<void> {
  const { store, key } = hub;
  const now = hub.now();
  const { text: match } = parseMatcher(wanted.match);
  const from = Math.max(now, wanted.from);
  if (wanted.until <= from) throw new ActError('E_ACT_SILENCE', 'a silence ends after it begins, and not in the past');
  if (wanted.until - from > SILENCE_LIMITS.longest) {
    throw new ActError(
      'E_ACT_SILENCE',
      'a silence lasts at most 31 days: what is known for longer is fixed, or a rule',
    );
  }
  if (allSilences(store).filter(({ until }) => until > now).length >= SILENCE_LIMITS.count) {
    throw new ActError('E_ACT_SILENCE', `there are ${SILENCE_LIMITS.count} silences already: remove some`);
  }
  const silence: Silence = { ...wanted, id: ulid(now), match, from, by };
  await store.write(() => {
    forgetLapsed(store, now);
    void store.silences.put(silence.id, silence);
    appendAudit(store, key, { kind: 'silence.added', incident: null, actor: by, data: { ...silence } }, now);
  });
}

/** An operator ends a silence; it stays on the list, lapsed. Throws ActError when there is no such one. */
export async function removeSilence(hub: Hub, by: string, id: string): Promise<void> {
  const { store, key } = hub;
  const now = hub.now();
  const silence = store.silences.get(id);
  if (silence === undefined) throw new ActError('E_ACT_UNKNOWN', `no silence ${id}`);
  if (silence.until <= now) throw new ActError('E_ACT_SILENCE', 'it has ended already');
  await store.write(() => {
    void store.silences.put(id, { ...silence, from: Math.min(silence.from, now), until: now });
    appendAudit(store, key, { kind: 'silence.removed', incident: null, actor: by, data: { silence: id } }, now);
  });
}

/** Inside a transaction: drops what lapsed more than a longest silence ago, so that the list stays short. */
function forgetLapsed(store: Store, now: number): void {
  for (const { id, until } of allSilences(store)) {
    if (until + SILENCE_LIMITS.longest < now) void store.silences.remove(id);
  }
}
