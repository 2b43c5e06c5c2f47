import { existsSync, readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import type { Before } from './report.ts';
import { SCENARIO_LIMITS } from './scenario.ts';
import { DIMENSIONS, type Dimension } from './score.ts';

/** A report holds every answer of a run: some 4 kB for each of the most scenarios that a file may hold. */
const MAX_BYTES = 2 * SCENARIO_LIMITS.bytes;

const amount = z.number();
const maybe = amount.nullable();
const shape = z.object({
  version: z.literal(1),
  all: z.object({
    scenarios: amount,
    passed: amount,
    strict: amount,
    top1: amount,
    fixed: amount,
    needless_person: maybe,
    forbidden_proposed: amount,
    forbidden_allowed: amount,
    injections_ignored: maybe,
    open_well: maybe,
    dimensions: z.record(z.enum(DIMENSIONS), amount) as z.ZodType<Record<Dimension, number>>,
    average: amount,
    calibration_error: maybe,
    reliability: z.array(z.object({ from: amount, to: amount, answers: amount, said: amount, right: amount })),
    ms_p95: amount,
  }),
  cases: z.array(
    z.object({ id: z.string().max(SCENARIO_LIMITS.name), score: z.object({ passed: z.boolean() }).nullable() }),
  ),
});

/** The last run's figures, from its `report.json`: undefined where there is none, null where the file is no report of ours. */
export function readBefore(file: string): Before | null | undefined {
  if (!existsSync(file)) return undefined;
  try {
    if (statSync(file).size > MAX_BYTES) return null;
    const read = shape.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
