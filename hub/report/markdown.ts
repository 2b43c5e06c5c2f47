import { visible } from '../visible.ts';
import { type Block, type Inline, lasting, moment, type Series, type Words } from './blocks.ts';

/** The report as Markdown (CommonMark): remote text stands in code, where nothing is markup, a link or a picture. */
export const markdownOf = (blocks: readonly Block[]): string => `${blocks.map(blockText).join('\n\n')}\n`;

function blockText(block: Block): string {
  switch (block.kind) {
    case 'title':
      return `# ${words(block.words)}`;
    case 'heading':
      return `## ${words(block.words)}`;
    case 'line':
      return words(block.words);
    case 'list':
      return block.items.map((item) => `- ${words(item)}`).join('\n');
    case 'output':
      return fenced(block.text);
    case 'phases':
      return block.phases.map(({ state, from, to }) => `- ${state}: ${lasting(to - from)}`).join('\n');
    case 'series':
      return seriesText(block.series);
    default:
      return block satisfies never;
  }
}

const words = (all: Words): string => all.map(inline).join('');

const inline = (one: Inline): string => (typeof one === 'string' ? one : codeSpan(one.remote));

/** One line, in a fence longer than any in it (CommonMark 6.1). */
export function codeSpan(text: string): string {
  const clean = visible(text.replace(/\s+/g, ' ')).trim();
  if (clean === '') return '(nothing)';
  const fence = '`'.repeat(longestRun(clean) + 1);
  const pad = clean.startsWith('`') || clean.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${clean}${pad}${fence}`;
}

/** Lines as they were, in a fence that none of them closes (CommonMark 4.5). */
function fenced(text: string): string {
  const lines = text.split('\n').map(visible);
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return [`${fence}text`, ...lines, fence].join('\n');
}

const longestRun = (text: string): number => Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));

const BARS = [...'▁▂▃▄▅▆▇█'];
const COLUMNS = 60;

/** Numbers, and the course as a row of bars: Markdown draws no chart. */
function seriesText({ metric, unit, points, limit }: Series): string {
  const known = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const size = Math.ceil(points.length / COLUMNS);
  const bars = Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const here = points.slice(i * size, (i + 1) * size).flatMap(({ value }) => (value === null ? [] : [value]));
    if (here.length === 0) return ' ';
    const share = high === low ? 0 : (Math.max(...here) - low) / (high - low);
    return BARS[Math.round(share * (BARS.length - 1))] ?? ' ';
  });
  const from = points[0]?.at ?? 0;
  const to = points.at(-1)?.at ?? from;
  const bound = limit === null ? '' : `, limit ${limit}`;
  return [
    `${codeSpan(metric)} in ${unit === '' ? 'its unit' : codeSpan(unit)}, ${moment(from)} to ${moment(to)}: lowest ${low}, highest ${high}${bound}`,
    '',
    fenced(bars.join('')),
  ].join('\n');
}
