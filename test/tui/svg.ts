import type { Emulator } from './emulator.ts';

const CELL = { width: 8.4, height: 18, size: 14 } as const;
const PAD = 16;
const INK = '#d4d7d9';
const PAPER = '#16191d';
/** The 16 ANSI colours as a calm dark terminal shows them; only those that the theme names are ever met. */
const PALETTE: Readonly<Record<number, string>> = { 1: '#e06c62', 3: '#dcab4e', 6: '#6cb6c8' };
const DIM = 0.55;

type Cell = NonNullable<
  ReturnType<NonNullable<ReturnType<Emulator['terminal']['buffer']['active']['getLine']>>['getCell']>
>;

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function style(cell: Cell): string {
  const colour = cell.isFgDefault() ? INK : (PALETTE[cell.getFgColor()] ?? INK);
  const fill = cell.isInverse() ? PAPER : colour;
  const parts = [`fill="${fill}"`];
  if (cell.isBold()) parts.push('font-weight="700"');
  if (cell.isDim()) parts.push(`opacity="${DIM}"`);
  return parts.join(' ');
}

/** One row of a screen as SVG: one <text> for each run of cells of one style, at the place of its first cell. */
function rowOf(emulator: Emulator, y: number): string {
  const { cols, buffer } = emulator.terminal;
  const line = buffer.active.getLine(y);
  const out: string[] = [];
  let run: { x: number; text: string; style: string; columns: number } | undefined;
  const flush = () => {
    if (run === undefined || run.text.trim() === '') return;
    const x = (PAD + run.x * CELL.width).toFixed(1);
    const length = (run.columns * CELL.width).toFixed(1);
    const top = PAD + y * CELL.height;
    out.push(
      `<text x="${x}" y="${top + 13}" textLength="${length}" xml:space="preserve" ${run.style}>${escaped(run.text)}</text>`,
    );
  };
  for (let x = 0; x < cols; x++) {
    const cell = line?.getCell(x);
    if (cell === undefined || cell.getWidth() === 0) continue;
    if (cell.isInverse()) {
      const left = (PAD + x * CELL.width).toFixed(1);
      out.push(
        `<rect x="${left}" y="${PAD + y * CELL.height}" width="${CELL.width + 0.2}" height="${CELL.height}" fill="${INK}"/>`,
      );
    }
    const look = style(cell);
    const text = cell.getChars() || ' ';
    if (run !== undefined && run.style === look) {
      run.text += text;
      run.columns += cell.getWidth();
    } else {
      flush();
      run = { x, text, style: look, columns: cell.getWidth() };
    }
  }
  flush();
  return out.join('\n');
}

/** The rows of a screen that is `rows - 1` high, each as SVG; an empty one is ''. */
export const rowsOf = (emulator: Emulator): readonly string[] =>
  Array.from({ length: emulator.terminal.rows - 1 }, (_, y) => rowOf(emulator, y));

/** A picture of `cols` columns and `rows` rows around what is drawn in it; `head` may hold a style sheet. */
export function framed(cols: number, rows: number, body: readonly string[], head: readonly string[] = []): string {
  const width = Math.ceil(cols * CELL.width + 2 * PAD);
  const height = rows * CELL.height + 2 * PAD;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    ...head,
    `<rect width="${width}" height="${height}" rx="8" fill="${PAPER}"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="${CELL.size}">`,
    ...body,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** A screen as SVG. */
export function svgOf(emulator: Emulator): string {
  const { cols, rows } = emulator.terminal;
  return framed(
    cols,
    rows - 1,
    rowsOf(emulator).filter((row) => row !== ''),
  );
}

/** The text of a picture's row, as it was drawn; '' where nothing stands. */
export function textOfRow(svg: string, y: number): string {
  const at = `y="${PAD + y * CELL.height + 13}"`;
  const parts = [...svg.matchAll(/<text x="[\d.]+" (y="\d+")[^>]*>([^<]*)<\/text>/g)];
  return parts
    .filter(([, row]) => row === at)
    .map(([, , text]) => text ?? '')
    .join('');
}
