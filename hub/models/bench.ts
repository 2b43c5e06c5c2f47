import type { EvalParts } from '../eval/run.ts';
import { runScenario } from '../eval/run.ts';
import type { Scenario } from '../eval/scenario.ts';
import { caseOf, summaryOf } from '../eval/summary.ts';
import type { RepeatingReasoner, Trace } from '../reason/reasoner.ts';

/** What a model is worth on this machine: its speed, its room, and what the hub answers with it beside the rules. */
export interface BenchRow {
  readonly model: string;
  /** Milliseconds for hash, trial in another process, and load. */
  readonly open_ms: number;
  readonly threads: number;
  /** Tokens a second of a prompt, and of an answer. */
  readonly read_per_s: number | null;
  readonly write_per_s: number | null;
  /** Milliseconds for one answer, its time in the queue included. */
  readonly plan_p50_ms: number | null;
  readonly plan_p95_ms: number | null;
  /** Resident memory that it added to this process, in MiB: with its context, after it has answered. */
  readonly rss_mib: number;
  readonly scenarios: number;
  /** Scenarios that it gave an answer to that could be read. */
  readonly answered: number;
  readonly passed: number;
  readonly average: number;
}

/** Answers that are said again to time reading and writing apart. */
const REPEATED = 3;

/** Runs scenarios with one model beside the rules. `open` is timed; the model is closed at the end. */
export async function benchModel(
  open: () => Promise<RepeatingReasoner>,
  scenarios: readonly Scenario[],
  parts: EvalParts,
  signal: AbortSignal,
): Promise<BenchRow> {
  const before = process.memoryUsage.rss();
  const began = performance.now();
  const model = await open();
  const open_ms = Math.round(performance.now() - began);
  try {
    const cases = [];
    const answers = [];
    for (const scenario of scenarios) {
      if (signal.aborted) break;
      const way = await runScenario(scenario.situation, { ...parts, reasoners: [model, ...parts.reasoners] });
      cases.push(caseOf(scenario, way));
      answers.push(...way.diagnoses.filter(({ by }) => by === model.name));
    }
    const traces = answers.flatMap(({ trace }) => trace ?? []).slice(0, REPEATED);
    const speed = await speedOf(model, traces, signal);
    const rss = process.memoryUsage.rss() - before;
    const { all } = summaryOf(cases, model.name, parts.policy.hash);
    const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
    return {
      model: model.name,
      open_ms,
      threads: model.setting.threads,
      ...speed,
      plan_p50_ms: at(times, 0.5),
      plan_p95_ms: at(times, 0.95),
      rss_mib: Math.round(rss / 1_048_576),
      scenarios: all.scenarios,
      answered: answers.length,
      passed: all.passed,
      average: all.average,
    };
  } finally {
    await model.close();
  }
}

async function speedOf(
  model: RepeatingReasoner,
  traces: readonly Trace[],
  signal: AbortSignal,
): Promise<Pick<BenchRow, 'read_per_s' | 'write_per_s'>> {
  let [read, readMs, written, writeMs] = [0, 0, 0, 0];
  for (const trace of traces) {
    const { pace } = await model.repeat(trace, signal);
    read += pace.read;
    readMs += pace.read_ms;
    written += pace.written;
    writeMs += pace.write_ms;
  }
  const rate = (tokens: number, ms: number) => (ms > 0 ? Math.round((tokens / ms) * 1_000) : null);
  return { read_per_s: rate(read, readMs), write_per_s: rate(written, writeMs) };
}

/** The value below which so large a share lies; null of none. */
const at = (sorted: readonly number[], share: number): number | null =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;

const COLUMNS = [
  'model',
  'threads',
  'open_ms',
  'read_per_s',
  'write_per_s',
  'plan_p50_ms',
  'plan_p95_ms',
  'rss_mib',
  'answered',
  'passed',
  'average',
] as const satisfies readonly (keyof BenchRow)[];

/** The rows as a table, columns as wide as they need to be. */
export function benchTable(rows: readonly BenchRow[]): readonly string[] {
  const cells = [[...COLUMNS], ...rows.map((row) => COLUMNS.map((column) => String(row[column] ?? '-')))];
  const widths = COLUMNS.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  return cells.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
