import { existsSync, readFileSync, statSync } from 'node:fs';
import {
  type AutomationRule,
  openRule,
  RULE_DAYS_MAX,
  type SignedRule,
  signedRule,
} from '../../broker/automation-rule.ts';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { writeDurably } from '../../broker/durable-file.ts';
import type { Roster } from '../../broker/messages.ts';
import { list, record, ShapeError } from '../../broker/shape.ts';
import type { RuleInForce } from './allow-only.ts';
import { isSignedFrom, RULES_MAX, type WrittenRule } from './rules-file.ts';

const signedFile = record({ rules: list(signedRule, RULES_MAX) });
/** Of a whole file of rules, each as large as any may be. */
const BYTES_MAX = RULES_MAX * 20_000;

/** The signatures beside `automation.yaml` can't be read. */
export class SignedRulesError extends Error {
  readonly code = 'E_RULES_SIGNED';
}

/** What an admin has signed of a site's rules; nothing where nobody has. Throws SignedRulesError; signatures are not checked here. */
export function readSignedRules(file: string): readonly SignedRule[] {
  if (!existsSync(file)) return [];
  try {
    const { size } = statSync(file);
    if (size > BYTES_MAX) throw new ShapeError('', `at most ${BYTES_MAX} bytes`);
    return signedFile(decodeCbor(readFileSync(file)), '').rules;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SignedRulesError(`${file}: ${why}. Sign the rules anew: sentinel automation sign`);
  }
}

/** Puts the signatures beside the rules; on the disk when it returns. */
export const writeSignedRules = (file: string, rules: readonly SignedRule[]): void =>
  writeDurably(file, encodeCbor({ rules }));

/** The rules of a site's file by what they are worth. */
export interface HeldRules {
  /** Signed by an admin who is on the roster by now, as they stand in the file. */
  readonly inForce: readonly RuleInForce[];
  /** Written, and not signed so: what they would let run is said, and waits for a person. */
  readonly unsigned: readonly WrittenRule[];
}

/** Holds what is written against what was signed: a rule counts when one who may has signed all that it says now. */
export function heldRules(written: readonly WrittenRule[], signed: readonly SignedRule[], roster: Roster): HeldRules {
  const good = signed.flatMap((one): RuleInForce[] => {
    try {
      return [{ signed: one, rule: openRule(one, roster) }];
    } catch {
      // Whatever is wrong with it: it is no signature of this rule.
      return [];
    }
  });
  const found = written.map((one) => good.find(({ rule }) => isSignedFrom(rule, one)));
  return {
    inForce: found.filter((one) => one !== undefined),
    unsigned: written.filter((_, i) => found[i] === undefined),
  };
}

const DAY_MS = 86_400_000;
/** A week before its end, or in the last quarter of a shorter span, a rule is signed anew. */
const NEAR_MS = 7 * DAY_MS;

/** When a rule ends, whatever it says of itself. */
export const endOf = ({ made, not_after }: AutomationRule): number =>
  Math.min(not_after, made + RULE_DAYS_MAX * DAY_MS);

/** Whether a rule that was signed has ended, or will soon: then it is to be signed anew. */
export const isNearEnd = (rule: AutomationRule, now: number): boolean =>
  endOf(rule) - now < Math.min(NEAR_MS, (endOf(rule) - rule.made) / 4);
