import type { Program } from '../../policy/program.ts';
import type { Verdict } from '../../policy/verdict.ts';
import { EMPTY, fill, hanging, type Line, line, span } from '../line.ts';
import type { Model } from '../model.ts';
import { safeText } from '../safe-text.ts';
import { verdictMark } from '../widgets/marks.ts';
import { head, widthOf, wrap } from '../width.ts';

const LABEL = 11;
const label = (name: string): Line => line(' ', span(name.padEnd(LABEL - 1), 'dim'));

/** Tried before anything was typed, so that an empty view says what it is for. */
const EXAMPLES = [
  "find /srv/spool -name '*.tmp' -mtime +7 -delete",
  'systemctl restart nginx',
  'rm -rf /',
  'df -h /var',
];

/** Rows of a long command: its beginning and its end, where one types; what policy says of it must stay in view. */
const TYPED = 5;

function middleOut(rows: readonly Line[]): readonly Line[] {
  if (rows.length <= TYPED) return rows;
  const hidden = rows.length - TYPED + 1;
  return [...rows.slice(0, 1), line(...label(''), span(`… ${hidden} rows more`, 'dim')), ...rows.slice(2 - TYPED)];
}

/** The command as it is typed, with what decided underlined. */
function typedLines(text: string, verdict: Verdict | null, columns: number): readonly Line[] {
  const room = columns - LABEL - 1;
  const shown = safeText(text);
  const cursor = span('▌', 'accent');
  const rows = wrap(shown, room);
  const typed = rows.map(
    (row, i): Line => [...(i === 0 ? label('command') : line(' '.repeat(LABEL))), span(row, 'strong')],
  );
  const last = typed.at(-1) ?? label('command');
  const all = [...typed.slice(0, -1), [...last, span(/ $/.test(shown) ? ' ' : ''), cursor]];
  // A command of several rows has its reason in words alone.
  if (verdict?.span === undefined || rows.length > 1) return middleOut(all);
  const bytes = Buffer.from(text, 'utf8');
  const before = widthOf(safeText(bytes.subarray(0, verdict.span[0]).toString('utf8')));
  const under = widthOf(safeText(bytes.subarray(verdict.span[0], verdict.span[1]).toString('utf8')));
  if (under === 0 || before >= room) return all;
  const mark = head('~'.repeat(under), room - before);
  return [...all, line(' '.repeat(LABEL + before), span(mark, verdict.decision === 'block' ? 'alarm' : 'wait'))];
}

const JOINED = { always: ';', and: '&&', or: '||' } as const;

/** What would run, word by word: `[find] [/srv]`, with what joins the parts. */
function programText({ jobs }: Program): string {
  return jobs
    .map(({ when, pipe }, index) => {
      const parts = pipe.map(({ argv, stdout, stderr }) => {
        const to = stdout === 'discard' ? ' (its output goes nowhere)' : '';
        const err =
          stderr === 'stdout' ? ' (errors with its output)' : stderr === 'discard' ? ' (errors go nowhere)' : '';
        return `${argv.map((word) => `[${word}]`).join(' ')}${to}${err}`;
      });
      return `${index === 0 ? '' : `${JOINED[when]} `}${parts.join(' | ')}`;
    })
    .join(' ');
}

/** What the readers read gives way to the reason and the way out, in `rows` rows. */
function verdictLines(
  verdict: Verdict,
  alternative: Verdict | null,
  model: Model,
  columns: number,
  rows: number,
): readonly Line[] {
  const { decision, rule, effect, attributes, reason, program } = verdict;
  const tone = decision === 'block' ? 'alarm' : decision === 'review' ? 'wait' : 'strong';
  const marks = [effect, ...attributes].join(' · ');
  const top = [
    line(
      ' ',
      verdictMark(decision, model.theme),
      ' ',
      span(decision.padEnd(LABEL - 3), tone),
      span(rule),
      span(`   effect ${marks}`, 'dim'),
    ),
    EMPTY,
  ];
  const read =
    program === null
      ? hanging(label('reads as'), 'nothing that could run: it does not compile to a program', columns, 'dim')
      : hanging(label('reads as'), programText(program), columns);
  const note = 'both readers agree on these words; no shell ever sees the text';
  const end = [
    ...(program === null ? [] : hanging(label(''), note, columns, 'dim')),
    ...hanging(label('because'), reason, columns),
    ...(verdict.alternative === undefined
      ? []
      : [
          ...hanging(label('instead'), verdict.alternative, columns, 'strong'),
          ...(alternative === null
            ? []
            : [line(...label(''), verdictMark(alternative.decision, model.theme), ` ${alternative.decision}`)]),
        ]),
    EMPTY,
    ...hanging(label(''), MEANING[decision], columns, 'dim'),
  ];
  const room = Math.max(1, rows - top.length - end.length);
  if (read.length <= room) return [...top, ...read, ...end];
  const more = line(...label(''), span(`… ${read.length - room + 1} rows more`, 'dim'));
  return [...top, ...read.slice(0, room - 1), more, ...end];
}

const MEANING = {
  allow: 'Allowed: part of a plan it needs no consent of its own.',
  review: 'Review: it runs only when a named person includes it, by its number.',
  block: 'Blocked: it never runs, whoever asks.',
} as const;

/** A command, and what policy says of it while it is typed. Nothing typed here is ever run. */
export function policyView(model: Model, rows: number): readonly Line[] {
  const { ui, cols, shelf } = model;
  const { text, host } = ui.sandbox;
  const columns = cols - 1;
  const on = host === null ? 'any host: every name counts as existing' : `${host}: names must exist there`;
  const where = [...hanging(label('for'), on, columns, 'dim'), EMPTY];
  if (text === '') {
    const hint = 'Type a command. It is judged while you type, and never run. For example:';
    const examples = EXAMPLES.map((example) => line(...label(''), span(example, 'dim')));
    return fill(
      [...typedLines('', null, columns), EMPTY, ...where, ...hanging(label(''), hint, columns), ...examples],
      rows,
    );
  }
  const judged = shelf.judge(text, host);
  if (judged.state !== 'judged') {
    const why = judged.state === 'loading' ? 'The rules are being read…' : judged.why;
    return fill([...typedLines(text, null, columns), EMPTY, ...where, ...hanging(label(''), why, columns)], rows);
  }
  const { verdict, alternative } = judged;
  const top = [...typedLines(text, verdict, columns), EMPTY, ...where];
  return fill([...top, ...verdictLines(verdict, alternative, model, columns, rows - top.length)], rows);
}
