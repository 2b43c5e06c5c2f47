import { needsTwo } from '../broker/two-person.ts';
import type { Incident } from '../hub/incident.ts';
import { firstOf } from '../hub/steps/first.ts';
import type { DeskState } from './desk.ts';
import { long } from './quantity.ts';

/** That one of two persons has approved, and how long that holds; null while nobody has, or nobody else need. */
export function awaitedWords(incident: Incident, desk: Pick<DeskState, 'operator'>, now: number): string | null {
  const first = firstOf(incident);
  if (first === null) return null;
  if (first.not_after <= now) return `1 of 2: what ${first.by} approved has lapsed`;
  const who = first.by === desk.operator ? 'you' : first.by;
  return `1 of 2: ${who}, waiting for another, ${long(first.not_after - now)} left`;
}

/** What this operator's approval with these steps included would be one of; null where it is the only one. */
export function agreementWords(
  incident: Incident,
  desk: Pick<DeskState, 'operator' | 'twoPerson' | 'hosts'>,
  reviewed: readonly number[],
  now: number,
): string | null {
  const { host } = incident;
  const first = firstOf(incident);
  if (first !== null && first.by !== desk.operator && first.not_after > now) {
    const included = first.reviewed.length === 0 ? '' : ` with step ${first.reviewed.join(', ')} included`;
    return `2 of 2: ${first.by} has approved${included}. With yours it runs.`;
  }
  const tags = desk.hosts.find(({ agent }) => agent === host)?.tags ?? null;
  if (!needsTwo({ two_person: desk.twoPerson }, { host, reviewed }, tags)) return null;
  return '1 of 2: two persons must agree. Yours is the first, and nothing runs before another’s.';
}
