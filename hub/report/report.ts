import { membersOf } from '../correlate/memory.ts';
import type { Incident } from '../incident.ts';
import type { Store } from '../store/store.ts';
import { buildReport } from './build.ts';
import { htmlOf } from './html.ts';
import { markdownOf } from './markdown.ts';
import { seriesOf } from './series.ts';

/** The report of an incident from a store, which may be read while the hub runs and while it does not. */
export function reportOf(
  store: Store,
  site: string,
  incident: Incident,
  format: 'markdown' | 'html',
  now = Date.now(),
): string {
  const members = membersOf(store, incident.id);
  const blocks = buildReport({ site, incident, members, series: seriesOf(store, incident, now), now });
  return format === 'html' ? htmlOf(blocks) : markdownOf(blocks);
}
