import type { RememberedRead } from '../hub/automation/read.ts';
import type { Automation } from './alone.ts';
import { type Grouped, grouped } from './grouped.ts';
import type { Model } from './model.ts';

/** A line of the automation's list: an approval that is remembered, or how a plan was sent. */
export type AutomationEntry =
  | { readonly type: 'rule'; readonly id: string; readonly row: RememberedRead }
  | { readonly type: 'route'; readonly id: string; readonly row: Automation['routes'][number] };

/** What may run again comes first, then which way the newest plans went. */
export function automationList({ remembered, routes }: Automation): Grouped<AutomationEntry> {
  const rules = remembered.map((row): AutomationEntry => ({ type: 'rule', id: row.id, row }));
  const sent = routes.map((row): AutomationEntry => ({ type: 'route', id: row.incident, row }));
  return grouped(
    [
      { title: 'approvals that are remembered', rows: rules },
      { title: 'which way the newest plans were sent', rows: sent },
    ],
    ({ id }) => id,
  );
}

/** The approval that is selected or open in the automation view. */
export function pickedRule({ shelf, ui }: Pick<Model, 'shelf' | 'ui'>): RememberedRead | undefined {
  const id = ui.open ?? ui.picked.automation;
  return ui.view === 'automation' ? shelf.automation().remembered.find((row) => row.id === id) : undefined;
}
