import { ALONE_FROM } from '../../broker/automation-rule.ts';
import type { Event } from '../../broker/messages.ts';
import type { EvidenceItem } from '../evidence/evidence.ts';
import { isPlainMetric } from '../evidence/names.ts';

/** Everything that an event tells beside its numbers, in lower case: what the phrases of playbooks are looked for in. */
export interface Told {
  readonly all: string;
  /** What the agent itself says: nobody on the far side chose a word of it. */
  readonly trusted: string;
}

/**
 * How sure a plan may be whose playbook was told apart by words that anyone could have written: just under what may run
 * with nobody there (invariant 12), so that a person reads the line before it brings anything about.
 */
export const HEARSAY_CAP = Math.round((ALONE_FROM - 0.01) * 100) / 100;

/** Facts whose text is a name that somebody gave, a mount's or a group's: with a space in it, it may be a sentence. */
const NAMES = new Set(['subject', 'path', 'folder', 'group', 'unit', 'timer']);

/** A fact is looked through as `fact NAME TEXT`, so that a phrase may hang on which fact it is. */
export function toldBy({ metric = '', reason, snapshot }: Event): Told {
  const { unit_lines: lines = [], log_templates: templates = [], changes = [], facts = {} } = snapshot ?? {};
  const said = [
    ...lines,
    ...templates.map(({ template }) => template),
    ...changes.map(({ what }) => what),
    ...Object.entries(facts).map(([name, { text, trusted }]) => ({
      text: `fact ${name} ${text}`,
      trusted: trusted && !(NAMES.has(name) && /\s/.test(text)),
    })),
  ];
  const joined = (texts: readonly string[]): string => texts.join('\n').toLowerCase();
  return {
    all: joined([metric, reason, ...said.map(({ text }) => text)]),
    // The agent's sentence may quote a process or a path.
    trusted: joined([
      ...(isPlainMetric(metric) ? [metric] : []),
      ...said.flatMap(({ text, trusted }) => (trusted ? [text] : [])),
    ]),
  };
}

/** The first of the phrases that the agent itself says, else the first that anything says. */
export const mentionIn = (phrases: readonly string[], { all, trusted }: Told): string | undefined =>
  phrases.find((one) => trusted.includes(one)) ?? phrases.find((one) => all.includes(one));

/** Whether a phrase stands in nothing but text that others wrote. */
export const isHearsay = (phrase: string | undefined, event: Event): boolean =>
  phrase !== undefined && !toldBy(event).trusted.includes(phrase);

/**
 * Whether the agent says a phrase of more than a name: by a line of its own, or a fact that is none. That a file system or
 * a unit is called so does not tell what is wrong with it.
 */
export const isSaidOfMore = (phrase: string, { snapshot }: Event): boolean =>
  [
    ...(snapshot?.unit_lines ?? []),
    ...Object.entries(snapshot?.facts ?? {}).flatMap(([name, { text, trusted }]) =>
      NAMES.has(name) ? [] : [{ text: `fact ${name} ${text}`, trusted }],
    ),
  ].some(({ text, trusted }) => trusted && text.toLowerCase().includes(phrase));

/** Whether a phrase hangs on which fact the agent gave: `fact held pid`. */
export const isOfFact = (phrase: string): boolean => phrase.startsWith('fact ');

/** Whether an item of the evidence holds a phrase; a fact is read as `toldBy` reads it. */
export function speaksOf({ kind, text }: EvidenceItem, phrase: string): boolean {
  const read = text.toLowerCase();
  return read.includes(phrase) || (kind === 'fact' && `fact ${read.replace(': ', ' ')}`.includes(phrase));
}
