import { isScalar } from 'yaml';
import type { Reader } from './reader.ts';
import type { Section } from './section.ts';
import { WatchError } from './watch-error.ts';

/** Metrics of which small changes are not sent: lossy, and so only where a site asks for it. */
export interface Deadband {
  /** A metric's whole name, or its beginning with `*` behind it. */
  readonly metric: string;
  /** In the metric's unit: what a reader gets is never further from what was read. */
  readonly within: number;
}

const MAX_DEADBANDS = 64;
const METRIC = /^[^*\s]{1,255}\*?$/;

/** The first that fits a metric counts, by the order of the files. */
export const deadbandSection: Section<readonly Deadband[]> = {
  name: 'deadband',
  none: [],
  read: (reader, node) => reader.list(node, 'deadband', MAX_DEADBANDS).map((item) => readDeadband(reader, item)),
  join: (said, refuse) => {
    const all = said.flatMap(({ file, value }) => value.map((deadband) => ({ file, deadband })));
    for (const { file, deadband } of all.slice(MAX_DEADBANDS)) {
      const problem = `the deadband of ${deadband.metric} is over the limit of ${MAX_DEADBANDS}`;
      refuse(new WatchError('E_WATCH_LIMIT', file, 1, problem, 'remove some'));
    }
    return all.slice(0, MAX_DEADBANDS).map(({ deadband }) => deadband);
  },
};

function readDeadband(reader: Reader, node: unknown): Deadband {
  const map = reader.map(node, 'a deadband', ['metric', 'within']);
  const metric = map.get('metric', true);
  if (!isScalar(metric) || typeof metric.value !== 'string' || !METRIC.test(metric.value)) {
    return reader.fail(map, 'its metric is no name', 'give a whole name, or a beginning: `metric: disk.used_percent*`');
  }
  const within = reader.positive(map, 'within') ?? reader.fail(map, 'has no within', 'give `within: 0.5`');
  return { metric: metric.value, within };
}

/** What small change of this metric is not sent; undefined where every change is. */
export function deadbandOf(deadbands: readonly Deadband[], name: string): number | undefined {
  return deadbands.find(({ metric }) => (metric.endsWith('*') ? name.startsWith(metric.slice(0, -1)) : name === metric))
    ?.within;
}
