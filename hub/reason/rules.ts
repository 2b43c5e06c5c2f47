import type { Evidence, PlaybookMatch } from '../evidence/evidence.ts';
import { metricItem } from '../evidence/find.ts';
import { oneLine } from '../evidence/words.ts';
import type { Claim, DraftCommand } from '../incident.ts';
import { type FilledPlaybook, fillFromEvidence, type Unfilled } from '../playbook/fill.ts';
import type { Playbook } from '../playbook/playbook.ts';
import { actsOnWhatIsNamed } from './acts-on.ts';
import { calibrated, type Outcomes } from './calibration.ts';
import { shownCauses } from './causes/known.ts';
import { led, type PlaybookAnswer } from './causes/lead.ts';
import { HEARSAY_CAP, isHearsay, isOfFact, isSaidOfMore, speaksOf, toldBy } from './mention.ts';
import { type Diagnosis, ReasonError, type Reasoner } from './reasoner.ts';
import { PlaybookIndex } from './retrieval.ts';
import { type Cause, causeOf } from './rules-causes.ts';
import { type Finding, runChecks } from './rules-checks.ts';
import { type Ranked, scoreOf } from './rules-score.ts';
import { signOf } from './rules-signs.ts';
import { groundCap, groundOf } from './support.ts';
import { CALIBRATED } from './validate.ts';

export interface RulesOptions {
  readonly playbooks: readonly Playbook[];
  /** Ids of the playbooks that were already tried on this incident: none is proposed twice. */
  readonly tried: (incident: string) => readonly string[];
  /** What a score is worth, 0..1; absent: what was measured on held-out faults. */
  readonly calibrate?: (score: number, record: Outcomes) => number;
  /** Milliseconds that only grow; for the time that an answer took. */
  readonly clock?: () => number;
}

/**
 * A cause whose words are further from the event is no alternative to a fix that fits. A person, who has no fix to
 * start from, is told the nearest ones however far they are.
 */
const NEAR = 0.35;
const MAX_ALTERNATIVES = 3;

/**
 * Playbooks, BM25 and codified checks: what works with no model at all, and the second opinion where there is one.
 * Deterministic, and an answer takes milliseconds.
 */
export class RulesReasoner implements Reasoner {
  readonly name = CALIBRATED;
  readonly #index: PlaybookIndex;
  readonly #tried: RulesOptions['tried'];
  readonly #calibrate: (score: number, record: Outcomes) => number;
  readonly #most: (cause: string) => number;
  readonly #clock: () => number;

  constructor(options: RulesOptions) {
    this.#index = new PlaybookIndex(options.playbooks);
    this.#tried = options.tried;
    this.#calibrate = options.calibrate ?? ((score, record) => calibrated(score, { record }));
    this.#most = options.calibrate === undefined ? (cause) => groundCap(groundOf(cause)) : () => 1;
    this.#clock = options.clock ?? (() => performance.now());
  }

