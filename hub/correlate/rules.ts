import { z } from 'zod';
import { readConfigFile } from '../config-file.ts';
import { MatchError, type Matcher, parseMatcher } from './matcher.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30s`, `5m`, `2h` or `1d` in milliseconds; null for anything else. */
export function readDuration(text: string): number | null {
  const [, digits, unit = ''] = /^(\d{1,4})([smhd])$/.exec(text) ?? [];
  const factor = UNIT_MS[unit];
  return digits === undefined || factor === undefined ? null : Number(digits) * factor;
}

const duration = z.string().transform((text, context): number => {
  const ms = readDuration(text);
  if (ms !== null) return ms;
  context.addIssue({ code: 'custom', message: 'write a duration such as 30s, 5m, 2h or 1d' });
  return z.NEVER;
});

/** An expression of `parseMatcher`, in a configuration file. */
export const expression = z.string().transform((text, context): Matcher => {
  try {
    return parseMatcher(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof MatchError ? error.message : 'no expression' });
    return z.NEVER;
  }
});

const rulesFile = z.strictObject({
  version: z.literal(1, 'write "version: 1"'),
  /** An incident opens only at the count-th event within the time: for what heals itself most of the time. */
  open_after: z
    .array(z.strictObject({ match: expression, count: z.int().min(2).max(100), within: duration }))
    .max(64)
    .default([]),
  /** While an incident that matches `source` is open, events that match `target` join it. */
  inhibit: z
    .array(
      z.strictObject({
        source: expression,
        target: expression,
        equal: z.array(z.enum(['host', 'signal', 'subject', 'service'])).default([]),
      }),
    )
    .max(64)
    .default([]),
  group: z
    .strictObject({ hosts: z.int().min(2).max(1_000).default(5), within: duration.default(120_000) })
    .prefault({}),
  flapping: z
    .strictObject({
      times: z.int().min(2).max(16).default(3),
      within: duration.default(1_800_000),
      quiet: duration.default(600_000),
    })
    .prefault({}),
});

/** How events become incidents at this site; the defaults need no file. Times are milliseconds. */
export type CorrelationRules = z.infer<typeof rulesFile>;

export const DEFAULT_RULES: CorrelationRules = rulesFile.parse({ version: 1 });

/** Reads `correlate.yaml`; an absent file gives the defaults. Throws ConfigError. */
export function readCorrelationRules(file: string): CorrelationRules {
  return readConfigFile(file, rulesFile, DEFAULT_RULES);
}
