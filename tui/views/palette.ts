import { fill, type Line, line, span } from '../line.ts';
import type { Model, Palette } from '../model.ts';
import { offers } from '../palette.ts';
import { windowStart } from '../widgets/list.ts';

/** Columns of a name with its other names. */
const NAMES = 34;

/** What can be gone to or done from here, narrowed by what was typed in the footer's line. */
export function paletteView(model: Model, palette: Palette, rows: number): readonly Line[] {
  const found = offers(model, palette.text);
  if (found.length === 0) {
    return fill([line(span(` nothing is called "${palette.text}"`, 'dim')), line(span(' esc closes', 'dim'))], rows);
  }
  const room = rows - 1;
  const start = windowStart(found.length, room, palette.at);
  const title = palette.text === '' && model.ui.gone.length > 0 ? ' where you were last, then the rest' : ' go to';
  const lines = found.slice(start, start + room).map(({ name, aliases, what }, index) => {
    const selected = start + index === palette.at;
    const also = aliases.length === 0 ? '' : `  ${aliases.join(' ')}`;
    return line(
      span(selected ? '▌' : ' ', 'accent'),
      span(name, selected ? 'accent' : 'strong'),
      span(also.padEnd(Math.max(0, NAMES - name.length)), 'dim'),
      span(what, selected ? 'plain' : 'dim'),
    );
  });
  return fill([line(span(title, 'dim')), ...lines], rows);
}
