import type { Incident } from '../../hub/incident.ts';
import { EMPTY, hanging, type Line, line, span } from '../line.ts';
import type { Model } from '../model.ts';
import { clock, quantity } from '../quantity.ts';
import { chartRows, rangeOf } from '../widgets/chart.ts';

/** Rows of the chart: in braille sixteen steps. */
const ROWS = 4;
/** Columns beside the chart for what its heights stand for. */
const SCALE = 14;

/** The incident's metric as it was when it was decided on: what the cause rests on does not move on with the clock. */
export function decisionChart(incident: Incident, model: Model, columns: number): readonly Line[] {
  const gauge = model.shelf.decision(incident);
  if (gauge === null || columns < 30) return [];
  const { limit, baseline } = incident.event;
  const range = rangeOf([...gauge.history, limit?.value, baseline?.mean]);
  const room = Math.min(64, columns - SCALE - 2);
  const said = (value: number) => quantity(value, gauge.unit).join(' ').trimEnd();
  const heights = ROWS - 1;
  const at = (value: number) => Math.round((1 - (value - range.low) / (range.high - range.low)) * heights);
  const marks = new Map<number, string>([
    [0, said(range.high)],
    [heights, said(range.low)],
  ]);
  if (baseline !== undefined) marks.set(at(baseline.mean), `${said(baseline.mean)} usual`);
  if (limit !== undefined) marks.set(at(limit.value), `${said(limit.value)} limit`);
  const rows = chartRows(gauge.history, room, ROWS, range, model.theme);
  const when = `${gauge.metric} until ${clock(incident.evidence?.taken ?? incident.opened)}, when it was decided on`;
  return [
    ...rows.map((row, i) => line('  ', span(row), span(`  ${marks.get(i) ?? ''}`, 'dim'))),
    ...hanging(line('  '), when, columns, 'dim'),
    EMPTY,
  ];
}
