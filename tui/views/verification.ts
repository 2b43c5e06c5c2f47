import type { Incident } from '../../hub/incident.ts';
import { EMPTY, type Line, line, span } from '../line.ts';
import type { Model } from '../model.ts';
import { clock, long, quantity } from '../quantity.ts';
import { chartRows, rangeOf } from '../widgets/chart.ts';

/** Rows of the chart: in braille sixteen steps. */
const ROWS = 4;
/** Columns beside the chart for what its heights stand for. */
const SCALE = 16;

const ENDED: Readonly<Partial<Record<Incident['state'], string>>> = {
  resolved: 'it is back to normal',
  rolled_back: 'it did not come back: what was done was undone',
  proposed: 'it did not come back: another plan is proposed',
  escalated: 'it did not come back: a person is needed',
  failed: 'undoing failed',
};

/** Whether what was done has helped: the metric since then against its limit, and how long it has left. */
export function verificationLines(incident: Incident, model: Model, columns: number): readonly Line[] {
  const watched = model.shelf.verification(incident);
  if (watched === null || columns < 40) return [];
  const { gauge, since, until } = watched;
  const { limit } = incident.event;
  const range = rangeOf([...gauge.history, limit?.value]);
  const said = (value: number) => quantity(value, gauge.unit).join(' ').trimEnd();
  const heights = ROWS - 1;
  const marks = new Map<number, string>([
    [0, said(range.high)],
    [heights, said(range.low)],
  ]);
  if (limit !== undefined) {
    const at = Math.round((1 - (limit.value - range.low) / (range.high - range.low)) * heights);
    marks.set(at, `${said(limit.value)} limit`);
  }
  const left = until - model.now;
  const now = gauge.value === null ? '' : `, now ${said(gauge.value)}`;
  const outcome =
    incident.state === 'verifying'
      ? left > 0
        ? `it has ${long(left)} left${now}`
        : `its time is over${now}`
      : (ENDED[incident.state] ?? '');
  const side = limit === undefined ? '' : ` has to be ${limit.healthy} ${said(limit.value)}`;
  const room = Math.min(64, columns - SCALE - 2);
  return [
    line(span('verification', 'strong'), span(`   ${outcome}`)),
    line(span(`${gauge.metric}${side}, watched since ${clock(since)} until ${clock(until)}`, 'dim')),
    ...chartRows(gauge.history, room, ROWS, range, model.theme).map((row, i) =>
      line('  ', span(row), span(`  ${marks.get(i) ?? ''}`, 'dim')),
    ),
    EMPTY,
  ];
}
