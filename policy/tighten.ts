import type { Finding } from './finding.ts';
import type { RuleSet } from './schema.ts';

/** What a site's restrictions say about one command, without its wrappers; `at` is the index of its name in argv. */
export function tightened(rules: RuleSet, words: readonly string[], at: number): Finding[] {
  return rules.tighten
    .filter(({ match, operand }) => {
      if (!match.every((word, i) => words[i] === word)) return false;
      return operand === null || words.slice(match.length).some((word) => operand.test(word));
    })
    .map(({ id, decision, reason }) => ({ decision, rule: id, effect: 'change', attributes: [], reason, at }));
}
