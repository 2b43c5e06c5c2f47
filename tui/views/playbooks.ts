import type { PlaybookRow } from '../desk.ts';
import { beside, EMPTY, fill, hanging, type Line, line, span } from '../line.ts';
import { shownPlaybooks } from '../lists.ts';
import { isBroad, type Model } from '../model.ts';
import { long } from '../quantity.ts';
import { filterLine, windowStart } from '../widgets/list.ts';
import { verdictMark } from '../widgets/marks.ts';
import { fit } from '../width.ts';

const NAME = 22;

/** How often it was run here, and helped. */
const recordOf = ({ ran, helped }: PlaybookRow): string => (ran === 0 ? '' : `${helped} of ${ran}`);

function row(one: PlaybookRow, model: Model, record: number): Line {
  const selected = one.id === model.ui.picked.playbooks;
  return line(
    span(selected ? '▌' : ' ', 'accent'),
    span(fit(one.id, NAME), selected ? 'accent' : 'plain'),
    span(fit(one.looks ? 'looks' : 'fixes', 7), 'dim'),
    span(fit(one.own ? 'own' : '', 5), 'dim'),
    span(fit(recordOf(one), record, 'right'), one.ran > 0 ? 'plain' : 'dim'),
  );
}

/** Columns of a row of the list, but the record. */
const ROW = 1 + NAME + 7 + 5 + 1;
/** Columns of the record; none before anything was run here. */
const RECORD = 9;

function block(one: PlaybookRow, model: Model, columns: number): readonly Line[] {
  const lead = (name: string) => line(span(name.padEnd(10), 'dim'));
  const past = one.ran === 0 ? 'never run at this site' : `helped in ${one.helped} of ${one.ran} runs at this site`;
  const kind = [
    one.looks ? 'only looks: a person decides' : 'fixes',
    one.idempotent ? 'may be run twice' : 'runs once',
  ];
  return [
    ...hanging(EMPTY, one.title, columns, 'strong'),
    ...hanging(EMPTY, one.description, columns, 'dim'),
    EMPTY,
    ...hanging(lead('class'), one.class, columns),
    ...hanging(lead('signals'), one.signals.join('  '), columns),
    ...hanging(lead('kind'), `${kind.join(', ')}${one.own ? ', written by this site' : ''}`, columns),
    ...hanging(lead('record'), past, columns),
    ...hanging(lead('verify'), `the signal clears within ${long(one.verifyWithin)}`, columns),
    EMPTY,
    ...one.commands.flatMap(({ phase, command, why, decision }) => [
      ...hanging(
        line(span(phase.padEnd(8), 'dim'), verdictMark(decision, model.theme), ' '),
        command,
        columns,
        'strong',
      ),
      ...(why === '' ? [] : hanging(line(' '.repeat(10)), why, columns, 'dim')),
    ]),
  ];
}

/** Every playbook, and the selected one beside the list. */
export function playbooksView(model: Model, rows: number): readonly Line[] {
  const { shelf, ui, cols } = model;
  const { state, errors } = shelf.playbooks();
  if (state === 'loading') return fill([line(span(' The playbooks are being read…', 'dim'))], rows);
  const shown = shownPlaybooks(model);
  const filtered = ui.filter !== '' && !ui.filtering ? [filterLine(ui.filter)] : [];
  const broken = errors.slice(0, 3).flatMap((error) => hanging(line(span(' ! ', 'alarm')), error, cols - 1));
  const top = [...broken, ...filtered];
  if (shown.length === 0) return fill([...top, line(span(' no playbook here; esc shows all', 'dim'))], rows);
  const at = Math.max(
    0,
    shown.findIndex(({ id }) => id === ui.picked.playbooks),
  );
  const room = rows - top.length - 1;
  const start = windowStart(shown.length, room, at);
  const record = shown.some(({ ran }) => ran > 0) ? RECORD : 0;
  const title = line(span(` ${fit('playbook', NAME)}${fit('', 12)}${fit('helped', record, 'right')}`, 'dim'));
  const list = [title, ...shown.slice(start, start + room).map((one) => row(one, model, record))];
  const selected = shown[at];
  if (!isBroad(model)) {
    const wide = list.map((line_, i) => {
      const one = i === 0 ? undefined : shown[start + i - 1];
      return one === undefined ? line_ : [...line_, span('  '), span(one.title, 'dim')];
    });
    return fill([...top, ...wide], rows);
  }
  const side = selected === undefined ? [] : block(selected, model, cols - ROW - record - 3);
  return fill([...top, ...beside(fill(list, room + 1), ROW + record, span('│ ', 'dim'), fill(side, room + 1))], rows);
}

/** One playbook in full. */
export function playbookLines(model: Model, id: string): readonly Line[] {
  const one = model.shelf.playbooks().rows.find((row_) => row_.id === id);
  if (one === undefined) return [EMPTY, line(span(' This playbook is gone. esc goes back.', 'dim'))];
  return block(one, model, model.cols - 2).map((row_) => [span(' '), ...row_]);
}
