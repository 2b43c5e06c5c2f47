import { visible } from '../visible.ts';
import type { Block, Inline, Words } from './blocks.ts';
import { phasesChart, seriesChart } from './charts.ts';
import { escapeHtml } from './escape.ts';

/** Nothing is fetched and nothing runs, whatever stands in the text: the page forbids it to itself. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --soft: #f1f1ee; --line: #0072b2; --bad: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #16181a; --soft: #24272a; --line: #56b4e9; --bad: #e69f00; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: var(--soft); border-radius: 3px; overflow-wrap: anywhere; }
code { padding: 0 .25em; } pre { padding: .75em; white-space: pre-wrap; }
figure { margin: 1rem 0; } figcaption { font-size: 14px; } svg { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); }`;

/** The report as one HTML page that needs nothing beside itself: styles and charts are in it. */
export function htmlOf(blocks: readonly Block[]): string {
  const name = blocks.flatMap((one) => (one.kind === 'title' ? one.words.map(plain) : [])).join('');
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${escapeHtml(visible(name))}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    ...blocks.map(blockHtml),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

const plain = (one: Inline): string => (typeof one === 'string' ? one : one.remote);

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'title':
      return `<h1>${words(block.words)}</h1>`;
    case 'heading':
      return `<h2>${words(block.words)}</h2>`;
    case 'line':
      return `<p>${words(block.words)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${words(item)}</li>`).join('')}</ul>`;
    case 'output':
      return `<pre>${escapeHtml(block.text.split('\n').map(visible).join('\n'))}</pre>`;
    case 'phases':
      return phasesChart(block.phases);
    case 'series':
      return seriesChart(block.series);
    default:
      return block satisfies never;
  }
}

const words = (all: Words): string =>
  all
    .map((one) => (typeof one === 'string' ? escapeHtml(one) : `<code>${escapeHtml(visible(one.remote))}</code>`))
    .join('');
