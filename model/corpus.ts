import { type Catalogue, loadCatalogue, withClasses } from '../grammars/catalogue.ts';
import type { Evidence } from '../hub/evidence/evidence.ts';
import { loadPlaybooks, type Playbook } from '../hub/playbook/playbook.ts';
import type { Prompt } from '../hub/reason/prompt.ts';
import { PlaybookIndex } from '../hub/reason/retrieval.ts';
import { buildSlotPrompt, SLOT_LIMITS } from '../hub/reason/slot-prompt.ts';
import { answerFor } from './answer.ts';
import type { Cause } from './cause.ts';
import { CAUSES } from './causes/all.ts';
import { makeIncident } from './incident.ts';
import type { Split } from './names.ts';
import { Random } from './random.ts';

/** A change of what a seed makes is another corpus: the number goes into the model's manifest. */
export const CORPUS_VERSION = 4;

/**
 * How often the cause is not to be known: no playbook treats it, or two causes are told at once. The former is soon
 * learned.
 */
const SHARE = { train: { untreated: 0.05, twofold: 0.22 }, held: { untreated: 0.13, twofold: 0.1 } } as const;

/** One incident with the answer that a model should give. */
export interface Sample {
  readonly split: Split;
  readonly seed: number;
  readonly class: string;
  /** What is asked: `clear`, or `unknown` for either kind of incident whose cause is not to be known. */
  readonly kind: 'clear' | 'untreated' | 'twofold';
  /** A line of it asks its reader for something. */
  readonly planted: boolean;
  readonly evidence: Evidence;
  readonly prompt: Prompt;
  /** What the model should write, byte for byte. */
  readonly answer: string;
}

const vetted = loadPlaybooks({ vet: () => 'review' });
const index = new PlaybookIndex(vetted.playbooks);

/** The built-in playbooks by id, as the hub has them. */
export const PLAYBOOKS: ReadonlyMap<string, Playbook> = new Map(vetted.playbooks.map((one) => [one.id, one]));
/** The catalogue with the classes that the built-in playbooks treat. */
export const CATALOGUE: Catalogue = withClasses(
  loadCatalogue(),
  vetted.playbooks.map((one) => one.class),
);

/** Characters of a token before there is a tokenizer: on the safe side, so that what is learned is what is shown later. */
const CHARACTERS = 3;
const budget = { tokens: SLOT_LIMITS.tokens * 2, count: (text: string) => Math.ceil(text.length / CHARACTERS) };

/** Makes one sample. The same seed and split make the same bytes. */
export function makeSample(seed: number, split: Split): Sample {
  const random = new Random(seed * 2 + (split === 'held' ? 1 : 0));
  const draw = random.next();
  const { untreated, twofold } = SHARE[split];
  const kind = draw < untreated ? 'untreated' : draw < untreated + twofold ? 'twofold' : 'clear';
  const chosen = choose(random, kind, split);
  const made = makeIncident(random, split, chosen, index);
  const prompt = buildSlotPrompt(made.evidence, CATALOGUE, budget);
  const [only] = chosen.causes;
  const name = kind === 'clear' && only !== undefined ? only.class : 'unknown';
  const answer = answerFor({ ...made, prompt, class: name, causes: chosen.causes, playbooks: PLAYBOOKS });
  return { split, seed, class: name, kind, planted: made.planted, evidence: made.evidence, prompt, answer };
}

interface Chosen {
  readonly signal: string | null;
  readonly causes: readonly Cause[];
}

function choose(random: Random, kind: Sample['kind'], split: Split): Chosen {
  if (kind === 'untreated') return { signal: null, causes: [] };
  const cause = random.pick(kind === 'twofold' ? TWOFOLD : split === 'train' ? TAUGHT : CAUSES);
  const signal = random.pick(signalsOf(cause));
  if (kind === 'clear') return { signal, causes: [cause] };
  const rival = random.pick(rivals(cause, signal));
  return { signal, causes: random.shuffled([cause, rival]) };
}

const signalsOf = (cause: Cause): readonly string[] =>
  cause.signals ?? vetted.playbooks.filter((one) => one.class === cause.class).flatMap((one) => one.match.signals);

/** Causes that only a line tells: two of them may be told by two lines. What is the usual answer of a signal is no rival. */
const isTold = (cause: Cause): boolean => cause.lines !== undefined && !GENERAL.has(cause.class);
/** What only words tell apart is harder to learn than what the signal alone says, and lines harder than paths. */
const TAUGHT: readonly Cause[] = CAUSES.flatMap((one) => {
  const often = one.lines !== undefined ? 4 : one.files !== undefined ? 2 : 1;
  return new Array<Cause>(often).fill(one);
});
const GENERAL = new Set(['service-failed', 'crash-loop', 'new-error', 'crash-segfault', 'io-hog']);
const rivals = (cause: Cause, signal: string): readonly Cause[] =>
  CAUSES.filter((one) => one.class !== cause.class && isTold(one) && signalsOf(one).includes(signal));
const LOGGED = new Set(['unit.failed', 'unit.restarts', 'log.errors', 'log.new_error']);
const TWOFOLD: readonly Cause[] = CAUSES.filter(isTold)
  .map((cause) => ({
    ...cause,
    signals: signalsOf(cause).filter((one) => LOGGED.has(one) && rivals(cause, one).length > 0),
  }))
  .filter((cause) => cause.signals.length > 0);
