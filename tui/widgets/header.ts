import { type Line, line, lineWidth, type Span, span, spread } from '../line.ts';
import { isBroad, type Model } from '../model.ts';
import { count } from '../quantity.ts';
import type { Theme } from '../theme.ts';
import { type Health, healthOf, waitingFor } from '../troubles.ts';
import { cutMiddle, widthOf } from '../width.ts';

/** Where an id is shown to people, its last four letters do: they are the random ones. */
export const shortId = (id: string): string => id.slice(-4);

/** Where one is, in `room` columns; of a long title both ends are shown. */
function trail(model: Model, room: number): readonly Span[] {
  const { ui, incident } = model;
  if (ui.palette !== null) return [span('go to', 'strong')];
  if (ui.help) return [span('help', 'strong')];
  if (ui.asking !== null) {
    const what = incident === undefined ? 'gone' : `${shortId(incident.id)}  ask ${incident.host}`;
    return [span('incidents › ', 'dim'), span(what, 'strong')];
  }
  if (ui.open === null) return ui.view === 'incidents' ? [] : [span(ui.view, 'strong')];
  if (ui.view !== 'incidents') return [span(`${ui.view} › `, 'dim'), span(ui.open, 'strong')];
  const before = span('incidents › ', 'dim');
  const title = incident === undefined ? 'gone' : `${shortId(incident.id)}  ${titleOf(incident)}`;
  return [before, span(cutMiddle(title, Math.max(1, room - widthOf(before.text))), 'strong')];
}

/** An incident's title with its host, once. */
export function titleOf(incident: { readonly title: string; readonly host: string }): string {
  return incident.title.includes(incident.host) ? incident.title : `${incident.title} on ${incident.host}`;
}

/** How many hosts are how, each with its shape; what there is none of is left out. */
export function healthSpans(sum: Health, theme: Theme, gap: ' ' | ''): readonly Span[] {
  const part = (mark: string, value: number, tone: 'plain' | 'alarm' | 'dim') =>
    value === 0 ? [] : [span(`${mark}${gap}${count(value)}${gap}${' '}`, tone)];
  return [
    ...part(theme.glyphs.well, sum.well, 'plain'),
    ...part(theme.glyphs.critical, sum.critical, 'alarm'),
    ...part(theme.glyphs.warning, sum.warning, 'plain'),
    ...part(theme.glyphs.silent, sum.silent, 'dim'),
  ];
}

/** The one header line: who, which mode, how the hosts are, what waits, and whether the audit chain holds. */
export function header(model: Model): Line {
  const { desk, cols, theme } = model;
  const broad = isBroad(model);
  const counts = healthSpans(healthOf(desk.hosts, desk.incidents), theme, broad ? ' ' : '');
  const waiting = waitingFor(desk);
  const { open, help, palette, asking, view } = model.ui;
  const inside = open !== null || help || palette !== null || asking !== null || view !== 'incidents';
  const hosts = `${count(desk.hosts.length)} ${desk.hosts.length === 1 ? 'host' : 'hosts'}`;
  const left = line(
    ' ',
    broad ? span('sentinel  ', 'dim') : '',
    span(desk.site, 'strong'),
    '  ',
    desk.live ? span('LIVE', 'strong') : span('DRY-RUN'),
    '  ',
    desk.halted === true ? span('HALTED  ', 'alarm') : '',
    model.readOnly ? span('READ-ONLY  ', 'strong') : '',
    desk.hub === 'down' ? span('HUB DOWN: history only  ', 'wait') : '',
    ...(inside ? [] : [broad ? span(`      ${hosts}  `) : span('  '), ...counts]),
    inside && broad ? ' ' : '',
  );
  const waits =
    waiting === 0
      ? []
      : [span(`${count(waiting)} ${waiting === 1 ? 'waits' : 'wait'}${broad ? ' for you' : ''}`, 'wait')];
  const chain = desk.auditGood
    ? span(`chain ${theme.glyphs.allow} ${count(desk.auditRecords)}`, 'dim')
    : span(`chain ${theme.glyphs.block} BROKEN`, 'alarm');
  const right = line(...waits, broad || !desk.auditGood ? '        ' : '', broad || !desk.auditGood ? chain : '', ' ');
  const room = cols - lineWidth(left) - lineWidth(right) - 1;
  return spread([...left, ...(inside ? trail(model, room) : [])], right, cols);
}
