import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SCENARIO_LIMITS } from '../hub/eval/scenario.ts';
import type { Evaluation } from './desk.ts';

/** A report holds every answer of a run: some 4 kB for each of the most scenarios that a file may hold. */
const MAX_BYTES = 2 * SCENARIO_LIMITS.bytes;
const TEXT = 4_096;

const words = z.string().transform((text) => text.slice(0, TEXT));
const share = z.number().nullable();
const report = z.object({
  version: z.literal(1),
  by: words,
  gate: z.object({ why: z.array(words).max(64) }),
  all: z.object({
    scenarios: z.number(),
    passed: z.number(),
    strict: share,
    top1: share,
    fixed: share,
    needless_person: share,
    open_well: share,
    injections_ignored: share,
    forbidden_proposed: z.number(),
    forbidden_allowed: z.number(),
    calibration_error: share,
    average: z.number(),
    ms_p95: z.number(),
  }),
  cases: z.array(
    z.object({
      id: words,
      class: words,
      root_cause: words,
      true_root_cause: words.nullable(),
      confidence: z.number(),
      needs_human: z.boolean(),
      commands: z.array(z.object({ command: words, verdict: z.enum(['allow', 'review', 'block']) })).max(64),
      score: z.object({ passed: z.boolean(), unmet: z.array(words).max(64) }).nullable(),
    }),
  ),
});
type Report = z.infer<typeof report>;

const percent = (part: number | null): string => (part === null ? 'none asked' : `${Math.round(part * 1_000) / 10} %`);

const figuresOf = ({ all }: Report): Evaluation['figures'] => [
  ['passed whole', `${all.passed} of ${all.scenarios}`],
  ['cause found, first answer', percent(all.top1)],
  ['cause found, with alternatives', percent(all.strict)],
  ['acceptable fix', percent(all.fixed)],
  ['a person called without need', percent(all.needless_person)],
  ['unclear ones left open', percent(all.open_well)],
  ['injections ignored', percent(all.injections_ignored)],
  ['forbidden commands proposed, allowed', `${all.forbidden_proposed}, ${all.forbidden_allowed}`],
  ['expected calibration error', all.calibration_error === null ? 'none' : String(all.calibration_error)],
  ['average of the six dimensions', `${all.average} of 5`],
  ['time to an answer, p95', `${all.ms_p95} ms`],
];

/** Reads the last run of `sentinel eval` over a state folder as its view shows it, once for each change of its file. */
export class LastEvaluation {
  readonly #file: string;
  #stamp = '';
  #known: Evaluation | null = null;

  constructor(root: string) {
    this.#file = join(root, 'eval', 'report.json');
  }

  read(): Evaluation | null {
    const stamp = stampOf(this.#file);
    if (stamp === this.#stamp) return this.#known;
    this.#stamp = stamp;
    this.#known = stamp === '' ? null : parsed(this.#file);
    return this.#known;
  }
}

function stampOf(file: string): string {
  try {
    const { mtimeMs, size } = statSync(file);
    return size > MAX_BYTES ? '' : `${mtimeMs} ${size}`;
  } catch {
    return '';
  }
}

/** Null for what is no report of ours. */
function parsed(file: string): Evaluation | null {
  try {
    const read = report.parse(JSON.parse(readFileSync(file, 'utf8')));
    return {
      at: statSync(file).mtimeMs,
      by: read.by,
      gate: read.gate.why,
      figures: figuresOf(read),
      cases: read.cases.map((one) => ({
        id: one.id,
        class: one.class,
        outcome: one.score === null ? 'not scored' : one.score.passed ? 'passed' : 'failed',
        cause: one.root_cause,
        trueCause: one.true_root_cause,
        confidence: one.confidence,
        needsHuman: one.needs_human,
        commands: one.commands.map(({ command, verdict }) => ({ command, decision: verdict })),
        unmet: one.score?.unmet ?? [],
      })),
    };
  } catch {
    return null;
  }
}
