import { escapeHtml } from '../report/escape.ts';
import { codeSpan } from '../report/markdown.ts';
import type { Bucket } from './reliability.ts';
import { DIMENSIONS } from './score.ts';
import type { CaseLine, Figures, Summary } from './summary.ts';

/** What of an earlier run a report compares with. */
export interface Before {
  readonly all: Figures;
  readonly cases: readonly { readonly id: string; readonly score: { readonly passed: boolean } | null }[];
}

/** A report's rows, whatever it is written as. */
interface Row {
  readonly name: string;
  readonly value: string;
  readonly before: string;
}

const percent = (share: number | null): string =>
  share === null ? 'none asked' : `${Math.round(share * 1_000) / 10} %`;

function rowsOf(now: Figures, before: Figures | undefined): readonly Row[] {
  const row = (name: string, of: (figures: Figures) => string): Row => ({
    name,
    value: of(now),
    before: before === undefined ? '' : of(before),
  });
  return [
    row('scenarios', (f) => String(f.scenarios)),
    row('passed whole', (f) => `${f.passed} of ${f.scenarios}`),
    row('cause found (with alternatives)', (f) => percent(f.strict)),
    row('cause found (first answer)', (f) => percent(f.top1)),
    row('acceptable fix', (f) => percent(f.fixed)),
    row('a person called without need', (f) => percent(f.needless_person)),
    row('unclear ones: abstained or listed the cause', (f) => percent(f.open_well)),
    row('forbidden commands proposed, allowed', (f) => `${f.forbidden_proposed}, ${f.forbidden_allowed}`),
    row('injections ignored', (f) => percent(f.injections_ignored)),
    row('expected calibration error', (f) => (f.calibration_error === null ? 'none' : String(f.calibration_error))),
    ...DIMENSIONS.map((name) => row(name, (f) => String(f.dimensions[name]))),
    row('average of the six', (f) => String(f.average)),
    row('time to an answer, p95', (f) => `${f.ms_p95} ms`),
  ];
}

/** What passed then and does not now, and the other way round. */
function turned(
  summary: Summary,
  before: Before | undefined,
): { readonly lost: readonly string[]; readonly won: readonly string[] } {
  const was = new Map((before?.cases ?? []).map((one) => [one.id, one.score?.passed === true]));
  const is = summary.cases.map((one) => ({ id: one.id, passed: one.score?.passed === true }));
  return {
    lost: is.flatMap(({ id, passed }) => (!passed && was.get(id) === true ? [id] : [])),
    won: is.flatMap(({ id, passed }) => (passed && was.get(id) === false ? [id] : [])),
  };
}

const markOf = ({ score }: CaseLine): string => (score === null ? 'not scored' : score.passed ? 'passed' : 'failed');

function whyOf({ score }: CaseLine): readonly string[] {
  if (score === null || score.passed) return [];
  return [
    ...(score.strict ? [] : ['cause not found']),
    ...(score.fixed ? [] : ['no acceptable command']),
    ...score.forbidden.map((one) => `forbidden: ${one}`),
    ...score.unmet,
  ];
}

/** The report as Markdown. */
export function evalMarkdown(summary: Summary, before?: Before): string {
  const md = codeSpan;
  const table = (rows: readonly Row[]) => [
    `| | now |${before === undefined ? '' : ' last run |'}`,
    `|---|---|${before === undefined ? '' : '---|'}`,
    ...rows.map(({ name, value, before: was }) => `| ${name} | ${value} |${before === undefined ? '' : ` ${was} |`}`),
  ];
  const { lost, won } = turned(summary, before);
  return [
    '# Evaluation',
    '',
    `Reasoners: ${md(summary.by)}. Policy ${summary.policy.slice(0, 16)}.`,
    summary.gate.passed ? 'The gate is passed.' : `The gate is not passed: ${summary.gate.why.join('; ')}.`,
    '',
    ...table(rowsOf(summary.all, before?.all)),
    '',
    ...(lost.length === 0 ? [] : [`Passed in the last run and not in this one: ${md(lost.join(', '))}.`, '']),
    ...(won.length === 0 ? [] : [`Passed now and not in the last run: ${md(won.join(', '))}.`, '']),
    '## By file',
    '',
    ...Object.entries(summary.files).flatMap(([file, figures]) => [
      `### ${md(file)}`,
      '',
      ...table(rowsOf(figures, undefined)),
      '',
    ]),
    '## Reliability',
    '',
    '| said | answers | right |',
    '|---|---|---|',
    ...summary.all.reliability.map(
      ({ said, answers, right }) => `| ${percent(said)} | ${answers} | ${percent(right)} |`,
    ),
    '',
    '## Scenarios',
    '',
    ...summary.cases.flatMap((one) => [
      `### ${md(one.id)}: ${markOf(one)}`,
      '',
      `- answer (${one.confidence}${one.needs_human ? ', a person' : ''}): ${md(one.root_cause)}`,
      ...(one.true_root_cause === null ? [] : [`- true: ${md(one.true_root_cause)}`]),
      ...one.alternatives.map((other) => `- or: ${md(other)}`),
      ...one.commands.map(({ command, verdict }) => `- ${verdict}: ${md(command)}`),
      ...whyOf(one).map((why) => `- **${md(why)}**`),
      '',
    ]),
  ].join('\n');
}

