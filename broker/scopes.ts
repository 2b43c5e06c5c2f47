import { EFFECTS, type Effect } from '../policy/verdict.ts';
import type { Operator } from './roster.ts';

const HOST = 'host:[a-z0-9][a-z0-9-]{0,47}';
const WORD = '[A-Za-z0-9][A-Za-z0-9._-]{0,62}';
const PAIR = `${WORD}(?:=${WORD})?`;
/** A tag of a host: a word, or `key=word`. */
export const TAG = new RegExp(`^${PAIR}$`);

/** One host by its id, or every host that carries a tag (agent/drop-in/tags.ts): a group of hosts is a tag. */
export const PLACE = new RegExp(`^(?:${HOST}|tag:${PAIR})$`);
/** What an operator may be kept to: places, and the worst effect of what they may approve. */
export const SCOPE = new RegExp(`^(?:${HOST}|tag:${PAIR}|effect:(?:read|restart|change|destroy))$`);

const isCeiling = (scope: string): boolean => scope.startsWith('effect:');

/**
 * Whether a host with these tags is the operator's to act on. Without a place every host is; tags that are not known, and
 * a scope of a kind that is not known, cover nothing. The hub asks this, and each agent asks it again about itself.
 */
export function covers({ scopes }: Pick<Operator, 'scopes'>, host: string, tags: readonly string[] | null): boolean {
  const places = scopes.filter((scope) => !isCeiling(scope));
  if (places.length === 0) return true;
  return places.some(
    (scope) => scope === `host:${host}` || (scope.startsWith('tag:') && tags?.includes(scope.slice(4)) === true),
  );
}

/** Whether what concerns every host is the operator's to do: who is kept to anything does nothing of that kind. */
export const coversSite = ({ scopes }: Pick<Operator, 'scopes'>): boolean => scopes.length === 0;

/** The worst effect that these operators may all approve; an effect that is not known is none. */
export function ceilingOf(operators: readonly Pick<Operator, 'scopes'>[]): Effect | null {
  const named = operators.flatMap(({ scopes }) => scopes.filter(isCeiling));
  const places = named.map((scope) => EFFECTS.findIndex((effect) => scope === `effect:${effect}`));
  return EFFECTS[Math.min(EFFECTS.length - 1, ...places)] ?? null;
}

/** Whether an effect is no worse than a ceiling. */
export const isWithin = (effect: Effect, ceiling: Effect | null): boolean =>
  ceiling !== null && EFFECTS.indexOf(effect) <= EFFECTS.indexOf(ceiling);
