import type { Gauge, HostRow } from '../desk.ts';
import { beside, EMPTY, fill, type Line, line, type Span, span } from '../line.ts';
import { shownHosts } from '../lists.ts';
import { health, isBroad, type Model } from '../model.ts';
import { quantity, short } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import type { Theme } from '../theme.ts';
import { filterLine, windowStart } from '../widgets/list.ts';
import { sparkline } from '../widgets/sparkline.ts';
import { fit, widthOf } from '../width.ts';

const VALUE = 6;
const UNIT = 5;

/** A value and its unit in fixed columns: numbers align right, units are dim. */
export function reading(value: number | null, unit: string): readonly Span[] {
  const [number, word] = quantity(value, unit);
  return [span(fit(number, VALUE, 'right')), span(` ${fit(word, UNIT)}`, 'dim')];
}

/** One gauge in one row of `columns`: name, history, value. */
export function gaugeLine(gauge: Gauge, columns: number, nameColumns: number, theme: Theme): Line {
  const room = Math.max(0, Math.min(60, columns - nameColumns - VALUE - UNIT - 5));
  return line(
    span(fit(safeText(gauge.metric), nameColumns), 'dim'),
    '  ',
    sparkline(gauge.history, room, gauge.unit, theme),
    '  ',
    ...reading(gauge.value, gauge.unit),
  );
}

export function nameWidth(gauges: readonly Gauge[], most: number): number {
  return Math.min(most, Math.max(8, ...gauges.map((gauge) => widthOf(safeText(gauge.metric)))));
}

function worstMark(host: HostRow, model: Model): Span {
  const { glyphs } = model.theme;
  if (host.state !== 'online') return span(glyphs.silent, 'dim');
  const sum = health({ ...model.desk, hosts: [host] });
  if (sum.critical > 0) return span(glyphs.critical, 'alarm');
  return span(sum.warning > 0 ? glyphs.warning : glyphs.well);
}

/** What the host may do, in words. */
export function powers(host: HostRow): string {
  return `${host.live ? 'LIVE' : 'DRY-RUN'}, ${host.privileged ? 'privileged' : 'unprivileged'}`;
}

export function heard(host: HostRow, now: number): string {
  return host.state === 'online'
    ? `heard ${short(now - host.lastSeen)} ago`
    : `${host.state} for ${short(now - host.lastSeen)}`;
}

/** A host with all its gauges, for the home view and the right pane. */
export function hostBlock(host: HostRow, model: Model, columns: number): readonly Line[] {
  const names = nameWidth(host.gauges, Math.min(32, Math.floor(columns / 3)));
  return [
    line(
      ' ',
      worstMark(host, model),
      ' ',
      span(host.agent, 'strong'),
      span(`   ${powers(host)}   ${heard(host, model.now)}`, 'dim'),
    ),
    ...host.gauges.map((gauge) => line('   ', ...gaugeLine(gauge, columns - 3, names, model.theme))),
  ];
}

/** The metrics worth a column in the list: those that most of the visible hosts have, in the first host's order. */
function commonMetrics(hosts: readonly HostRow[], most: number): readonly string[] {
  const seen = new Map<string, number>();
  for (const host of hosts) for (const gauge of host.gauges) seen.set(gauge.metric, (seen.get(gauge.metric) ?? 0) + 1);
  const order = [...seen.entries()];
  return order
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([metric]) => metric);
}

/** Names that the width of their column is measured on. */
const MEASURED = 500;

const BARS = 8;
/** Blank, bars, value, blank, unit. */
const CELL = 2 + BARS + VALUE + 1 + UNIT;
/** Selection, mark, blank before the name; two blanks and the mode after it. */
const AROUND_NAME = 12;

function cell(gauge: Gauge | undefined, theme: Theme): readonly Span[] {
  if (gauge === undefined) return [span(' '.repeat(CELL))];
  return [span('  '), span(sparkline(gauge.history, BARS, gauge.unit, theme)), ...reading(gauge.value, gauge.unit)];
}

function hostRow(host: HostRow, model: Model, names: number, metrics: readonly string[]): Line {
  const selected = host.agent === model.ui.picked.hosts;
  const find = (metric: string) => host.gauges.find((gauge) => gauge.metric === metric);
  const gone = span(`  ${heard(host, model.now)}`, 'dim');
  return line(
    span(selected ? '▌' : ' ', 'accent'),
    worstMark(host, model),
    ' ',
    span(fit(safeText(host.agent), names), selected ? 'accent' : 'plain'),
    span(fit(host.live ? '  LIVE' : '  DRY-RUN', AROUND_NAME - 3), 'dim'),
    ...(host.state === 'online' ? metrics.flatMap((metric) => cell(find(metric), model.theme)) : [gone]),
  );
}

/** All hosts; the selected one with its gauges beside or below the list. */
export function hostsView(model: Model, rows: number): readonly Line[] {
  const { desk, ui, cols } = model;
  if (desk.hosts.length === 0) {
    const hint = ' An agent appears here by itself within seconds of its first message.';
    return fill([line(span(' no host has reported yet', 'dim')), EMPTY, line(span(hint, 'dim'))], rows);
  }
  const hosts = shownHosts(model);
  const filtered = ui.filter !== '' && !ui.filtering ? [filterLine(ui.filter)] : [];
  if (hosts.length === 0) {
    return fill(
      [...filtered, line(span(` no host with "${ui.filter}"`, 'dim')), line(span(' esc shows all', 'dim'))],
      rows,
    );
  }
  const room = rows - filtered.length;
  const selected = hosts.findIndex((host) => host.agent === ui.picked.hosts);
  const broad = isBroad(model);
  const host = hosts[selected];
  const names = Math.min(20, Math.max(8, ...hosts.slice(0, MEASURED).map((row) => widthOf(safeText(row.agent)))));
  const cells = broad && cols < 130 ? 1 : 2;
  const left = broad ? names + AROUND_NAME + cells * CELL + 1 : cols;
  const block = host === undefined ? [] : hostBlock(host, model, broad ? cols - left - 2 : cols - 2);
  const listRows = broad ? room - 1 : Math.max(4, room - block.length - 2);
  const start = windowStart(hosts.length, listRows, selected);
  const visible = hosts.slice(start, start + listRows);
  const metrics = commonMetrics(visible, cells);
  const titles = metrics.map((metric) => `  ${fit(safeText(metric), CELL - 2)}`).join('');
  const list = [
    line(span(`${' '.repeat(names + AROUND_NAME)}${titles}`, 'dim')),
    ...visible.map((row) => hostRow(row, model, names, metrics)),
  ];
  const panes = broad
    ? beside(fill(list, room), left, span('│', 'dim'), fill(block, room))
    : [...list, EMPTY, ...block];
  return fill([...filtered, ...panes], rows);
}
