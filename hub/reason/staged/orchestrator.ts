import type { Decoded } from '../llama-decode.ts';
import { ReasonError, type StageCall, type StageProbe, type Watcher } from '../reasoner.ts';
import { changes } from './changes.ts';
import { comms } from './comms.ts';
import { logs } from './logs.ts';
import type { AskProbe, Question } from './questions.ts';
import { questionsOf } from './questions.ts';
import { remediation } from './remediation.ts';
import type { Findings, Stage, Work } from './stage.ts';
import { Timeline } from './timeline.ts';
import { triage } from './triage.ts';

/** In the order in which an incident is thought about; reading the list is reading the architecture. */
export const STAGES: readonly Stage[] = [triage, logs, changes, remediation, comms];

export const STAGED_LIMITS = {
  /** Calls of the model for one incident: each costs seconds, and a loop must not think for ever. */
  calls: 15,
  /** Answers of one stage: it may ask, hear, and answer anew. */
  rounds: 6,
  /** Questions to the host for one incident: an incident keeps sixteen answers, and people want some of them. */
  probes: 12,
} as const;

/** What writes the stages' answers. */
export interface Writer {
  readonly name: string;
  /** Tokens of a prompt and its answer together. */
  readonly room: number;
  count(text: string): number;
  /** `fixed` is the same for every call of one incident. Rejects when the signal aborts. */
  write(call: {
    readonly fixed: string;
    readonly asked: string;
    readonly gbnf: string;
    readonly maxTokens: number;
    readonly signal: AbortSignal;
    readonly watcher: Watcher | undefined;
  }): Promise<Decoded>;
}

export interface StagedParts {
  readonly writer: Writer;
  readonly work: Work;
  /** Null where there is no host to ask. */
  readonly ask: AskProbe | null;
  /** By `performance.now()`: when the answer must be there. */
  readonly until: number;
  readonly signal: AbortSignal;
  readonly watcher: Watcher | undefined;
}

/** What came of all stages, with what reproduces it. */
export interface StagedAnswer {
  readonly findings: Findings;
  readonly calls: readonly StageCall[];
  readonly probes: readonly StageProbe[];
  /** Lines of hosts that addressed their reader. */
  readonly planted: number;
}

/**
 * Lets each stage think in turn. One that is slow, says nonsense or does not fit costs its own part; rejects only when the
 * signal aborts.
 */
export async function runStages(parts: StagedParts): Promise<StagedAnswer> {
  const run = new StagedRun(parts);
  for (const [at, stage] of STAGES.entries()) await run.take(stage, STAGES.length - at - 1);
  return run.answer();
}

class StagedRun {
  readonly #parts: StagedParts;
  readonly #timeline: Timeline;
  readonly #calls: StageCall[] = [];
  readonly #probes: StageProbe[] = [];
  readonly #asked = new Set<string>();
  /** Whether the last call was begun and has not been read. */
  #isUnread = false;
  #findings: Findings = {};

  constructor(parts: StagedParts) {
    this.#parts = parts;
    this.#timeline = new Timeline(parts.work.evidence);
  }

