import { readFileSync } from 'node:fs';

/** A command line of this product as a page shows it. */
export interface DocCommand {
  /** `docs/page.md:12`. */
  readonly at: string;
  /** What follows the word `sentinel`. */
  readonly argv: readonly string[];
}

/** A word of a line and where it ends; null at the end of the command: a pipe, a redirection, a comment, a column of prose. */
const WORD = /^ ?(?:'([^']*)'|"([^"]*)"|((?:[^\s'"|<>;&()#`]|(?<=[^\s])[|#](?=[^\s]))+))/;
/** Where a command begins: not in a path, not as a user's name before `--`. */
const BEGINS = /(?<![\w./$-])(?:npm run -s sentinel -- |sentinel +)(?=[a-z]|--[a-z])/g;

/**
 * Every command line of a page: in blocks of code, indented or fenced, and between backticks. `[--flag VALUE]` of a usage
 * line is read as if it were typed; `...` stands for what a person adds.
 */
export function commandsOf(page: string, text: string): readonly DocCommand[] {
  const found: DocCommand[] = [];
  for (const [number, code] of codeOf(text)) {
    for (const { index, 0: start } of code.matchAll(BEGINS))
      found.push({ at: `${page}:${number}`, argv: wordsOf(code.slice(index + start.length)) });
  }
  return found;
}

/** The pieces of code of a page with their lines; a line that ends with a backslash goes on. */
function* codeOf(text: string): Generator<readonly [line: number, code: string]> {
  const lines = text.split('\n');
  let isFenced = false;
  let prose = { from: 1, text: '' };
  for (let i = 0; i < lines.length; i++) {
    const from = i + 1;
    let line = lines[i] ?? '';
    if (line.startsWith('```')) isFenced = !isFenced;
    while (line.endsWith('\\') && i + 1 < lines.length) line = `${line.slice(0, -1).trimEnd()} ${lines[++i]?.trim()}`;
    const isCode = isFenced || line.startsWith('    ') || line === '```';
    if (isCode || line === '') {
      yield* spansOf(prose);
      prose = { from: i + 2, text: '' };
      if (isCode) yield [from, line];
    } else prose.text += `${line}\n`;
  }
  yield* spansOf(prose);
}

/** What stands between backticks in a paragraph, also over the end of a line. */
function* spansOf(prose: { readonly from: number; readonly text: string }): Generator<readonly [number, string]> {
  for (const { index, 1: code = '' } of prose.text.matchAll(/`([^`]+)`/g))
    yield [prose.from + prose.text.slice(0, index).split('\n').length - 1, code.replaceAll('\n', ' ')];
}

function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  let rest = text;
  for (;;) {
    const [whole, single, double, bare] = WORD.exec(rest) ?? [];
    if (whole === undefined || whole === '') return words;
    rest = rest.slice(whole.length);
    const word = single ?? double ?? (bare ?? '').replace(/^\[+|\]+(?:\.\.\.)?$/g, '');
    if (word !== '' && word !== '...') words.push(word);
  }
}

export const pageOf = (root: string, page: string): readonly DocCommand[] =>
  commandsOf(page, readFileSync(`${root}${page}`, 'utf8'));
