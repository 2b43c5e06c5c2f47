import { SEVERITIES, type Severity } from '../../broker/messages.ts';

/** What an expression may ask about: see `labelsOf`. A label with several values matches when one of them does. */
export const FIELDS = ['host', 'signal', 'metric', 'subject', 'severity', 'fingerprint', 'tag', 'service'] as const;
export type Field = (typeof FIELDS)[number];
export type Labels = Readonly<Record<Field, readonly string[]>>;

/** More than an operator would write or read in one line. */
const MAX_TEXT = 500;
const MAX_TERMS = 16;

const TERM = /^([a-z]+)(!=|>=|<=|=)(.+)$/;

/** An expression that no event can be held against: the message says which term, and why. */
export class MatchError extends Error {
  readonly code = 'E_MATCH';
}

/** A conjunction of terms, as people wrote it and ready to be asked. */
export interface Matcher {
  readonly text: string;
  readonly matches: (labels: Labels) => boolean;
}

/**
 * Reads an expression such as `host=web-* signal=disk.* severity>=warning tag!=lab`: all terms must hold. `=` and `!=`
 * take a value in which `*` stands for any characters; `>=` and `<=` are for severities. Throws MatchError.
 */
export function parseMatcher(text: string): Matcher {
  if (text.length > MAX_TEXT) throw new MatchError(`an expression has at most ${MAX_TEXT} characters`);
  const terms = text.split(/\s+/).filter((term) => term !== '');
  if (terms.length === 0) throw new MatchError('an expression has at least one term, for instance host=web-1');
  if (terms.length > MAX_TERMS) throw new MatchError(`an expression has at most ${MAX_TERMS} terms`);
  const tests = terms.map(readTerm);
  return { text: terms.join(' '), matches: (labels) => tests.every((test) => test(labels)) };
}

function readTerm(term: string): (labels: Labels) => boolean {
  const [, name, operator, value = ''] = TERM.exec(term) ?? [];
  const field = FIELDS.find((one) => one === name);
  if (field === undefined) {
    throw new MatchError(`${JSON.stringify(term)} is no term: write FIELD=VALUE, with one of ${FIELDS.join(', ')}`);
  }
  if (operator === '>=' || operator === '<=') return severityTerm(term, field, operator, value);
  const isLike = wildcard(value);
  const wanted = operator === '=';
  return (labels) => labels[field].some(isLike) === wanted;
}

function severityTerm(term: string, field: Field, operator: string, value: string): (labels: Labels) => boolean {
  const bound = SEVERITIES.indexOf(value as Severity);
  if (field !== 'severity' || bound === -1) {
    throw new MatchError(`${JSON.stringify(term)}: ${operator} is for severity, with one of ${SEVERITIES.join(', ')}`);
  }
  return ({ severity: [severity] }) => {
    const rank = SEVERITIES.indexOf(severity as Severity);
    return operator === '>=' ? rank >= bound : rank <= bound;
  };
}

/** `*` stands for any characters; linear in the text, whatever the pattern (no regular expression is built from it). */
function wildcard(pattern: string): (text: string) => boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return (text) => text === pattern;
  return (text) => {
    if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail)) return false;
    let at = head.length;
    const end = text.length - tail.length;
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
