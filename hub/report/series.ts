import { senserOf } from '../../broker/subject.ts';
import type { Incident } from '../incident.ts';
import { readSamples } from '../store/samples.ts';
import type { Store } from '../store/store.ts';
import type { Series } from './blocks.ts';
import { endOf } from './build.ts';

/** Around the incident, so that what was usual is seen beside it. */
const BEFORE_MS = 30 * 60_000;
const AFTER_MS = 10 * 60_000;
/** Two hours at one sample a second: as much as is kept. */
const SAMPLES_MAX = 7_200;
/** A chart has no more columns than this. */
const POINTS_MAX = 600;

/** The incident's metric as it was stored, thinned out so that what was worst stays; null where nothing of it is kept. */
export function seriesOf(store: Store, incident: Incident, now: number): Series | null {
  const { event, opened } = incident;
  const host = senserOf(incident.host) ?? incident.host;
  const { metric, limit } = event;
  if (metric === undefined) return null;
  const end = endOf(incident);
  const until = (end ?? now) + AFTER_MS;
  const points = readSamples(store, host, { since: opened - BEFORE_MS, limit: SAMPLES_MAX })
    .filter(({ at }) => at <= until)
    .reverse()
    .map(({ at, values }) => ({ at, value: values[metric] ?? null }));
  if (points.every(({ value }) => value === null)) return null;
  const unit = store.births.get(host)?.metrics.find(({ name }) => name === metric)?.unit ?? '';
  const marks = [{ at: opened, label: 'opened' }, ...(end === null ? [] : [{ at: end, label: incident.state }])];
  return { metric, unit, points: thinned(points, limit?.healthy === 'above'), limit: limit?.value ?? null, marks };
}

type Point = Series['points'][number];

/** Of each stretch the highest value stays, or the lowest where that is the bad side. */
export function thinned(points: readonly Point[], lowIsBad: boolean): readonly Point[] {
  if (points.length <= POINTS_MAX) return points;
  const size = Math.ceil(points.length / POINTS_MAX);
  const worse = ({ value: a }: Point, { value: b }: Point) =>
    b === null ? true : a !== null && (lowIsBad ? a < b : a > b);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    points.slice(i * size, (i + 1) * size).reduce((worst, one) => (worse(one, worst) ? one : worst)),
  );
}
