import type { Snapshot, TopProcess } from '../../broker/messages.ts';
import { CLOSED } from '../../hub/incident.ts';
import type { HostDetail } from '../desk.ts';
import { beside, EMPTY, fill, hanging, type Line, line, span } from '../line.ts';
import { isBroad, type Model } from '../model.ts';
import { quantity, short } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import { shortId } from '../widgets/header.ts';
import { incidentMark } from '../widgets/marks.ts';
import { cut, fit } from '../width.ts';
import { gaugeLine, heard, nameWidth, powers } from './host-line.ts';
import { linkLines } from './link.ts';

/** Of each list of the snapshot: what is worth a look; the incident has the rest. */
const TOP = 8;
const LOG = 12;
const UNITS = 60;

function topLines(title: string, top: readonly TopProcess[], columns: number): readonly Line[] {
  if (top.length === 0) return [];
  return [
    line(span(title, 'dim')),
    ...top.slice(0, TOP).map(({ process, user, cmd, cpu, rss }) => {
      const [value, unit] = quantity(rss, 'B');
      return line(
        span(fit(String(process.pid), 8, 'right'), 'dim'),
        span(`  ${fit(cpu.toFixed(1), 6, 'right')} %`),
        span(`  ${fit(value, 6, 'right')} ${fit(unit, 3)}`),
        span(`  ${fit(safeText(user), 10)}`, 'dim'),
        span(`“${cut(safeText(cmd.text), Math.max(8, columns - 40))}”`),
      );
    }),
    EMPTY,
  ];
}

/** What the host looked like when it last had trouble: an agent sends this with an event, not all the time. */
function snapshotLines(last: HostDetail['last'], now: number, columns: number): readonly Line[] {
  if (last === null) {
    return [line(span('it had no trouble yet, so nothing of its processes and logs was sent', 'dim'))];
  }
  const { snapshot, at, incident } = last;
  return [
    line(span('as it was ', 'strong'), span(`${short(now - at)} ago, when ${shortId(incident)} was seen`, 'dim')),
    EMPTY,
    ...topLines('most processor time', snapshot.top_cpu, columns),
    ...topLines('most memory', snapshot.top_mem, columns),
    ...logLines(snapshot, columns),
  ];
}

function logLines({ unit_lines, log_templates }: Snapshot, columns: number): readonly Line[] {
  const lines = unit_lines.slice(-LOG);
  const templates = log_templates.slice(0, LOG);
  return [
    ...(lines.length > 0 ? [line(span('its log', 'dim'))] : []),
    ...lines.flatMap(({ text, trusted }) => hanging(line('  '), trusted ? text : `“${text}”`, columns).slice(0, 2)),
    ...(templates.length > 0 ? [line(span('kinds of messages', 'dim'))] : []),
    ...templates.flatMap(({ template, count }) =>
      hanging(line(span(`${fit(String(count), 7, 'right')} × `, 'dim')), `“${template.text}”`, columns).slice(0, 2),
    ),
  ];
}

/** What the agent knows by name: what a question or a command may be about. */
function unitLines({ units }: HostDetail, columns: number): readonly Line[] {
  if (units.length === 0) return [];
  const more = units.length > UNITS ? ` and ${units.length - UNITS} more` : '';
  const names = units.slice(0, UNITS).map((name) => name.replace(/\.service$/, ''));
  return [EMPTY, line(span('units', 'dim')), ...hanging(line('  '), `${names.join('  ')}${more}`, columns)];
}

/** The newest incidents of a host. */
export function troubleLines(agent: string, model: Model): readonly Line[] {
  const rows = model.desk.incidents.filter(({ host }) => host === agent).slice(0, 5);
  if (rows.length === 0) return [];
  return [
    line(span('incidents', 'dim')),
    ...rows.map((row) =>
      line(
        '  ',
        incidentMark(row, model.theme),
        span(fit(short(model.now - row.opened), 5, 'right'), 'dim'),
        `  ${shortId(row.id)}  `,
        span(row.title, CLOSED.has(row.state) ? 'dim' : 'plain'),
      ),
    ),
    EMPTY,
  ];
}

/** One host: every metric, what is there, and what it looked like when it last had trouble. */
export function hostLines(model: Model, agent: string): readonly Line[] {
  const { shelf, desk, now, cols, theme } = model;
  const row = desk.hosts.find((one) => one.agent === agent);
  const detail = shelf.host(agent);
  if (row === undefined || detail === undefined)
    return [EMPTY, line(span(' This host is gone. esc goes back.', 'dim'))];
  const broad = isBroad(model);
  const left = broad ? Math.floor((cols - 4) * 0.48) : cols - 2;
  const names = nameWidth(detail.gauges, Math.floor(left * 0.5));
  const tags = detail.tags.length === 0 ? '' : `   tags ${detail.tags.join(' ')}`;
  const some = (n: number, what: string) => `${n} ${n === 1 ? what : `${what}s`}`;
  const has = [
    some(detail.units.length, 'unit'),
    some(detail.mounts.length, 'mount'),
    some(detail.containers, 'container'),
  ].join(', ');
  const speaks =
    detail.devices.length === 0 ? [] : hanging(line(span('speaks for ', 'dim')), detail.devices.join(' '), cols - 2);
  const top = [
    line(span(`${powers(row)}   ${heard(row, now)}${tags}`)),
    ...linkLines(row, shelf.pulse(agent)?.link, cols - 2),
    ...speaks,
    ...hanging(EMPTY, `${detail.about}   ${has}`, cols - 2, 'dim'),
    EMPTY,
  ];
  const metrics = detail.gauges.map((gauge) => gaugeLine(gauge, left - 1, names, theme));
  const columns = broad ? cols - left - 4 : cols - 2;
  const past = [
    ...troubleLines(agent, model),
    ...snapshotLines(detail.last, now, columns),
    ...unitLines(detail, columns),
  ];
  const body = broad
    ? beside(fill(metrics, Math.max(metrics.length, past.length)), left, span('  '), past)
    : [...metrics, EMPTY, ...past];
  return [...top, ...body].map((one) => [span(' '), ...one]);
}
