import type { Gauge, HostPulse, HostRow } from '../desk.ts';
import { entriesOf, type Group, lineOf, linesOf } from '../grouped.ts';
import { beside, EMPTY, fill, type Line, line, type Span, span } from '../line.ts';
import { shownHosts } from '../lists.ts';
import { isBroad, type Model } from '../model.ts';
import { count, short } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import type { Theme } from '../theme.ts';
import { healthOf } from '../troubles.ts';
import { healthSpans } from '../widgets/header.ts';
import { filterLine, windowStart } from '../widgets/list.ts';
import { sparkline } from '../widgets/sparkline.ts';
import { cutMiddle, fit, widthOf } from '../width.ts';
import { troubleLines } from './host.ts';
import { gaugeLine, heard, hostHead, hostMark, nameWidth, reading, UNIT, VALUE } from './host-line.ts';
import { linkLines, linkWord } from './link.ts';

/** Columns of a metric beside its bars: blanks, value, unit. */
const AROUND_BARS = 2 + VALUE + 1 + UNIT;
const barsOf = (model: Pick<Model, 'cols'>): number => (isBroad(model) ? 8 : 6);
const MODE = 7;
const SEEN = 4;
const LINK = 10;
const BACKLOG = 8;
/** Selection, shape and blank; then each of these columns with what parts it from the one before. */
const FIXED = 3 + 2 + MODE + 1 + SEEN + 2 + LINK + 1 + BACKLOG;
/** Metrics beside each other: more than these nobody compares. */
const CELLS = 4;
const NAMES = 20;
/** Rows of the selected host below the list: its name, its link and a few gauges. */
const BELOW = { broad: 9, narrow: 7 } as const;

/** The metrics worth a column: those that most of the visible hosts have, in the first host's order. */
function commonMetrics(pulses: readonly (HostPulse | undefined)[], most: number): readonly string[] {
  const seen = new Map<string, number>();
  for (const pulse of pulses) {
    for (const { metric } of pulse?.gauges ?? []) seen.set(metric, (seen.get(metric) ?? 0) + 1);
  }
  return [...seen.entries()]
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([metric]) => metric);
}

function cell(gauge: Gauge | undefined, bars: number, theme: Theme): readonly Span[] {
  if (gauge === undefined) return [span(' '.repeat(AROUND_BARS + bars))];
  return [span('  '), span(sparkline(gauge.history, bars, gauge.unit, theme)), ...reading(gauge.value, gauge.unit)];
}

function backlogOf(host: HostRow, pulse: HostPulse | undefined): string {
  const backlog = pulse?.link.backlog ?? null;
  if (host.state !== 'online' || backlog === null) return '';
  return backlog === 0 ? '-' : count(backlog);
}

function hostRow(
  host: HostRow,
  pulse: HostPulse | undefined,
  model: Model,
  names: number,
  metrics: readonly string[],
): Line {
  const selected = host.agent === model.ui.picked.hosts;
  const find = (metric: string) => pulse?.gauges.find((gauge) => gauge.metric === metric);
  const word = linkWord(host, pulse?.link);
  return line(
    span(selected ? '▌' : ' ', 'accent'),
    hostMark(host, model),
    ' ',
    span(fit(safeText(host.agent), names), selected ? 'accent' : 'plain'),
    span(`  ${fit(host.live ? 'LIVE' : 'DRY-RUN', MODE)} `, 'dim'),
    span(fit(short(model.now - host.lastSeen), SEEN, 'right'), 'dim'),
    span(`  ${fit(word.text, LINK)} `, word.tone),
    span(fit(backlogOf(host, pulse), BACKLOG, 'right')),
    ...(host.state === 'online'
      ? metrics.flatMap((metric) => cell(find(metric), barsOf(model), model.theme))
      : [span(`  ${heard(host, model.now)}`, 'dim')]),
  );
}

