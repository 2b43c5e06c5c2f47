import type { Incident, State } from '../incident.ts';
import type { Store } from '../store/store.ts';
import { steadyTime } from './steady-time.ts';

/** What failed with nobody there is a person's for a day: long enough for one to have looked. */
export const BREAKER_OPEN_MS = 24 * 3_600_000;

/** An automatic plan that ends so did not help, or did harm. */
const FAILED: ReadonlySet<State> = new Set(['rolled_back', 'failed', 'outcome_unknown']);

const nameOf = (kind: 'host' | 'playbook', name: string): string => `breaker:${kind}:${name}`;

interface Opened {
  readonly at: number;
  readonly incident: string;
}

/**
 * Inside the transaction of a transition: a plan that ran alone and did not help opens the breaker of its host and of
 * its playbook, so that neither a sick host nor a bad playbook is met again with nobody there.
 */
export function noteEnd(store: Store, incident: Incident, uptime: number): void {
  const { approval, state, plan, host, id } = incident;
  if (approval?.alone !== true || !FAILED.has(state)) return;
  const opened: Opened = { at: steadyTime(store, uptime), incident: id };
  void store.meta.put(nameOf('host', host), opened);
  if (plan?.playbook) void store.meta.put(nameOf('playbook', plan.playbook), opened);
}

/** The incident whose automatic plan opened the breaker of this host or playbook within a day; null when both are closed. */
export function openedBy(store: Store, host: string, playbook: string, uptime: number): Promise<string | null> {
  return store.write(() => {
    const now = steadyTime(store, uptime);
    for (const name of [nameOf('host', host), nameOf('playbook', playbook)]) {
      const opened = store.meta.get(name) as Opened | undefined;
      if (opened !== undefined && opened.at > now - BREAKER_OPEN_MS) return opened.incident;
    }
    return null;
  });
}

/** Every breaker that was ever opened and not overwritten, with when, in steady time. */
export function openedBreakers(
  store: Store,
): readonly (Opened & { readonly of: 'host' | 'playbook'; readonly name: string })[] {
  const range = store.meta.getRange({ start: 'breaker:', end: 'breaker:\uffff' });
  return [...range].flatMap(({ key, value }) => {
    const [, of = '', name = ''] = /^breaker:(host|playbook):(.*)$/s.exec(key) ?? [];
    return of === 'host' || of === 'playbook' ? [{ ...(value as Opened), of, name }] : [];
  });
}
