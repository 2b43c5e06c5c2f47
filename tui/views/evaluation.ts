import type { Evaluation, EvaluationCase } from '../desk.ts';
import { beside, EMPTY, fill, hanging, type Line, line, span } from '../line.ts';
import { shownCases } from '../lists.ts';
import { isBroad, type Model } from '../model.ts';
import { short } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import { filterLine, windowStart } from '../widgets/list.ts';
import { verdictMark } from '../widgets/marks.ts';
import { fit } from '../width.ts';

const NAME = 34;
const OUTCOME = 11;
const SURE = 5;
/** Selection, outcome, name, confidence. */
const ROW = 1 + OUTCOME + NAME + 2 + SURE + 1;
const FIGURE = 38;

/** The figures beside each other where there is room, and whether the gate was passed. */
function figureLines({ figures, gate, by, at }: Evaluation, model: Model): readonly Line[] {
  const { cols, theme, now } = model;
  const head = line(
    ' ',
    gate.length === 0
      ? span(`${theme.glyphs.allow} the gate is passed`, 'strong')
      : span(`${theme.glyphs.block} the gate is not passed`, 'alarm'),
    span(`   ${by}, ${short(now - at)} ago`, 'dim'),
  );
  const cell = ([name, value]: readonly [string, string]): Line =>
    line(' ', span(fit(name, FIGURE), 'dim'), span(fit(value, 14)));
  const half = Math.ceil(figures.length / 2);
  const rows = isBroad(model)
    ? beside(figures.slice(0, half).map(cell), FIGURE + 18, span(''), figures.slice(half).map(cell))
    : figures.slice(0, 6).map(cell);
  return [head, ...gate.flatMap((why) => hanging(line(span('   ')), why, cols - 1, 'alarm')), ...rows, EMPTY];
}

function caseRow(one: EvaluationCase, model: Model): Line {
  const selected = one.id === model.ui.picked.eval;
  return line(
    span(selected ? '▌' : ' ', 'accent'),
    span(fit(one.outcome, OUTCOME), one.outcome === 'failed' ? 'strong' : 'dim'),
    span(fit(safeText(one.id), NAME), selected ? 'accent' : 'plain'),
    span(`  ${one.confidence.toFixed(2).padStart(SURE)} `, 'dim'),
  );
}

function caseBlock(one: EvaluationCase, model: Model, columns: number): readonly Line[] {
  const lead = (name: string) => line(span(name.padEnd(10), 'dim'));
  return [
    ...hanging(EMPTY, one.id, columns, 'strong'),
    EMPTY,
    ...hanging(lead('outcome'), `${one.outcome}, class ${one.class}`, columns),
    ...hanging(lead('said'), `${one.cause} (${one.confidence.toFixed(2)})`, columns),
    ...(one.trueCause === null ? [] : hanging(lead('key'), one.trueCause, columns)),
    ...(one.needsHuman ? hanging(lead(''), 'it called a person', columns) : []),
    ...one.unmet.flatMap((why, i) => hanging(lead(i === 0 ? 'unmet' : ''), why, columns)),
    ...(one.commands.length > 0 ? [EMPTY] : []),
    ...one.commands.flatMap(({ command, decision }) =>
      hanging(line(verdictMark(decision, model.theme), ' '), command, columns),
    ),
  ];
}

/** What the last evaluation has found: its figures, and every scenario with what was said and what was right. */
export function evaluationView(model: Model, rows: number): readonly Line[] {
  const { shelf, ui, cols } = model;
  const evaluation = shelf.evaluation();
  if (evaluation === null) {
    const hint = 'npm run -s sentinel -- eval --scenarios fixtures/scenarios';
    return fill(
      [
        line(span(' nothing was evaluated here yet', 'dim')),
        line(span(' To have written incidents answered and scored, run in another terminal:', 'dim')),
        line('   ', hint),
      ],
      rows,
    );
  }
  const filtered = ui.filter !== '' && !ui.filtering ? [filterLine(ui.filter)] : [];
  const top = [...figureLines(evaluation, model), ...filtered];
  const cases = shownCases(model);
  if (cases.length === 0)
    return fill([...top, line(span(' no scenario with these words; esc shows all', 'dim'))], rows);
  const room = Math.max(1, rows - top.length);
  const at = Math.max(
    0,
    cases.findIndex(({ id }) => id === ui.picked.eval),
  );
  const start = windowStart(cases.length, room, at);
  const list = cases.slice(start, start + room).map((one) => caseRow(one, model));
  const selected = cases[at];
  if (!isBroad(model) || selected === undefined) return fill([...top, ...list], rows);
  const side = caseBlock(selected, model, cols - ROW - 3);
  return fill([...top, ...beside(fill(list, room), ROW, span('│ ', 'dim'), fill(side, room))], rows);
}

/** One scenario in full. */
export function caseLines(model: Model, id: string): readonly Line[] {
  const one = model.shelf.evaluation()?.cases.find((case_) => case_.id === id);
  if (one === undefined) return [EMPTY, line(span(' This scenario is gone. esc goes back.', 'dim'))];
  return caseBlock(one, model, model.cols - 2).map((row) => [span(' '), ...row]);
}
