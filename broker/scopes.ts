import type { Operator } from './roster.ts';

/** What an operator may be kept to: one host by its id, or every host that carries a tag (agent/drop-in/tags.ts). */
export const SCOPE =
  /^(?:host:[a-z0-9][a-z0-9-]{0,47}|tag:[A-Za-z0-9][A-Za-z0-9._-]{0,62}(?:=[A-Za-z0-9][A-Za-z0-9._-]{0,62})?)$/;

/**
 * Whether a host with these tags is the operator's to act on. Without a scope every host is; tags that are not known, and
 * a scope of a kind that is not known, cover nothing. The hub asks this, and each agent asks it again about itself.
 */
export function covers({ scopes }: Pick<Operator, 'scopes'>, host: string, tags: readonly string[] | null): boolean {
  if (scopes.length === 0) return true;
  return scopes.some(
    (scope) => scope === `host:${host}` || (scope.startsWith('tag:') && tags?.includes(scope.slice(4)) === true),
  );
}

/** Whether what concerns every host is the operator's to do. */
export const coversSite = ({ scopes }: Pick<Operator, 'scopes'>): boolean => scopes.length === 0;
