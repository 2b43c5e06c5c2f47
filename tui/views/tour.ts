import { EMPTY, hanging, type Line, line, span } from '../line.ts';
import type { Model } from '../model.ts';
import { STOPS } from '../tour.ts';

/** Lines are not longer than eyes follow. */
const WIDEST = 100;

/** What is said at a stop, below the view that it is about. */
export function tourLines(stop: number, model: Model): readonly Line[] {
  const { title, text } = STOPS[stop] ?? { title: '', text: '' };
  const bar = span(' ▌ ', 'accent');
  const rows = hanging(EMPTY, text, Math.min(WIDEST, model.cols - 4));
  return [
    line(span('─'.repeat(model.cols), 'dim')),
    line(bar, span(`${stop + 1} of ${STOPS.length}`, 'dim'), '  ', span(title, 'strong')),
    ...rows.map((row) => [bar, ...row]),
  ];
}
