// Draws the screens of a recorded site into docs/shots/*.svg, the same bytes every time.   node dist/test/tui/shots.js
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Emulator } from './emulator.ts';

process.env['NODE_ENV'] = 'production';
process.env['CI'] = 'false';
process.env['FORCE_COLOR'] = '1';
process.env['TZ'] = 'UTC';

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

/** A screen as SVG: one <text> for each run of cells of one style, at the place of its first cell. */
export function svgOf(emulator: Emulator): string {
  const { cols, rows, buffer } = emulator.terminal;
  const width = Math.ceil(cols * CELL.width + 2 * PAD);
  const height = (rows - 1) * CELL.height + 2 * PAD;
  const out: string[] = [];
  for (let y = 0; y < rows - 1; y++) {
    const line = buffer.active.getLine(y);
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
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${PAPER}"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="${CELL.size}">`,
    ...out,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

// Only now: chalk reads the environment when it loads.
const { renderAt } = await import('./render-at.ts');
const { MemoryDesk } = await import('./memory-desk.ts');
const { INCIDENT, QUIET, STATE } = await import('./recorded.ts');

const SHOTS: readonly {
  readonly name: string;
  readonly keys: readonly string[];
  readonly quiet?: boolean;
  readonly rows: number;
}[] = [
  { name: 'first-start', keys: [], quiet: true, rows: 24 },
  { name: 'incidents', keys: [], rows: 28 },
  { name: 'incident', keys: ['enter'], rows: 36 },
  { name: 'consent', keys: ['enter', 'a', '3'], rows: 28 },
  { name: 'hosts', keys: ['2'], rows: 24 },
];

const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../../../docs/shots');
mkdirSync(root, { recursive: true });
for (const shot of SHOTS) {
  const desk = shot.quiet ? new MemoryDesk(QUIET) : new MemoryDesk(STATE, [INCIDENT]);
  const seen = renderAt(110, shot.rows, desk);
  seen.press(...shot.keys);
  await seen.text();
  writeFileSync(join(root, `${shot.name}.svg`), svgOf(seen.emulator));
  seen.close();
}
process.exit(0);