  async diagnose(evidence: Evidence, signal: AbortSignal): Promise<Diagnosis> {
    if (signal.aborted) throw new ReasonError('E_MODEL_TIMEOUT', 'the deadline had passed before rules was asked');
    const began = this.#clock();
    const tried = new Set(this.#tried(evidence.incident));
    const shown = shownCauses(evidence).filter((one) => !tried.has(causeTried(one.class)));
    const fitting = this.#answer(evidence, tried);
    const answer = led(fitting, shown, evidence.entities);
    const told = isToldByAgent(evidence, fitting) && answer.playbook === fitting.answer.playbook;
    const confidence = told ? answer.confidence : Math.min(answer.confidence, this.#most(answer.class));
    return { ...answer, confidence, ms: Math.max(0, Math.round((this.#clock() - began) * 100) / 100) };
  }

  async close(): Promise<void> {}

  #answer(evidence: Evidence, tried: ReadonlySet<string>): Answer {
    const cause = causeOf(evidence);
    const findings = runChecks(evidence);
    const ranked = this.#ranked(evidence);
    const open: (Unfilled & { readonly playbook: string })[] = [];
    const looks: FilledPlaybook[] = [];
    for (const match of ranked) {
      if (tried.has(match.playbook.id)) continue;
      const filling = fillFromEvidence(match.playbook, evidence);
      if (!filling.ok) open.push(...filling.open.map((one) => ({ ...one, playbook: match.playbook.id })));
      else if (!actsOnWhatIsNamed(match.mention, filling.filled, evidence)) continue;
      else if (match.playbook.needs_human) {
        looks.push(filling.filled);
        // What is told apart by its own words is no case for a fix of the general kind.
        if (match.mention !== undefined) break;
      } else {
        const answer = this.#fixed(evidence, cause, findings, ranked, match, filling.filled);
        // A line that anyone may write points to no playbook against what several signs show together.
        const mentioned = match.mention !== undefined && !isHearsay(match.mention, evidence.event);
        const told = mentioned && isOfItself(match.mention ?? '', evidence);
        return { answer, mentioned, mends: true, told };
      }
    }
    const why = whyPerson(ranked, tried, open, looks);
    const answer = this.#forPerson(evidence, cause, findings, ranked, looks[0] ?? null, why);
    return { answer, mentioned: false, mends: false, told: false };
  }

  #fixed(
    evidence: Evidence,
    cause: Cause,
    findings: readonly Finding[],
    ranked: readonly Ranked[],
    match: Ranked,
    filled: FilledPlaybook,
  ): Omit<Diagnosis, 'ms'> {
    const { playbook } = match;
    const whole = causeWith(match, cause, evidence);
    const confidence = this.#calibrate(scoreOf(evidence, match, findings), match.record ?? { ran: 0, helped: 0 });
    return {
      by: this.name,
      class: playbook.class,
      root_cause: whole.sentence,
      chain: chainOf(whole, findings),
      confidence: isHearsay(match.mention, evidence.event) ? Math.min(HEARSAY_CAP, confidence) : confidence,
      alternatives: this.#alternatives(evidence, findings, ranked, playbook.class, NEAR),
      needs_human: metricItem(evidence) === undefined || evidence.event.value === undefined,
      playbook: playbook.id,
      commands: filled.steps,
      trace: null,
    };
  }

  /** No fix can be proposed: says why, what else it may be, and offers at most a look. */
  #forPerson(
    evidence: Evidence,
    cause: Cause,
    findings: readonly Finding[],
    ranked: readonly Ranked[],
    look: FilledPlaybook | null,
    why: string,
  ): Omit<Diagnosis, 'ms'> {
    const [best] = ranked;
    const of = look?.playbook.class ?? best?.playbook.class ?? 'unknown';
    const match = ranked.find((one) => one.playbook === look?.playbook) ?? best;
    const whole = causeWith(look === null ? undefined : match, cause, evidence);
    const confidence = match === undefined ? 0.2 : Math.min(0.6, scoreOf(evidence, match, findings));
    return {
      by: this.name,
      class: of,
      root_cause: oneLine(`${whole.sentence} A person is needed: ${why}.`, 500),
      chain: chainOf(whole, findings),
      confidence,
      alternatives: this.#alternatives(evidence, findings, ranked, of, 0),
      needs_human: true,
      playbook: look?.playbook.id ?? null,
      commands: look?.steps ?? [],
      trace: null,
    };
  }

  /** The evidence's own candidates decide, so that a replay does not depend on what was loaded since. */
  #ranked(evidence: Evidence): readonly Ranked[] {
    const matches = evidence.playbooks.length > 0 ? evidence.playbooks : this.#index.match(evidence.event);
    return matches
      .flatMap(({ id, score, mention, record, here }: PlaybookMatch): readonly Ranked[] => {
        const playbook = this.#index.get(id);
        if (playbook === undefined || !playbook.match.signals.includes(evidence.event.signal)) return [];
        const past = { ...(record ? { record } : {}), ...(here ? { here } : {}) };
        return [{ playbook, score, ...past, ...(mention === undefined ? {} : { mention }) }];
      })
      .sort(
        (a, b) =>
          Number(b.mention !== undefined) - Number(a.mention !== undefined) ||
          Number(isToldApart(evidence, b)) - Number(isToldApart(evidence, a)) ||
          Number(a.playbook.needs_human) - Number(b.playbook.needs_human) ||
          Number(seldomHelps(a)) - Number(seldomHelps(b)) ||
          b.score - a.score,
      );
  }

  /**
   * What the checks point to first, then the classes of the playbooks that come next: each only with a sign of its own in
   * the evidence, which it names. Likeness of words alone is none.
   */
  #alternatives(
    evidence: Evidence,
    findings: readonly Finding[],
    ranked: readonly Ranked[],
    chosen: string,
    near: number,
  ): readonly string[] {
    const told = toldBy(evidence.event);
    const nearest = this.#index.nearest(evidence.event).filter((one) => one.score >= near);
    const classes = new Map<string, string>();
    for (const { id } of [...ranked.map(({ playbook }) => playbook), ...nearest]) {
      const playbook = this.#index.get(id);
      if (playbook === undefined || playbook.class === chosen || classes.has(playbook.class)) continue;
      const sign = signOf(playbook, evidence, told);
      if (sign !== null) classes.set(playbook.class, `${playbook.class.replaceAll('-', ' ')}: ${sign}`);
    }
    return [...new Set([...findings.flatMap((one) => one.instead ?? []), ...classes.values()])].slice(
      0,
      MAX_ALTERNATIVES,
    );
  }
}

/**
 * Whether a playbook that mends something rests on the agent's own word for what is at fault: a phrase that the agent
 * itself says, a budget that somebody declared, or the process that the agent blames. How often such a fix is right was
 * measured by itself (calibration.ts).
 */
const isToldByAgent = ({ event, entities }: Evidence, { answer, told, mends }: Answer): boolean =>
  mends &&
  !answer.needs_human &&
  (told || /^(?:group|folder)\./.test(event.signal) || entities.some(({ labels }) => labels.includes('culprit')));

/** What the playbooks answer, and whether it rests on a phrase that the agent says of the thing in trouble. */
type Answer = PlaybookAnswer & { readonly told: boolean };

/**
 * Whether a phrase tells what is wrong: of a unit or workload that failed, its name does; of a whole file system or host,
 * only what says more than a name.
 */
const isOfItself = (phrase: string, { event }: Evidence): boolean =>
  !/^(?:disk|host)\./.test(event.signal) || isSaidOfMore(phrase, event);

/** How an incident notes that the commands of a shown cause were tried, which no playbook describes. */
export const causeTried = (of: string): string => `cause:${of}`;

/** So many runs say something of a playbook. */
const ENOUGH = 4;

/** It was run here, or often elsewhere, and helped in less than half of the cases: others of its kind come first. */
const seldomHelps = ({ record, here }: Ranked): boolean =>
  (here !== undefined && here.helped * 2 < here.ran) ||
  (record !== undefined && record.ran >= ENOUGH && record.helped * 2 < record.ran);

/** A phrase that a fact's name, a log line or a change holds tells more than one that only the name of the thing holds. */
const isToldApart = ({ items }: Evidence, { mention }: Ranked): boolean =>
  mention !== undefined &&
  (isOfFact(mention) ||
    items.some((item) => (item.kind === 'log' || item.kind === 'change') && speaksOf(item, mention)));

/** How many items are cited for one phrase. */
const CITED = 3;

/** The measured sentence behind the playbook's own, where it has one, and the items in which its phrase was found. */
function causeWith(match: Ranked | undefined, measured: Cause, evidence: Evidence): Cause {
  if (match === undefined || match.playbook.cause === '') return measured;
  const { playbook, mention } = match;
  const sentence = oneLine(`${playbook.cause} ${measured.sentence}`, 450);
  if (mention === undefined) return { ...measured, sentence };
  const items = evidence.items.filter((item) => speaksOf(item, mention)).slice(0, CITED);
  if (items.length === 0) return { ...measured, sentence };
  const claim = { claim: `the evidence speaks of "${mention}"`, evidence: items.map(({ id }) => id) };
  return { sentence, chain: [...measured.chain, claim] };
}

const chainOf = (cause: Cause, findings: readonly Finding[]): readonly Claim[] => [
  ...cause.chain,
  ...findings.map(({ claim, evidence }) => ({ claim, evidence })),
];

function whyPerson(
  ranked: readonly Ranked[],
  tried: ReadonlySet<string>,
  open: readonly (Unfilled & { readonly playbook: string })[],
  looks: readonly FilledPlaybook[],
): string {
  const [first] = open;
  if (first !== undefined) return `playbook ${first.playbook} does not fit, since ${first.why}`;
  if (looks.length > 0) return 'the playbook for it only looks';
  if (ranked.some((one) => tried.has(one.playbook.id))) return 'every playbook for it was tried and did not help';
  return 'no playbook treats this signal';
}

/**
 * The commands of a playbook for one incident, numbered as an operator sees them; null when a placeholder stays open.
 * A rollback has the number of the step that it undoes.
 */
export function fillPlaybook(playbook: Playbook, evidence: Evidence): FilledCommands | null {
  const filling = fillFromEvidence(playbook, evidence);
  if (!filling.ok) return null;
  const { pre, steps, post } = filling.filled;
  const numbered = (commands: readonly string[], explanation: string): readonly DraftCommand[] =>
    commands.map((command, i) => ({ number: i + 1, command, explanation }));
  return {
    pre: numbered(pre, 'Shows whether the plan still fits, before anything is changed.'),
    steps: steps.map(({ command, explanation }, i) => ({ number: i + 1, command, explanation })),
    post: numbered(post, 'Shows whether it helped.'),
    rollback: steps.flatMap(({ command, rollback }, i) =>
      rollback === null ? [] : [{ number: i + 1, command: rollback, explanation: `Undoes "${command}".` }],
    ),
  };
}

export interface FilledCommands {
  readonly pre: readonly DraftCommand[];
  readonly steps: readonly DraftCommand[];
  readonly post: readonly DraftCommand[];
  readonly rollback: readonly DraftCommand[];
}