/** A group's name, how many stand in it and how they are. */
function heading({ title, rows }: Group<HostRow>, { desk, theme }: Model): Line {
  const hosts = `${count(rows.length)} ${rows.length === 1 ? 'host' : 'hosts'}`;
  return line(
    span(` ${title}`, 'strong'),
    span(`   ${hosts}   `, 'dim'),
    ...healthSpans(healthOf(rows, desk.incidents), theme, ' '),
  );
}

const titleLine = (names: number, metrics: readonly string[], cell: number): Line => {
  const columns = `   ${fit('host', names)}  ${fit('mode', MODE)} ${fit('seen', SEEN, 'right')}  ${fit('link', LINK)} ${fit('backlog', BACKLOG, 'right')}`;
  return line(
    span(`${columns}${metrics.map((metric) => `  ${fit(cutMiddle(metric, cell - 3), cell - 2)}`).join('')}`, 'dim'),
  );
};

/** The selected host: its gauges, how its word comes here, and what is wrong with it. */
function selectedLines(host: HostRow, model: Model, rows: number): readonly Line[] {
  const { cols, shelf, theme } = model;
  const broad = isBroad(model);
  const pulse = shelf.pulse(host.agent);
  const gauges = pulse?.gauges ?? [];
  const width = broad ? Math.floor(cols * 0.55) : cols - 4;
  const names = nameWidth(gauges, Math.min(32, Math.floor(width * 0.45)));
  const gaugeLines = gauges.map((gauge) => line('   ', ...gaugeLine(gauge, width - 3, names, theme)));
  if (!broad) {
    const link = linkLines(host, pulse?.link, cols - 4).map((one) => line('   ', ...one));
    return [hostHead(host, model), ...link, ...gaugeLines].slice(0, rows);
  }
  const columns = cols - width - 4;
  const side = [...linkLines(host, pulse?.link, columns), EMPTY, ...troubleLines(host.agent, model)];
  return [hostHead(host, model), ...beside(gaugeLines, width, span('  '), side)].slice(0, rows);
}

/** Every host of the site under its group, however many; the selected one in full below the list. */
export function hostsView(model: Model, rows: number): readonly Line[] {
  const { desk, ui, cols, shelf } = model;
  if (desk.hosts.length === 0) {
    const hint = ' An agent appears here by itself within seconds of its first message.';
    return fill([line(span(' no host has reported yet', 'dim')), EMPTY, line(span(hint, 'dim'))], rows);
  }
  const list = shownHosts(model);
  const filtered = ui.filter !== '' && !ui.filtering ? [filterLine(ui.filter)] : [];
  if (list.size === 0) {
    const none = [line(span(` no host with "${ui.filter}"`, 'dim')), line(span(' esc shows all', 'dim'))];
    return fill([...filtered, ...none], rows);
  }
  const at = Math.max(0, list.indexOf(ui.picked.hosts));
  const host = list.at(at);
  const below = host === undefined ? [] : selectedLines(host, model, BELOW[isBroad(model) ? 'broad' : 'narrow']);
  const room = Math.max(4, rows - filtered.length - below.length - 2);
  const start = windowStart(linesOf(list), room, lineOf(list, at));
  const visible = entriesOf(list, start, start + room);
  const shown = visible.flatMap((entry) => ('row' in entry ? [entry.row] : []));
  const pulses = new Map(shown.map(({ agent }) => [agent, shelf.pulse(agent)]));
  const names = Math.min(NAMES, Math.max(8, ...shown.map(({ agent }) => widthOf(safeText(agent)))));
  const width = AROUND_BARS + barsOf(model);
  const cells = Math.max(0, Math.min(CELLS, Math.floor((cols - names - FIXED) / width)));
  const metrics = commonMetrics([...pulses.values()], cells);
  const lines = visible.map((entry) => {
    if ('group' in entry) return heading(entry.group, model);
    return 'row' in entry ? hostRow(entry.row, pulses.get(entry.row.agent), model, names, metrics) : EMPTY;
  });
  const top = [...filtered, titleLine(names, metrics, width), ...fill(lines, room)];
  return fill([...top, line(span('─'.repeat(cols), 'dim')), ...below], rows);
}
