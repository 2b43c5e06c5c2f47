import { automationList } from './automation-list.ts';
import type { CheckRow, EvaluationCase, HostRow } from './desk.ts';
import { fleetListing } from './fleet-listing.ts';
import type { Grouped } from './grouped.ts';
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

/** The hosts as they are shown: filtered, and in the order that the operator chose. */
export function shownHosts({ desk, ui }: Pick<Model, 'desk' | 'ui'>): Grouped<HostRow> {
  const filter = ui.view === 'hosts' ? ui.filter : '';
  return fleetListing({ hosts: desk.hosts, incidents: desk.incidents, filter, order: ui.fleetOrder });
}

/** What the filter leaves of the playbooks. */
export function shownPlaybooks(model: Pick<Model, 'shelf' | 'ui'>): ReturnType<Model['shelf']['playbooks']>['rows'] {
  const { rows } = model.shelf.playbooks();
  if (model.ui.filter === '' || model.ui.view !== 'playbooks') return rows;
  const good = matches(model.ui.filter);
  return rows.filter((one) => good(`${one.id} ${one.title} ${one.class} ${one.signals.join(' ')}`.toLowerCase()));
}

/** What the filter leaves of the scenarios; those that failed stand first. */
export function shownCases({ shelf, ui }: Pick<Model, 'shelf' | 'ui'>): readonly EvaluationCase[] {
  const cases = shelf.evaluation()?.cases ?? [];
  const good = matches(ui.view === 'eval' ? ui.filter : '');
  const shown = cases.filter((one) => good(`${one.id} ${one.class} ${one.outcome} ${one.cause}`.toLowerCase()));
  return [
    ...shown.filter(({ outcome }) => outcome === 'failed'),
    ...shown.filter(({ outcome }) => outcome !== 'failed'),
  ];
}

/** What the filter leaves of the doctor's checks; what is wrong stands first. */
export function shownChecks({ shelf, ui }: Pick<Model, 'shelf' | 'ui'>): readonly CheckRow[] {
  const good = matches(ui.view === 'doctor' ? ui.filter : '');
  const shown = shelf.doctor().rows.filter((one) => good(`${one.check} ${one.what} ${one.todo}`.toLowerCase()));
  return [...shown.filter(({ ok }) => !ok), ...shown.filter(({ ok }) => ok)];
}

/** The ids of a list as it is shown now. */
export function idsOf(list: ListName, model: Model): Ids {
  const { desk, ui, now } = model;
  switch (list) {
    case 'incidents': {
      const shown = listing(desk.incidents, ui.view === 'incidents' ? ui.filter : '', now);
      return { size: shown.size, at: (index) => shown.at(index)?.id, indexOf: shown.indexOf };
    }
    case 'hosts': {
      const shown = shownHosts(model);
      return { size: shown.size, at: (index) => shown.at(index)?.agent, indexOf: shown.indexOf };
    }
    case 'playbooks':
      return ofArray(shownPlaybooks(model).map(({ id }) => id));
    case 'audit':
      return ofRecords(desk.auditRecords);
    case 'automation': {
      const shown = automationList(model.shelf.automation());
      return { size: shown.size, at: (index) => shown.at(index)?.id, indexOf: shown.indexOf };
    }
    case 'eval':
      return ofArray(shownCases(model).map(({ id }) => id));
    case 'doctor':
      return ofArray(shownChecks(model).map(({ id }) => id));
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
