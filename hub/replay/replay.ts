import { isDeepStrictEqual } from 'node:util';
import type { Policy } from '../../policy/policy.ts';
import { buildEvidence } from '../evidence/builder.ts';
import { TIMES } from '../hub.ts';
import { planHash } from '../plan-hash.ts';
import type { Playbook } from '../playbook/playbook.ts';
import { askReasoner } from '../reason/ask.ts';
import type { Diagnosis, RepeatingReasoner, Trace } from '../reason/reasoner.ts';
import { RulesReasoner } from '../reason/rules.ts';
import { CALIBRATED, reconcile, validateDiagnosis } from '../reason/validate.ts';
import { draftOf } from '../steps/draft-of.ts';
import { planOf, refused } from '../steps/plan-of.ts';
import { wayOf } from '../steps/route.ts';
import { type Difference, firstDifference } from './canonical.ts';
import { playbooksHash, programHash } from './program.ts';
import type { DecisionRecord } from './record.ts';

/** What a decision is made again with. */
export interface ReplayParts {
  readonly policy: Policy;
  readonly playbooks: ReadonlyMap<string, Playbook>;
  /** The model that a trace names, ready to answer; or the sentence why it can't be asked. */
  readonly modelOf: (trace: Trace) => Promise<RepeatingReasoner | string>;
  /** Milliseconds for one answer of a model. */
  readonly deadlineMs: number;
}

/** One part of a decision, made again from what was recorded of the parts before it. */
export interface ReplayedPart {
  /** `evidence`, `rules`, `model NAME`, `model NAME, prompt kept`, `draft`, `plan` or `routing`. */
  readonly part: string;
  /** Null: it could not be made again, and `why` says what is missing. */
  readonly same: boolean | null;
  readonly difference?: Difference;
  readonly why?: string;
}

/** What is another now than when the decision was made, whether or not that changed a byte of it. */
export interface Changed {
  readonly what: 'program' | 'playbooks' | 'policy' | 'model' | 'llama_build' | 'backend' | 'threads' | 'seed';
  readonly was: string;
  readonly is: string;
}

export interface Replayed {
  readonly plan: string;
  /** Every part came out byte for byte. Since each is made from the record of the one before, so did the whole. */
  readonly same: boolean;
  readonly parts: readonly ReplayedPart[];
  readonly changed: readonly Changed[];
}

/** The time that an answer took is measured, not decided: it is no part of what is compared. */
const untimed = <T extends Diagnosis | null>(diagnosis: T): T =>
  diagnosis === null ? diagnosis : { ...diagnosis, ms: 0 };

/** Makes one recorded decision again, part by part (invariant 14). Rejects for a record that lacks what each of ours has. */
export async function replayDecision(record: DecisionRecord, parts: ReplayParts): Promise<Replayed> {
  const changed: Changed[] = [];
  const made: ReplayedPart[] = [
    compared('evidence', record.evidence, () => evidenceOf(record)),
    ...(await answersOf(record, parts, changed)),
    compared('draft', record.draft, () => draftFrom(record, parts)),
    planPart(record, parts),
    ...routing(record),
  ];
  const hashes = [
    { what: 'program', was: record.decided?.program, is: programHash() },
    { what: 'playbooks', was: record.decided?.playbooks, is: playbooksHash(parts.playbooks) },
    { what: 'policy', was: record.plan.policy_hash, is: parts.policy.hash },
  ] as const;
  for (const { what, was = 'not recorded', is } of hashes) if (was !== is) changed.push({ what, was, is });
  return { plan: record.plan.id, same: made.every(({ same }) => same === true), parts: made, changed };
}

function compared(part: string, then: unknown, make: () => unknown): ReplayedPart {
  try {
    const difference = firstDifference(then, make());
    return difference === null ? { part, same: true } : { part, same: false, difference };
  } catch (error) {
    return { part, same: null, why: error instanceof Error ? error.message : String(error) };
  }
}

/** From the event and its snapshot, with what the hub knew beside them. */
function evidenceOf({ evidence, gathered }: DecisionRecord): unknown {
  const { snapshot, event, also } = evidence;
  return buildEvidence({
    incidentId: evidence.incident,
    host: evidence.host,
    event: snapshot === null ? event : { ...event, snapshot },
    now: evidence.taken,
    similar: evidence.similar,
    playbooks: evidence.playbooks,
    service: evidence.service,
    processes: gathered?.processes ?? [],
    ...(gathered === undefined ? {} : { units: gathered.units }),
    ...(also === undefined ? {} : { also }),
  });
}

async function answersOf(
  { evidence, decided, diagnoses }: DecisionRecord,
  parts: ReplayParts,
  changed: Changed[],
): Promise<readonly ReplayedPart[]> {
  const made: ReplayedPart[] = [];
  for (const then of diagnoses) {
    if (then.by === CALIBRATED) {
      const tried = decided?.tried ?? [];
      const rules = new RulesReasoner({ playbooks: [...parts.playbooks.values()], tried: () => tried });
      const { diagnosis, notes } = await askReasoner(rules, evidence, new AbortController().signal);
      const why = notes.join('; ');
      if (diagnosis === null) made.push({ part: then.by, same: null, why });
      else made.push(compared(then.by, untimed(then), () => untimed(diagnosis)));
    } else made.push(...(await modelParts(then, evidence, parts, changed)));
  }
  return made;
}

