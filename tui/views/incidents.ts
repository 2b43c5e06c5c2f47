import { CLOSED, type Incident } from '../../hub/incident.ts';
import type { IncidentRow } from '../desk.ts';
import { entriesOf, lineOf, linesOf } from '../grouped.ts';
import { beside, EMPTY, fill, fitLine, type Line, line, lineWidth, span, spread } from '../line.ts';
import { listing } from '../listing.ts';
import { isBroad, type Model, STATE_WORDS } from '../model.ts';
import { count, short } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import { filterLine, windowStart } from '../widgets/list.ts';
import { incidentMark } from '../widgets/marks.ts';
import { cutMiddle, fit, widthOf, wrap } from '../width.ts';
import { hostBlock } from './host-line.ts';
import { timelineLines } from './incident.ts';
import { planLines } from './plan.ts';
import { summary } from './summary.ts';

const NOTICE_ROWS = 3;
/** Rows from which on the pane beside the list would else stand half empty. */
const TALL = 48;
/** A group that is no longer than a screen needs no number. */
const COUNTED = 30;

function listRow(row: IncidentRow, model: Model, columns: number, hostColumns: number): Line {
  const { ui, theme, now } = model;
  const selected = row.id === ui.picked.incidents;
  const closed = CLOSED.has(row.state);
  const age = fit(short(now - (closed ? row.updated : row.opened)), 4, 'right');
  const word = row.state === 'proposed' ? '' : STATE_WORDS[row.state];
  const tone = selected ? 'accent' : closed ? 'dim' : 'plain';
  const left = line(
    span(selected ? '▌' : ' ', 'accent'),
    incidentMark(row, theme),
    span(age, selected ? 'accent' : 'dim'),
    '  ',
    span(fit(safeText(row.host), hostColumns), tone),
    '  ',
  );
  const right = line(span(word, 'dim'), ' ');
  // Of a long title both ends are shown: the kind of trouble, and the name of what has it.
  const title = cutMiddle(row.title, Math.max(1, columns - lineWidth(left) - lineWidth(right) - 1));
  return fitLine(spread([...left, span(title, tone)], right, columns), columns);
}

function listLines(model: Model, columns: number, rows: number): readonly Line[] {
  const list = listing(model.desk.incidents, model.ui.filter, model.now);
  if (list.size === 0) {
    return [line(span(` no incident with "${model.ui.filter}"`, 'dim')), line(span(' esc shows all', 'dim'))];
  }
  const selected = lineOf(list, Math.max(0, list.indexOf(model.ui.picked.incidents)));
  const start = windowStart(linesOf(list), rows, selected);
  const visible = entriesOf(list, start, start + rows);
  const widest = visible.reduce(
    (most, entry) => ('row' in entry ? Math.max(most, widthOf(safeText(entry.row.host))) : most),
    8,
  );
  const hostColumns = Math.min(widest, isBroad(model) ? 16 : 20);
  return visible.map((entry) => {
    if ('group' in entry) {
      const { title, rows: all } = entry.group;
      return line(span(` ${all.length < COUNTED ? title : `${title}  ${count(all.length)}`}`, 'dim'));
    }
    return 'row' in entry ? listRow(entry.row, model, columns, hostColumns) : EMPTY;
  });
}

function emptyPanel(model: Model, rows: number): readonly Line[] {
  const { desk } = model;
  const lines: Line[] = [
    line(' ', span('no incidents', 'strong'), span('   all is quiet, and being watched', 'dim')),
    line(span(' To see one, run in another terminal:', 'dim')),
    line('   ', span('npm run -s sentinel -- scenario run memory-hog')),
    EMPTY,
  ];
  if (desk.hosts.length === 0) {
    lines.push(line(span(' no host has reported yet: an agent appears here by itself within seconds', 'dim')));
  }
  for (const host of desk.hosts) {
    const block = hostBlock(host, model, model.cols - 2);
    if (lines.length + block.length > rows && lines.length > 3) {
      lines.splice(rows - 1, lines.length, line(span(' more hosts: press 2', 'dim')));
      break;
    }
    lines.push(...block, EMPTY);
  }
  return lines;
}

/** What this site may and may not do, until it is put away. */
function notice(model: Model): readonly Line[] {
  const { desk, ui, cols } = model;
  if (desk.notice === '' || desk.notice === ui.dismissed) return [];
  const end = '   x put away';
  const rows = desk.notice
    .split('\n')
    .flatMap((paragraph) => wrap(safeText(paragraph), cols - 4 - end.length))
    .slice(0, NOTICE_ROWS);
  return [
    ...rows.map((row, index) =>
      line(span(' ▌ ', 'wait'), span(row), index === rows.length - 1 ? span(end, 'dim') : ''),
    ),
    EMPTY,
  ];
}

/** The selected incident; a tall terminal has room for its plan and its past too. */
function selectedLines(incident: Incident, model: Model, columns: number, rows: number): readonly Line[] {
  const told = summary(incident, model, columns);
  if (rows < TALL) return told;
  const more = [...planLines(incident, model, columns - 2), EMPTY, ...timelineLines(incident, columns - 2)];
  return [...told, EMPTY, ...more.map((row) => [span('  '), ...row])];
}

/** The home view: the list, the selected incident beside it where there is room, the hosts when nothing is wrong. */
export function incidentsView(model: Model, rows: number): readonly Line[] {
  const { desk, ui, cols } = model;
  const top = notice(model);
  const room = rows - top.length;
  if (desk.incidents.length === 0) return fill([...top, ...emptyPanel(model, room)], rows);
  const filtered = ui.filter !== '' && !ui.filtering ? [filterLine(ui.filter)] : [];
  const body = room - filtered.length;
  if (!isBroad(model)) return fill([...top, ...filtered, ...listLines(model, cols, body)], rows);
  const left = Math.max(48, Math.min(90, Math.floor(cols * 0.48)));
  const right = model.incident === undefined ? [] : selectedLines(model.incident, model, cols - left - 3, body);
  const panes = beside(fill(listLines(model, left, body), body), left, span('│ ', 'dim'), fill(right, body));
  return fill([...top, ...filtered, ...panes], rows);
}
