import type { Verdict } from './verdict.ts';
import { unwrap } from './wrappers.ts';

/** Columns of source shown around what decided: a terminal line. */
const WIDTH = 100;

/** A text with everything that a terminal could obey, or a reader could be fooled by, spelled out. */
export function showSource(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (c) => {
    const code = c.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** One verdict for a person: the source with the deciding part underlined, then rule, effect and reason. */
export function explain(text: string, verdict: Verdict): string {
  const [start, end] = verdict.span ?? [0, text.length];
  const from = Math.max(0, Math.min(start, text.length) - Math.floor(WIDTH / 2));
  const before = showSource(text.slice(from, start));
  const marked = showSource(text.slice(start, Math.min(end, from + WIDTH)));
  const after = showSource(text.slice(Math.min(end, from + WIDTH), from + WIDTH));
  const lines = [
    `  ${before}${marked}${after}`,
    `  ${' '.repeat(before.length)}${'^'.repeat(Math.max(1, marked.length))}`,
    `${verdict.decision}: ${verdict.reason}`,
    `  rule    ${verdict.rule}`,
    `  effect  ${[verdict.effect, ...verdict.attributes].join(', ')}`,
  ];
  const named = target(text, verdict);
  if (named !== null) lines.push(`  target  ${showSource(named)}`);
  if (verdict.alternative !== undefined) lines.push(`  try     ${verdict.alternative}`);
  for (const job of verdict.program?.jobs ?? []) {
    for (const { argv } of job.pipe) lines.push(`  runs    ${JSON.stringify(argv)}`);
  }
  return lines.join('\n');
}

/** The thing that the deciding command acts on: the word that decided, or the last word of its command that is no flag. */
function target(text: string, { span, program }: Verdict): string | null {
  if (span === undefined || program === null) return null;
  const [start, end] = span;
  const word = text.slice(start, end).replace(/['"\\]/g, '');
  const commands = program.jobs.flatMap(({ pipe }) => pipe.map(({ argv }) => argv));
  // What stands before the innermost command's name is a wrapper's.
  const inner = commands.map((argv) => argv.slice(unwrap(argv).at));
  if (inner.some((argv) => argv.includes(word, 1) && !word.startsWith('-'))) return word;
  const acting = inner.find((argv) => argv.includes(word.replace(/^.*\//, '')));
  return acting?.slice(1).findLast((one) => !one.startsWith('-')) ?? null;
}