/** A model's answer, asked for as the hub asks; where its prompt is another by now, the recorded one is put to it as well. */
async function modelParts(
  then: Diagnosis,
  evidence: DecisionRecord['evidence'],
  parts: ReplayParts,
  changed: Changed[],
): Promise<readonly ReplayedPart[]> {
  const part = `model ${then.by}`;
  const { trace } = then;
  if (trace === null) return [{ part, same: null, why: 'nothing was kept of how it was asked' }];
  const model = await parts.modelOf(trace);
  if (typeof model === 'string') return [{ part, same: null, why: model }];
  for (const what of ['llama_build', 'backend', 'threads', 'seed'] as const) {
    const [was, is] = [String(trace[what]), String(model.setting[what])];
    if (was !== is) changed.push({ what, was, is });
  }
  const deadline = AbortSignal.timeout(parts.deadlineMs);
  const { diagnosis, notes } = await askReasoner(model, evidence, deadline);
  if (diagnosis === null) return [{ part, same: null, why: notes.join('; ') }];
  // The file is the same by its hash: what it is called, and where it lies, is not what it thinks.
  const now = { ...untimed(diagnosis), by: then.by, trace: withoutSetting(diagnosis.trace) };
  const asked = compared(part, { ...untimed(then), trace: withoutSetting(trace) }, () => now);
  const isPrompt = diagnosis.trace !== null && isDeepStrictEqual(promptsOf(diagnosis.trace), promptsOf(trace));
  if (isPrompt || trace.fixed === undefined) return [asked];
  const kept = `${part}, prompt kept`;
  const said: (Pick<Trace, 'output' | 'stop'> | string)[] = [];
  for (const call of callsOf(trace)) {
    const again = await model.repeat(call, AbortSignal.timeout(parts.deadlineMs)).catch(String);
    if (typeof again === 'string') return [asked, { part: kept, same: null, why: again }];
    said.push({ output: again.output, stop: again.stop });
  }
  const before = callsOf(trace).map(({ output, stop }) => ({ output, stop }));
  const isOne = trace.calls === undefined;
  return [asked, compared(kept, isOne ? before[0] : before, () => (isOne ? said[0] : said))];
}

/** Each call of a model as a trace of its own: one, or those of its stages that were answered. */
const callsOf = (trace: Trace): readonly Trace[] =>
  trace.calls === undefined
    ? [trace]
    : trace.calls
        .filter(({ stop }) => stop !== 'none')
        .map((call) => ({ ...trace, ...call, prompt: trace.prompt + call.prompt }));

const promptsOf = (trace: Trace): unknown => callsOf(trace).map(({ prompt, grammar }) => ({ prompt, grammar }));

/** What the model was asked and what it said. The rest of a trace is named where it is another now. */
function withoutSetting(trace: Trace | null): unknown {
  if (trace === null) return null;
  const { prompt, grammar, output, stop, class_probability, fixed, max_tokens, calls, probes } = trace;
  return { prompt, grammar, output, stop, class_probability, fixed, max_tokens, calls, probes };
}

function draftFrom({ evidence, diagnoses }: DecisionRecord, { playbooks }: ReplayParts): unknown {
  const diagnosis = reconcile(diagnoses, evidence);
  const checked = validateDiagnosis(diagnosis, evidence);
  return draftOf(diagnosis, { evidence, playbooks, injection: 'injection' in checked && checked.injection });
}

/** The verdicts, and the hash that an approval is bound to. Its name and its moment are given, not decided. */
function planPart({ draft, plan, plan_hash, vetted }: DecisionRecord, { policy }: ReplayParts): ReplayedPart {
  if (planHash(plan) !== plan_hash) {
    return { part: 'plan', same: false, why: `the recorded plan has not the recorded hash ${plan_hash}` };
  }
  return compared('plan', { ...plan, hash: plan_hash }, () => {
    const now = plan.expires - TIMES.proposal;
    const again = { ...planOf(draft, { incident: plan.incident, inventory: vetted, policy, now }), id: plan.id };
    return { ...again, hash: planHash(again) };
  });
}

/** Which way the plan was sent; nothing where it is not known yet. */
function routing({ plan, sent }: DecisionRecord): readonly ReplayedPart[] {
  if (sent === undefined) return [];
  const { incident, route } = sent;
  const refusal = refused(plan);
  if (refusal !== null) {
    const said = incident.timeline.some(({ note, state }) => state === 'escalated' && note === refusal.note);
    return [compared('routing', refusal, () => (said && route === undefined ? refusal : { note: 'not refused' }))];
  }
  if (route === undefined) return [];
  const { by } = route;
  if (by === undefined) return [{ part: 'routing', same: null, why: 'what it rested on was not recorded' }];
  return [compared('routing', route, () => wayOf(incident, plan, by))];
}
