import type { CheckRow, Checkup } from '../desk.ts';
import { EMPTY, fill, hanging, type Line, line, shortened, span } from '../line.ts';
import { shownChecks } from '../lists.ts';
import type { Model } from '../model.ts';
import { short } from '../quantity.ts';
import { filterLine, windowStart } from '../widgets/list.ts';
import { fit } from '../width.ts';

const NAME = 14;
/** Rows below the list for the selected check in full. */
const DETAIL = 7;

function headLine({ at, failed, rows }: Checkup, { now, theme }: Model): Line {
  const looked = at === null ? '' : `   looked ${short(now - at)} ago, and looks again each minute`;
  if (failed !== '') return line(' ', span(`${theme.glyphs.block} ${failed}`, 'alarm'), span(looked, 'dim'));
  const wrong = rows.filter(({ ok }) => !ok).length;
  const said =
    wrong === 0
      ? span(`${theme.glyphs.allow} all is well`, 'strong')
      : span(`${theme.glyphs.warning} ${wrong === 1 ? '1 finding' : `${wrong} findings`}`, 'wait');
  return line(' ', said, span(looked, 'dim'));
}

function checkRow(one: CheckRow, model: Model): Line {
  const selected = one.id === model.ui.picked.doctor;
  const { glyphs } = model.theme;
  return line(
    span(selected ? '▌' : ' ', 'accent'),
    span(fit(one.ok ? glyphs.allow : glyphs.warning, 3), one.ok ? 'dim' : 'wait'),
    span(fit(one.check, NAME), selected ? 'accent' : one.ok ? 'dim' : 'strong'),
    span(one.what, one.ok && !selected ? 'dim' : 'plain'),
  );
}

function checkBlock(one: CheckRow, columns: number): readonly Line[] {
  const lead = (name: string) => line(span(name.padEnd(NAME), 'dim'));
  return [
    ...hanging(lead(one.check), one.what, columns, 'strong'),
    ...(one.ok ? [] : hanging(lead('do'), one.todo, columns)),
  ];
}

/** What `sentinel doctor` finds: what is wrong first, and for the selected check what to do about it. */
export function doctorView(model: Model, rows: number): readonly Line[] {
  const { shelf, ui, cols } = model;
  const checkup = shelf.doctor();
  if (checkup.at === null) return fill([line(span(' The doctor is looking…', 'dim'))], rows);
  const filtered = ui.filter !== '' && !ui.filtering ? [filterLine(ui.filter)] : [];
  const top = [headLine(checkup, model), EMPTY, ...filtered];
  const shown = shownChecks(model);
  if (shown.length === 0) {
    const why = checkup.rows.length === 0 ? ' nothing was looked at' : ' no check with these words; esc shows all';
    return fill([...top, line(span(why, 'dim'))], rows);
  }
  const at = Math.max(
    0,
    shown.findIndex(({ id }) => id === ui.picked.doctor),
  );
  const room = Math.max(1, rows - top.length - DETAIL);
  const start = windowStart(shown.length, room, at);
  const list = shown.slice(start, start + room).map((one) => checkRow(one, model));
  const selected = shown[at];
  const detail = selected === undefined ? [] : shortened(checkBlock(selected, cols - 2), DETAIL - 1);
  return fill([...top, ...list, EMPTY, ...detail.map((row) => [span(' '), ...row])], rows);
}

/** One check in full. */
export function checkLines(model: Model, id: string): readonly Line[] {
  const one = model.shelf.doctor().rows.find((row) => row.id === id);
  if (one === undefined) return [EMPTY, line(span(' This check is gone. esc goes back.', 'dim'))];
  return checkBlock(one, model.cols - 2).map((row) => [span(' '), ...row]);
}