  answer(): StagedAnswer {
    const { planted } = this.#timeline;
    return { findings: this.#findings, calls: this.#calls, probes: this.#probes, planted };
  }

  /** `later`: stages that come after this one, for each of which one call is kept. */
  async take(stage: Stage, later: number): Promise<void> {
    const { signal, watcher, until } = this.#parts;
    if (!stage.applies(this.#work())) return;
    watcher?.stage(stage.name);
    const limit = new AbortController();
    // Half of the time that is left, so that one that hangs leaves the others theirs, and the last one the answer.
    const timer = setTimeout(() => limit.abort(), Math.max(1, (until - performance.now()) / 2));
    try {
      await this.#rounds(stage, later, AbortSignal.any([signal, limit.signal]));
    } catch (error) {
      signal.throwIfAborted();
      this.#fail(stage, limit.signal.aborted ? 'E_MODEL_TIMEOUT no answer within its share of the time' : told(error));
    } finally {
      clearTimeout(timer);
    }
  }

  async #rounds(stage: Stage, later: number, signal: AbortSignal): Promise<void> {
    const most = Math.min(STAGED_LIMITS.rounds, STAGED_LIMITS.calls - later - this.#calls.length);
    for (let round = 1; round <= most; round++) {
      // In its last answer it has nothing left to ask: what it says then is what it knows.
      const questions = round === most ? new Map<string, Question>() : this.#questions(stage);
      const asks = await this.#call(stage, questions, signal);
      if (asks.length === 0) return;
      for (const words of asks) await this.#ask(words, questions.get(words), signal);
    }
  }

  async #call(stage: Stage, questions: ReadonlyMap<string, Question>, signal: AbortSignal): Promise<readonly string[]> {
    const { writer, watcher } = this.#parts;
    const work = this.#work();
    const language = stage.language(work, [...questions.keys()]);
    const { gbnf, maxTokens } = language.grammar;
    const fixed = work.prompt.fixed + work.prompt.incident;
    const asked = this.#fitting(
      fixed,
      [`Now ${stage.name}: ${stage.task}`, ...language.says, 'Answer:', ''],
      maxTokens,
    );
    const call = { stage: stage.name, prompt: asked, grammar: gbnf, max_tokens: maxTokens };
    const at = this.#calls.push({ ...call, output: '', stop: 'none' }) - 1;
    this.#isUnread = true;
    const decoded = await writer.write({ fixed, asked, gbnf, maxTokens, signal, watcher });
    this.#calls[at] = { ...call, output: decoded.text, stop: decoded.stop };
    const { found, line, asks } = language.read(decoded);
    this.#findings = { ...this.#findings, ...found };
    this.#timeline.stage(stage.name, line);
    this.#isUnread = false;
    return asks;
  }

  /** The stage's own part after as much of the timeline's end as fits: counted, and what is left out is said. */
  #fitting(fixed: string, own: readonly string[], maxTokens: number): string {
    const { writer } = this.#parts;
    const { lines } = this.#timeline;
    const room = writer.room - writer.count(fixed) - maxTokens;
    for (let from = 0; from <= lines.length; from++) {
      const kept = lines.slice(from);
      const cut = from === 0 ? [] : [`[${from} earlier lines left out for length]`];
      const head = lines.length === 0 ? [] : ['So far:', ...cut, ...kept];
      const text = [...head, ...own].join('\n');
      if (writer.count(text) <= room) return text;
    }
    throw new ReasonError('E_MODEL_PROMPT', `its prompt alone has more than the ${room} tokens that are left for it`);
  }

  #questions(stage: Stage): ReadonlyMap<string, Question> {
    const { ask, work } = this.#parts;
    if (ask === null || this.#probes.length >= STAGED_LIMITS.probes) return new Map();
    return questionsOf(stage.probes, work.evidence, this.#asked);
  }

  async #ask(words: string, question: Question | undefined, signal: AbortSignal): Promise<void> {
    const { ask, work, writer } = this.#parts;
    if (question === undefined || ask === null || this.#probes.length >= STAGED_LIMITS.probes) return;
    this.#asked.add(words);
    const heard = await Promise.race([ask(work.evidence.incident, question, writer.name), aborted(signal)]);
    const { probe, about } = question;
    this.#probes.push({ probe, about, state: heard.state, lines: heard.lines });
    this.#timeline.heard(words, about, heard);
  }

  /** What a stage said before, when it was late with a host's answer for instance, stands. */
  #fail({ name }: Stage, why: string): void {
    const none: StageCall = { stage: name, prompt: '', grammar: '', max_tokens: 0, output: '', stop: 'none' };
    const call = this.#isUnread ? (this.#calls.pop() ?? none) : none;
    this.#isUnread = false;
    this.#calls.push({ ...call, failed: why.slice(0, 500) });
    if (!this.#calls.some((one) => one.stage === name && one.failed === undefined)) this.#timeline.failed(name);
  }

  #work(): Work {
    return { ...this.#parts.work, findings: this.#findings };
  }
}

/** Rejects when the signal aborts; for a race with what may never end. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

const told = (error: unknown): string =>
  error instanceof Error ? `${'code' in error ? String(error.code) : error.name} ${error.message}` : String(error);
