import type { AuditRow } from '../desk.ts';
import { beside, EMPTY, fill, hanging, type Line, line, span } from '../line.ts';
import { isBroad, type Model } from '../model.ts';
import { clock, count, short } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import { shortId } from '../widgets/header.ts';
import { windowStart } from '../widgets/list.ts';
import { cutMiddle, fit, widthOf } from '../width.ts';

const NUMBER = 9;
const KIND = 22;
/** Selection, number, time, kind, incident, actor. */
const ROW = 1 + NUMBER + 2 + 8 + 2 + KIND + 6 + 14;

function row(one: AuditRow, model: Model): Line {
  const selected = String(one.n) === model.ui.picked.audit;
  return line(
    span(selected ? '▌' : ' ', 'accent'),
    span(fit(count(one.n), NUMBER, 'right'), selected ? 'accent' : 'plain'),
    span(`  ${clock(one.ts)}  `, 'dim'),
    span(fit(one.kind, KIND), selected ? 'accent' : 'plain'),
    span(fit(one.incident === null ? '' : shortId(one.incident), 6), 'dim'),
    span(fit(one.actor, 14), 'dim'),
  );
}

/** Beside the list a value is cut to some rows; in full it is scrolled. */
const BESIDE = 300;
/** The names' share of the columns, at the most. */
const NAMES = 0.4;

function block(one: AuditRow, columns: number, most = Number.POSITIVE_INFINITY): readonly Line[] {
  const shown = (value: string) => (value.length > most ? `${value.slice(0, most)}… (enter shows all)` : value);
  const fields: readonly (readonly [string, string])[] = [
    ['record', count(one.n)],
    ['when', new Date(one.ts).toISOString()],
    ['actor', one.actor],
    ['incident', one.incident ?? 'none'],
    ...one.data,
    ['hash', one.hash],
  ];
  // What differs in a name is its end: `route.code`, `route.why`.
  const widest = Math.max(...fields.map(([name]) => widthOf(safeText(name))));
  const names = Math.min(widest, Math.floor(columns * NAMES));
  const lead = (name: string) => line(span(`${fit(cutMiddle(safeText(name), names), names)}  `, 'dim'));
  return [
    line(span(one.kind, 'strong')),
    EMPTY,
    ...fields.flatMap(([name, value]) => hanging(lead(name), shown(value), columns)),
  ];
}

/** Whether the chain holds, by the last walk along all of it. */
function chainLines(model: Model): readonly Line[] {
  const { desk, shelf, theme, now, cols } = model;
  const { head, walked } = shelf.chain();
  const when = walked === null ? 'not walked whole yet' : `walked from the first record ${short(now - walked.at)} ago`;
  const state = desk.auditGood
    ? line(' ', span(`${theme.glyphs.allow} the chain holds`), span(`   ${when}`, 'dim'))
    : line(' ', span(`${theme.glyphs.block} the chain is broken`, 'alarm'), span(`   ${walked?.why ?? when}`, 'dim'));
  const told = ` ${count(desk.auditRecords)} records, head ${head.slice(0, 16)}. sentinel audit verify walks it for you, --export writes it out.`;
  return [state, ...hanging(EMPTY, told, cols - 1, 'dim'), EMPTY];
}

/** Every record, newest first, however many: only those on the screen are read. */
export function auditView(model: Model, rows: number): readonly Line[] {
  const { desk, shelf, ui, cols } = model;
  const top = chainLines(model);
  if (desk.auditRecords === 0) return fill([...top, line(span(' nothing was recorded yet', 'dim'))], rows);
  const room = rows - top.length;
  const at = Math.max(0, desk.auditRecords - Number(ui.picked.audit ?? desk.auditRecords));
  const start = windowStart(desk.auditRecords, room, at);
  const shown = shelf.records(desk.auditRecords - start, room);
  const list = shown.map((one) => row(one, model));
  if (!isBroad(model)) return fill([...top, ...list], rows);
  const selected = shown.find(({ n }) => String(n) === ui.picked.audit);
  const side = selected === undefined ? [] : block(selected, cols - ROW - 4, BESIDE);
  return fill([...top, ...beside(fill(list, room), ROW + 1, span('│ ', 'dim'), fill(side, room))], rows);
}

/** One record in full. */
export function auditLines(model: Model, id: string): readonly Line[] {
  const [one] = model.shelf.records(Number(id), 1);
  if (one === undefined) return [EMPTY, line(span(' This record is gone. esc goes back.', 'dim'))];
  return block(one, model.cols - 2).map((row_) => [span(' '), ...row_]);
}
