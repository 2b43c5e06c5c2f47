import { senserOf } from '../broker/subject.ts';
import type { Incident } from '../hub/incident.ts';
import { readSamples } from '../hub/store/samples.ts';
import type { Store } from '../hub/store/store.ts';
import type { Verification } from './desk.ts';

/** Shown before the watching began and after it ended, so that it is seen from where the metric came and where it went. */
const AROUND_MS = 60_000;
/** An hour at a sample every two seconds; a chart of 64 columns shows 128 dots. */
const SAMPLES_MAX = 1_800;

/** The incident's metric from shortly before its last fix was watched until that ended; null where none is, or was. */
export function verificationOf(store: Store, incident: Incident): Verification | null {
  const { event, plan, timeline, watched, state, updated } = incident;
  const last = timeline.findLastIndex((moment) => moment.state === 'verifying');
  if (event.metric === undefined || last === -1) return null;
  // Several moments of the same state stand one behind the other: the first of them began it.
  const first = timeline.slice(0, last).findLastIndex((moment) => moment.state !== 'verifying') + 1;
  const since = (state === 'verifying' ? watched : undefined) ?? timeline[first]?.ts ?? updated;
  const end = state === 'verifying' ? Number.MAX_SAFE_INTEGER - AROUND_MS : (timeline[last + 1]?.ts ?? updated);
  const host = senserOf(incident.host) ?? incident.host;
  const samples = readSamples(store, host, { since: since - AROUND_MS, until: end + AROUND_MS, limit: SAMPLES_MAX });
  const { metric } = event;
  const history = samples.toReversed().map(({ values }) => values[metric] ?? null);
  if (history.every((value) => value === null)) return null;
  const unit = store.births.get(host)?.metrics.find(({ name }) => name === metric)?.unit ?? '';
  const gauge = { metric, unit, value: history.at(-1) ?? null, history };
  return { gauge, since, until: since + (plan?.verify_within ?? 0) };
}
