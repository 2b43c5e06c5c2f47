import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { ALONE_FROM, type AutomationRule, RULE_DAYS_MAX } from '../../broker/automation-rule.ts';
import { TAG } from '../../broker/scopes.ts';
import { ID } from '../../broker/topics.ts';
import { ConfigError, readConfigFile } from '../config-file.ts';

const DAY_MS = 86_400_000;
/** Rules that one file may hold: each is a signature, with a touch where the key is in a token. */
export const RULES_MAX = 32;
const WEEK = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const clock = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, "write an hour of UTC such as '22:00'")
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

// Words without a blank: a rule is shown in one line before it is signed, and nothing in it may read like another part.
const cause = z.string().regex(ID, 'write the class of a cause: lower-case letters, digits and dashes');
const tag = z.string().regex(TAG, 'write a word, or key=word');

const ruleEntry = z.strictObject({
  /** What people call it. */
  name: z.string().regex(ID, 'write lower-case letters, digits and dashes, at most 48'),
  /** From which confidence on. */
  confidence: z
    .number()
    .min(ALONE_FROM, `write ${ALONE_FROM} to 1: nothing less sure runs alone`)
    .max(1)
    .default(ALONE_FROM),
  /** Classes of causes; none: all. */
  classes: z.array(cause).max(64).default([]),
  hosts: z.array(z.string().regex(ID, 'write the id of a host: groups of hosts are tags')).max(256).default([]),
  /** Tags that a host must carry, all of them. */
  tags: z.array(tag).max(32).default([]),
  /** When, in UTC; an end before its beginning is on the next day. None: at any hour. */
  windows: z
    .array(
      z
        .strictObject({
          days: z
            .array(z.enum(WEEK))
            .min(1)
            .max(7)
            .default([...WEEK]),
          from: clock.refine((minute) => minute < 1_440, 'write an hour before 24:00'),
          to: clock.refine((minute) => minute > 0, "write '24:00' for midnight"),
        })
        .refine(({ from, to }) => from !== to, "no time lies between: write '00:00' to '24:00' for the whole day"),
    )
    .max(16)
    .default([]),
  /** Plans on one host within an hour. */
  per_host_hour: z.int().min(1).max(60).default(4),
  /** Hosts on which plans run within an hour, over the whole site: the blast radius. Absent: all. */
  hosts_per_hour: z.int().min(1).max(10_000).optional(),
  /** For how long a signature of it counts. */
  days: z.int().min(1).max(RULE_DAYS_MAX, `write 1 to ${RULE_DAYS_MAX} days: then an admin signs it anew`).default(31),
});

const rulesFile = z.strictObject({
  version: z.literal(1, 'write "version: 1"'),
  rules: z.array(ruleEntry).max(RULES_MAX, `at most ${RULES_MAX} rules`).default([]),
});

type Covers = Pick<
  AutomationRule,
  'confidence' | 'classes' | 'hosts' | 'tags' | 'windows' | 'per_host_hour' | 'hosts_per_hour'
>;

/** One rule of `automation.yaml` as it is written there: it lets nothing run before an admin has signed it. */
export interface WrittenRule {
  readonly name: string;
  readonly days: number;
  readonly covers: Covers;
}

/** Reads `automation.yaml`; without the file there are no rules. Throws ConfigError with the line of the first mistake. */
export function readRulesFile(file: string): readonly WrittenRule[] {
  const { rules } = readConfigFile(file, rulesFile, { version: 1, rules: [] });
  const names = rules.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigError(file, 1, `two rules are called ${twice}`, 'rename one');
  return rules.map(({ name, days, windows, hosts_per_hour, ...rest }) => ({
    name,
    days,
    covers: {
      ...rest,
      windows: windows.map((window) => ({ ...window, days: window.days.map((day) => WEEK.indexOf(day)) })),
      ...(hosts_per_hour === undefined ? {} : { hosts_per_hour }),
    },
  }));
}

/** The rule as an admin would sign it at `made`. */
export const ruleOf = (
  { name, days, covers }: WrittenRule,
  signer: Pick<AutomationRule, 'id' | 'site' | 'by' | 'made'>,
): AutomationRule => ({ ...signer, not_after: signer.made + days * DAY_MS, name, ...covers });

/** Whether a rule that was signed is this one, in everything that it says. */
export const isSignedFrom = (rule: AutomationRule, written: WrittenRule): boolean => {
  const { id, site, by, made } = rule;
  return isDeepStrictEqual(rule, ruleOf(written, { id, site, by, made }));
};
