import type { ProbeAnswer } from '../../hub/probes.ts';
import { beside, EMPTY, fill, hanging, type Line, line, span } from '../line.ts';
import { isBroad, type Model } from '../model.ts';
import { short } from '../quantity.ts';
import { type Question, questions } from '../questions.ts';
import { safeText } from '../safe-text.ts';
import { filterLine, windowStart } from '../widgets/list.ts';
import { fit } from '../width.ts';

/** Columns of a question's name. */
const NAME = 18;

function questionLine({ id, probe, label, what }: Question, model: Model, columns: number): Line {
  const selected = id === model.ui.picked.probe;
  const asked = (model.incident?.probes ?? []).some((one) => `${one.probe} ${one.name}` === id);
  return line(
    span(selected ? '▌' : ' ', 'accent'),
    span(fit(probe, NAME), selected ? 'accent' : 'plain'),
    span(asked ? model.theme.glyphs.allow : ' ', 'dim'),
    ' ',
    span(fit(safeText(label === '' ? what : label), Math.max(8, columns - NAME - 4)), label === '' ? 'dim' : 'plain'),
  );
}

/** What a host said, quoted where a stranger may have chosen the words. */
export function answerLines(answer: ProbeAnswer, now: number, columns: number): readonly Line[] {
  const { probe, name, by, state, code, lines, truncated, answered } = answer;
  return [
    line(
      span(`${probe}${name === '' ? '' : ` ${name}`}`, 'strong'),
      span(`  ${state}${code === '' ? '' : ` ${code}`}, ${short(now - answered)} ago, by ${by}`, 'dim'),
    ),
    ...lines.flatMap(({ text, trusted }) => hanging(line(span('  ')), trusted ? text : `“${text}”`, columns)),
    ...(lines.length === 0 ? [line(span('  it said nothing', 'dim'))] : []),
    ...(truncated ? [line(span('  … more was left out', 'dim'))] : []),
  ];
}

/** What can be asked about this incident's host, and the last answer to what is selected. Asking changes nothing there. */
export function probeView(model: Model, rows: number): readonly Line[] {
  const { incident, ui, cols, now } = model;
  if (incident === undefined) return fill([line(span(' This incident is gone. esc goes back.', 'dim'))], rows);
  const all = questions(model);
  const filtered = ui.filter !== '' && !ui.filtering ? [filterLine(ui.filter)] : [];
  if (all.length === 0)
    return fill([...filtered, line(span(' no question with these words; esc shows all', 'dim'))], rows);
  const at = Math.max(
    0,
    all.findIndex(({ id }) => id === ui.picked.probe),
  );
  const broad = isBroad(model);
  const room = broad ? rows - filtered.length : Math.max(6, Math.floor((rows - filtered.length) / 3));
  const left = broad ? Math.min(56, Math.floor(cols * 0.46)) : cols;
  const start = windowStart(all.length, room - 1, at);
  const list = [
    line(span(` read-only questions to ${incident.host}`, 'dim')),
    ...all.slice(start, start + room - 1).map((question) => questionLine(question, model, left)),
  ];
  const question = all[at];
  const columns = broad ? cols - left - 3 : cols - 2;
  const past = (incident.probes ?? []).filter((one) => `${one.probe} ${one.name}` === question?.id).toReversed();
  const what = question === undefined ? '' : `${question.what}${question.label === '' ? '' : `: ${question.label}`}`;
  const answer = [
    ...hanging(EMPTY, what, columns, 'dim'),
    EMPTY,
    ...(past.length === 0
      ? [line(span('not asked yet: enter asks, and the answer stays with the incident', 'dim'))]
      : []),
    ...past.flatMap((one) => [...answerLines(one, now, columns), EMPTY]),
  ];
  if (broad) return fill([...filtered, ...beside(fill(list, room), left, span('│ ', 'dim'), fill(answer, room))], rows);
  return fill([...filtered, ...list, EMPTY, ...answer.map((row) => [span(' '), ...row])], rows);
}
