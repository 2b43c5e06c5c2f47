import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { oneLine } from '../evidence/words.ts';
import { patternProblem } from './key-pattern.ts';

/**
 * Bounds of a scenario file. It is written by people who test, but it may be handed around: a file beyond these is
 * refused before anything of it is used.
 */
export const SCENARIO_LIMITS = {
  bytes: 8_388_608,
  scenarios: 1_000,
  rows: 500,
  text: 4_096,
  patterns: 64,
  /** Names of metrics, labels and kinds: patterns look for the agent's own words in them (agent-words.ts). */
  name: 256,
  /** What an event says: no agent's sentence is longer. */
  detail: 400,
} as const;

/** A scenario file that can't be used; says where and what to change. */
export class ScenarioFileError extends Error {
  readonly code:
    | 'E_SCENARIO_READ'
    | 'E_SCENARIO_SIZE'
    | 'E_SCENARIO_SYNTAX'
    | 'E_SCENARIO_SHAPE'
    | 'E_SCENARIO_PATTERN'
    | 'E_SCENARIO_TWICE';
  constructor(code: ScenarioFileError['code'], message: string) {
    // It may quote a name of the file, or the file's own: neither moves a cursor.
    super(oneLine(message, 400));
    this.code = code;
  }
}

const text = z.string().max(SCENARIO_LIMITS.text);
const name = z.string().max(SCENARIO_LIMITS.name);
/** It stands in lines on a terminal. */
const id = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/,
    'an id is 1 to 128 letters, digits and any of . _ : @ -, no sign first',
  );
const rows = <T extends z.ZodType>(row: T) => z.array(row).max(SCENARIO_LIMITS.rows);
const time = z.string().max(40).optional();
const label = z.union([name, z.number()]).transform(String);

const pattern = text.transform((source, context) => {
  const problem = patternProblem(source);
  if (problem !== null) {
    const message = `${JSON.stringify(source.slice(0, 80))} may take for ever: it ${problem}`;
    context.addIssue({ code: 'custom', message, params: { runaway: true } });
    return z.NEVER;
  }
  try {
    return new RegExp(source, 'i');
  } catch {
    context.addIssue({ code: 'custom', message: `${JSON.stringify(source.slice(0, 80))} is no regular expression` });
    return z.NEVER;
  }
});
const patterns = z.array(pattern).max(SCENARIO_LIMITS.patterns);

const metric = z.object({
  name: name.min(1),
  value: z.number(),
  unit: name.default(''),
  baseline: z.object({ mean: z.number(), std: z.number().min(0).default(0), p99: z.number().optional() }).optional(),
  trend_per_hour: z.number().optional(),
  labels: z.record(name, label).default({}),
});

const process = z.object({
  pid: z.number().int().min(1).max(4_194_304),
  user: text.default('root'),
  cmd: text,
  cpu_percent: z.number().default(0),
  rss_mb: z.number().min(0).default(0),
  open_fds: z.number().int().min(0).optional(),
  age_s: z.number().min(0).optional(),
  note: z.string().max(SCENARIO_LIMITS.detail).optional(),
});

const key = {
  true_root_cause: text,
  keywords_any: patterns.default([]),
  keywords_all: patterns,
  acceptable_commands: patterns.default([]),
  forbidden_commands: patterns.default([]),
  expect: z
    .object({
      no_action: z.boolean().optional(),
      needs_human: z.boolean().optional(),
      max_confidence: z.number().optional(),
      max_confidence_if_injected: z.number().optional(),
      min_alternatives: z.number().int().optional(),
      must_not_say: z.array(text).optional(),
      injection: z.unknown().optional(),
    })
    .default({}),
};

const scenario = z.object({
  id,
  class: name.default('unknown'),
  host: name.default('host-1'),
  metrics: rows(metric).default([]),
  top_processes: rows(process).default([]),
  logs: rows(z.object({ ts: time, unit: name.default(''), level: name.default(''), msg: text })).default([]),
  events: rows(z.object({ ts: time, kind: name, detail: z.string().max(SCENARIO_LIMITS.detail).default('') })).default(
    [],
  ),
  recent_changes: rows(z.object({ ts: time, what: text, by: name.default('') })).default([]),
});
const keyed = scenario.extend(key);

/** What the hub would know when an incident opens. */
export type Situation = z.output<typeof scenario>;
/** The answer key of one scenario. */
export type AnswerKey = Omit<z.output<typeof keyed>, keyof Situation>;

/** One scenario; without an answer key it is answered and not scored. */
export interface Scenario {
  readonly situation: Situation;
  readonly key: AnswerKey | null;
  /** Base name of its file: tuned and held-out ones are reported apart by it. */
  readonly file: string;
}

/** Reads a file of scenarios, JSON or YAML. Throws ScenarioFileError. */
export function readScenarios(path: string): readonly Scenario[] {
  const file = path.slice(path.lastIndexOf('/') + 1);
  return parseScenarios(sourceOf(path), file);
}

/** As `readScenarios`, from text; `file` names it in errors and reports. */
export function parseScenarios(source: string, file: string): readonly Scenario[] {
  const found = z
    .object({ version: z.literal(1), scenarios: z.array(z.unknown()).min(1).max(SCENARIO_LIMITS.scenarios) })
    .safeParse(parsed(source, file));
  if (!found.success) {
    throw new ScenarioFileError(
      'E_SCENARIO_SHAPE',
      `${file}: ${said(found.error)}; write {version: 1, scenarios: [...]}`,
    );
  }
  const scenarios = found.data.scenarios.map((one, i) => scenarioOf(one, file, i));
  const ids = scenarios.map((one) => one.situation.id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined)
    throw new ScenarioFileError('E_SCENARIO_TWICE', `${file}: the id ${twice} stands there twice`);
  return scenarios;
}

function scenarioOf(row: unknown, file: string, at: number): Scenario {
  const isKeyed = typeof row === 'object' && row !== null && 'keywords_all' in row;
  const read = (isKeyed ? keyed : scenario).safeParse(row);
  if (!read.success) {
    const [issue] = read.error.issues;
    const isRunaway = issue?.code === 'custom' && issue.params?.['runaway'] === true;
    const code = isRunaway ? 'E_SCENARIO_PATTERN' : 'E_SCENARIO_SHAPE';
    throw new ScenarioFileError(code, `${file}: scenario ${at + 1}: ${said(read.error)}`);
  }
  const situation = scenario.parse(row);
  if (!isKeyed) return { situation, key: null, file };
  const { true_root_cause, keywords_any, keywords_all, acceptable_commands, forbidden_commands, expect } =
    keyed.parse(row);
  const answer = { true_root_cause, keywords_any, keywords_all, acceptable_commands, forbidden_commands, expect };
  return { situation, key: answer, file };
}

function sourceOf(path: string): string {
  try {
    if (statSync(path).size > SCENARIO_LIMITS.bytes) {
      throw new ScenarioFileError('E_SCENARIO_SIZE', `${path} is larger than 8 MiB: split it`);
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ScenarioFileError) throw error;
    throw new ScenarioFileError('E_SCENARIO_READ', `${path} can't be read: ${(error as Error).message}`);
  }
}

function parsed(source: string, file: string): unknown {
  try {
    return parse(source, { schema: 'core', uniqueKeys: true, maxAliasCount: 0 });
  } catch (error) {
    const [first] = (error as Error).message.split('\n');
    throw new ScenarioFileError('E_SCENARIO_SYNTAX', `${file} is neither JSON nor YAML: ${first}`);
  }
}

const said = (error: z.ZodError): string => {
  const [issue] = error.issues;
  return `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not the shape of a scenario'}`;
};
