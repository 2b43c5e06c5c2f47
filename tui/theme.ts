/** What a piece of text means; views name these and never a colour. */
export type Tone =
  | 'plain'
  | 'dim'
  | 'strong'
  /** The selection: the one accent. */
  | 'accent'
  /** Waits for a person. */
  | 'wait'
  /** Critical, or blocked. Nothing else is red. */
  | 'alarm'
  /** A button that has the focus. */
  | 'focus';

/** What Ink's <Text> is told: the 16 ANSI names only, so that the terminal's own theme decides. */
export interface Style {
  readonly color?: string;
  readonly bold?: boolean;
  readonly dimColor?: boolean;
  readonly inverse?: boolean;
}

export interface Glyphs {
  readonly critical: string;
  readonly warning: string;
  readonly info: string;
  readonly well: string;
  readonly silent: string;
  readonly allow: string;
  readonly review: string;
  readonly block: string;
  /** From empty to full, each one column. */
  readonly spark: readonly string[];
  readonly gap: string;
  readonly level: string;
  readonly full: string;
  readonly empty: string;
}

export interface Theme {
  readonly ascii: boolean;
  /** What charts are drawn in. */
  readonly charts: 'braille' | 'block' | 'ascii';
  readonly glyphs: Glyphs;
  readonly style: Readonly<Record<Tone, Style>>;
}

const UNICODE: Glyphs = {
  critical: '▲',
  warning: '◆',
  info: '◇',
  well: '●',
  silent: '○',
  allow: '✓',
  review: '?',
  block: '✕',
  spark: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  gap: ' ',
  level: '┄',
  full: '█',
  empty: '░',
};

const ASCII: Glyphs = {
  critical: '!',
  warning: '*',
  info: '-',
  well: '+',
  silent: 'o',
  allow: '[ok]',
  review: '[?]',
  block: '[x]',
  spark: ['_', '.', '-', '=', '+', '*', '%', '#'],
  gap: ' ',
  level: '-',
  full: '#',
  empty: '.',
};

/** The console's font has the half and the full block, and neither braille nor the eighths. */
const BLOCKS: Glyphs = { ...UNICODE, spark: ['_', '▄', '█'] };

/** Our own signs beyond the glyphs above, each with a stand-in of the same width. */
const STAND_INS: Readonly<Record<string, string>> = {
  '─': '-',
  '┄': '-',
  '│': '|',
  '┌': '+',
  '┐': '+',
  '└': '+',
  '┘': '+',
  '▌': '>',
  '▐': '<',
  '·': '-',
  '…': '~',
  '›': '>',
  '→': '>',
  '×': 'x',
  '±': '~',
  '≤': '<',
  '≥': '>',
  '↑': '^',
  '↓': 'v',
  µ: 'u',
  '“': '"',
  '”': '"',
};

const COLOURED: Theme['style'] = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  accent: { color: 'cyan', bold: true },
  wait: { color: 'yellow' },
  alarm: { color: 'red', bold: true },
  focus: { inverse: true },
};

/** Without colour, weight alone tells what waits and what is selected; words and glyphs already say the rest. */
const COLOURLESS: Theme['style'] = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  accent: { bold: true },
  wait: { bold: true },
  alarm: { bold: true },
  focus: { inverse: true },
};

/**
 * Reads the environment once: NO_COLOR (any value but the empty one) takes colour away, a locale that is not UTF-8
 * takes every glyph outside ASCII away, and the console (TERM=linux) has charts in half blocks. No question is ever sent to the terminal: its answer could come after exit.
 */
export function themeFor(env: Readonly<Record<string, string | undefined>>): Theme {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const ascii = !/utf-?8/i.test(locale);
  const isConsole = env['TERM'] === 'linux';
  return {
    ascii,
    charts: ascii ? 'ascii' : isConsole ? 'block' : 'braille',
    glyphs: ascii ? ASCII : isConsole ? BLOCKS : UNICODE,
    style: env['NO_COLOR'] ? COLOURLESS : COLOURED,
  };
}

/** Replaces what is left outside ASCII, one column for one column; remote letters become `?`. */
export function toAscii(text: string, widthOf: (text: string) => number): string {
  let out = '';
  for (const char of text) {
    out += char >= ' ' && char <= '~' ? char : (STAND_INS[char] ?? '?'.repeat(widthOf(char)));
  }
  return out;
}
