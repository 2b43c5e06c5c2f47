import type { Thinking } from '../../hub/reason/thinking.ts';
import { EMPTY, type Line, line, span } from '../line.ts';
import type { Model } from '../model.ts';
import { long } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import { wrap } from '../width.ts';

/** Rows of what is being written: its end, where something happens. */
const TAIL = 8;

/** What is said of the stages that are known here; a hub may name others. */
const STAGES: Readonly<Record<string, string>> = {
  waiting: 'waits for its turn',
  answer: 'writes its answer',
  triage: 'sorts what is wrong',
  logs: 'reads the logs',
  changes: 'looks at what changed',
  remediation: 'chooses a fix',
  comms: 'words it',
};

/** The last rows of a text with line breaks, wrapped: what could fill them is looked at, and no more. */
function tail(text: string, columns: number): readonly string[] {
  const rows = text
    .slice(-TAIL * columns)
    .split('\n')
    .slice(-TAIL)
    .flatMap((row) => wrap(safeText(row), Math.max(8, columns)));
  return rows.slice(-TAIL);
}

function oneLines({ by, stage, text, since }: Thinking, model: Model, columns: number): readonly Line[] {
  const rows = text.trim() === '' ? [] : tail(text, columns - 4);
  return [
    line('  ', span(by), span(`  ${STAGES[stage] ?? stage}, for ${long(model.now - since)}`, 'dim')),
    ...rows.map((row) => line(span('  │ ', 'dim'), span(row, 'dim'))),
  ];
}

/** What each reasoner that is at work on this incident has written so far, as it comes: nothing of it is decided yet. */
export function thinkingLines(model: Model, columns: number): readonly Line[] {
  const { thinking } = model.desk;
  if (thinking.length === 0) return [];
  return [
    line(span('thinking', 'strong'), span('   as it is written: nothing of it is decided', 'dim')),
    ...thinking.flatMap((one) => oneLines(one, model, columns)),
    EMPTY,
  ];
}