const STYLE =
  'body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2rem .6rem;text-align:left}details{margin:.3rem 0}.failed{color:#a40000}.passed{color:#0b5f0b}code{white-space:pre-wrap}';

/** The report as one page that needs no other file and runs no script. */
export function evalHtml(summary: Summary, before?: Before): string {
  const h = escapeHtml;
  const table = (rows: readonly Row[], withBefore: boolean) =>
    `<table>${rows.map(({ name, value, before: was }) => `<tr><th>${h(name)}</th><td>${h(value)}</td>${withBefore ? `<td>${h(was)}</td>` : ''}</tr>`).join('')}</table>`;
  const { lost, won } = turned(summary, before);
  const gate = summary.gate.passed ? 'The gate is passed.' : `The gate is not passed: ${summary.gate.why.join('; ')}.`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evaluation</title><style>${STYLE}</style></head><body>
<h1>Evaluation</h1><p>Reasoners: ${h(summary.by)}. Policy ${h(summary.policy.slice(0, 16))}. <strong>${h(gate)}</strong></p>
${table(rowsOf(summary.all, before?.all), before !== undefined)}
${lost.length === 0 ? '' : `<p class="failed">Passed in the last run and not in this one: ${h(lost.join(', '))}</p>`}
${won.length === 0 ? '' : `<p class="passed">Passed now and not in the last run: ${h(won.join(', '))}</p>`}
<h2>Reliability</h2>${diagram(summary.all.reliability)}
<h2>By file</h2>${Object.entries(summary.files)
    .map(([file, figures]) => `<h3>${h(file)}</h3>${table(rowsOf(figures, undefined), false)}`)
    .join('')}
<h2>Scenarios</h2>${summary.cases.map(caseHtml).join('\n')}
</body></html>
`;
}

function caseHtml(one: CaseLine): string {
  const h = escapeHtml;
  const item = (name: string, text: string) => `<p>${name}: ${h(text)}</p>`;
  return `<details><summary class="${markOf(one) === 'failed' ? 'failed' : 'passed'}">${h(one.id)} (${h(one.class)}): ${markOf(one)}</summary>
${item(`answer (${one.confidence}${one.needs_human ? ', a person' : ''})`, one.root_cause)}
${one.true_root_cause === null ? '' : item('true', one.true_root_cause)}
${one.alternatives.map((other) => item('or', other)).join('')}
${one.commands.map(({ command, verdict }) => `<p>${h(verdict)}: <code>${h(command)}</code></p>`).join('')}
${whyOf(one)
  .map((why) => `<p class="failed">${h(why)}</p>`)
  .join('')}</details>`;
}

/** What was said against what was right: on the line is honest, under it is too sure. */
function diagram(buckets: readonly Bucket[]): string {
  const at = (share: number) => Math.round(share * 300);
  const dots = buckets
    .map(
      ({ said, right, answers }) =>
        `<circle cx="${at(said)}" cy="${300 - at(right)}" r="${Math.min(14, 3 + answers)}" fill="#0072b2" fill-opacity=".6"><title>said ${percent(said)}, right ${percent(right)} of ${answers}</title></circle>`,
    )
    .join('');
  return `<svg viewBox="-40 -10 360 350" width="420" role="img" aria-label="confidence against correctness"><rect width="300" height="300" fill="none" stroke="#999"/><line x1="0" y1="300" x2="300" y2="0" stroke="#999" stroke-dasharray="4"/>${dots}<text x="150" y="330" text-anchor="middle">said</text><text x="-150" y="-14" transform="rotate(-90)" text-anchor="middle">right</text></svg>`;
}
