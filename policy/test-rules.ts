import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { LoadOptions } from './load-rules.ts';
import { PolicyError, tryPolicy } from './policy.ts';
import { messageOf } from './policy-error.ts';
import { lineOf } from './rule-tree.ts';
import type { Decision, Inventory } from './verdict.ts';

/** One promise that a person makes about the policy: this command gets that verdict. */
export interface Case {
  readonly id: string;
  readonly command: string;
  readonly verdict: Decision;
}

/** What testing a policy came to: how many promises were checked, and a sentence for each that does not hold. */
export interface TestReport {
  readonly examples: number;
  readonly cases: number;
  readonly failures: readonly string[];
}

/** Checks the examples of every rule file, and a user's own cases. Throws a PolicyError when files do not read. */
export async function testRules(
  options: LoadOptions,
  cases: readonly Case[],
  inventory: Inventory | null,
): Promise<TestReport> {
  const { policy, examples, broken } = await tryPolicy(options);
  const wrong = cases.flatMap(({ id, command, verdict }) => {
    const { decision, rule, reason } = policy.check(command, inventory);
    return decision === verdict ? [] : [`case ${id}: promised ${verdict}, is ${decision} by ${rule} (${reason})`];
  });
  return { examples, cases: cases.length, failures: [...broken.map(({ message }) => message), ...wrong] };
}

/** Cases of one file: a list of cases is enough for a whole site, and must not fill the memory. */
const CASES = 100_000;

/**
 * Reads a file of cases: JSON lines `{"cmd","verdict","id"?}`, or YAML with the lists `allow`, `review` and `block`.
 * Throws a PolicyError with code, file and line.
 */
export function readCases(path: string): Case[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new PolicyError('E_POLICY_READ', path, 0, messageOf(error));
  }
  const cases = /\.ya?ml$/.test(path) ? fromYaml(path, text) : fromLines(path, text);
  if (cases.length > CASES) throw new PolicyError('E_POLICY_CASES', path, 0, `more than ${CASES} cases`);
  if (cases.length === 0) throw new PolicyError('E_POLICY_CASES', path, 0, 'it holds no case');
  return cases;
}

const DECISIONS = ['allow', 'review', 'block'] as const;

function fromLines(path: string, text: string): Case[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const bad = (message: string) => new PolicyError('E_POLICY_CASES', path, i + 1, message);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw bad('this line is no JSON');
    }
    if (typeof value !== 'object' || value === null) throw bad('a case is {"cmd","verdict"}');
    const { cmd, verdict, id } = value as Record<string, unknown>;
    const known = DECISIONS.find((decision) => decision === verdict);
    if (typeof cmd !== 'string' || known === undefined)
      throw bad('a case has "cmd", and "verdict" allow, review or block');
    return [{ id: String(id ?? i + 1), command: cmd, verdict: known }];
  });
}

function fromYaml(path: string, text: string): Case[] {
  const document = parseDocument(text, { schema: 'core', uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw new PolicyError('E_POLICY_CASES', path, lineOf(problem), messageOf(problem));
  }
  const value: unknown = document.toJS({ maxAliasCount: 0 });
  if (typeof value !== 'object' || value === null) {
    throw new PolicyError('E_POLICY_CASES', path, 1, 'it has the lists allow, review and block');
  }
  return Object.entries(value).flatMap(([key, list]: [string, unknown]) => {
    const verdict = DECISIONS.find((decision) => decision === key);
    if (verdict === undefined || !Array.isArray(list) || !list.every((command) => typeof command === 'string')) {
      throw new PolicyError('E_POLICY_CASES', path, 0, `${key} is no list of commands under allow, review or block`);
    }
    return list.map((command, i): Case => ({ id: `${verdict} ${i + 1}`, command, verdict }));
  });
}
