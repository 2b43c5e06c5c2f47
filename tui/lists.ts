import { listing, matches } from './listing.ts';
import type { Model } from './model.ts';
import type { ViewName } from './places.ts';
import { questions } from './questions.ts';

/** The lists that have a selection. */
export type ListName = Exclude<ViewName, 'policy'> | 'probe';

/** What a list holds, in order, however long it is: only what is asked for is read. */
export interface Ids {
  readonly size: number;
  at(index: number): string | undefined;
  /** -1 when it is not in the list. */
  indexOf(id: string): number;
}

const ofArray = (ids: readonly string[]): Ids => ({
  size: ids.length,
  at: (index) => ids[index],
  indexOf: (id) => ids.indexOf(id),
});

/** Records are named by their number; the newest stands first. */
function ofRecords(count: number): Ids {
  const place = (id: string) => count - Number(id);
  return {
    size: count,
    at: (index) => (index >= 0 && index < count ? String(count - index) : undefined),
    indexOf: (id) => (place(id) >= 0 && place(id) < count ? place(id) : -1),
  };
}

/** What the filter leaves of the hosts. */
export function shownHosts(model: Pick<Model, 'desk' | 'ui'>): Model['desk']['hosts'] {
  if (model.ui.filter === '' || model.ui.view !== 'hosts') return model.desk.hosts;
  const good = matches(model.ui.filter);
  return model.desk.hosts.filter(({ agent, state, live }) =>
    good(`${agent} ${state} ${live ? 'live' : 'dry-run'}`.toLowerCase()),
  );
}

/** What the filter leaves of the playbooks. */
export function shownPlaybooks(model: Pick<Model, 'shelf' | 'ui'>): ReturnType<Model['shelf']['playbooks']>['rows'] {
  const { rows } = model.shelf.playbooks();
  if (model.ui.filter === '' || model.ui.view !== 'playbooks') return rows;
  const good = matches(model.ui.filter);
  return rows.filter((one) => good(`${one.id} ${one.title} ${one.class} ${one.signals.join(' ')}`.toLowerCase()));
}

/** The ids of a list as it is shown now. */
export function idsOf(list: ListName, model: Model): Ids {
  const { desk, ui, now } = model;
  switch (list) {
    case 'incidents': {
      const shown = listing(desk.incidents, ui.view === 'incidents' ? ui.filter : '', now);
      return { size: shown.size, at: (index) => shown.at(index)?.id, indexOf: shown.indexOf };
    }
    case 'hosts':
      return ofArray(shownHosts(model).map(({ agent }) => agent));
    case 'playbooks':
      return ofArray(shownPlaybooks(model).map(({ id }) => id));
    case 'audit':
      return ofRecords(desk.auditRecords);
    case 'automation':
      return ofArray(model.shelf.automation().routes.map(({ incident }) => incident));
    case 'probe':
      return ofArray(questions(model).map(({ id }) => id));
    default:
      return list satisfies never;
  }
}

/** What is selected when one goes `by` rows on; stops at both ends. */
export function stepped(ids: Ids, picked: string | null, by: number): string | null {
  const from = picked === null ? 0 : Math.max(0, ids.indexOf(picked));
  return ids.at(Math.max(0, Math.min(ids.size - 1, from + by))) ?? null;
}
