import { type Line, line, span } from '../line.ts';
import { safeText } from '../safe-text.ts';
import { cut } from '../width.ts';

/** What the list is filtered by, and how that ends. */
export const filterLine = (filter: string): Line =>
  line(span(' filter ', 'dim'), span(cut(safeText(filter), 40)), span('   esc clears', 'dim'));

/**
 * Which part of a long list is on the screen: the index of the first visible row, so that the selected one is in view
 * with some rows around it. Only the visible rows are ever drawn.
 */
export function windowStart(total: number, visible: number, selected: number): number {
  if (total <= visible) return 0;
  const centred = selected - Math.floor(visible / 2);
  return Math.max(0, Math.min(total - visible, centred));
}
