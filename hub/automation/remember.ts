import { encodeCbor } from '../../broker/cbor.ts';
import { placeOfProcess, REMEMBER, type RememberedRule, whyNoKind } from '../../broker/remembered.ts';
import { isAgentId } from '../../broker/subject.ts';
import type { Program } from '../../policy/program.ts';
import type { ProcessRef } from '../../policy/verdict.ts';
import type { Incident, Plan, PlannedCommand } from '../incident.ts';
import { isFromOutside } from '../outside.ts';
import { ActError, runnable } from '../steps/approve.ts';
import { allOf } from '../steps/plan-of.ts';
import { visible } from '../visible.ts';

const DAY_MS = 86_400_000;
/** No surer than what runs alone by a rule need a plan be, however sure the one was that was approved. */
const SURE = 0.9;

/** What an admin asks to be remembered beside what they approve: who, where and for how long. */
export interface Wish extends Pick<RememberedRule, 'id' | 'site' | 'by' | 'made' | 'not_after' | 'hosts'> {
  /** The review steps that they consent to, in order. */
  readonly reviewed: readonly number[];
}

/**
 * The rule that remembers an approval of this incident's plan: its very commands, with places for its processes. A
 * function of the incident, so that the hub makes it again and takes no other. Throws ActError, with the reason, for a
 * plan that is a person's each time.
 */
export function ruleToRemember(incident: Incident, wish: Wish): RememberedRule {
  const { plan, host } = incident;
  const { reviewed, ...said } = wish;
  const no = (why: string) => new ActError('E_ACT_REMEMBER', `it can't be remembered: ${why}`);
  if (plan === null) throw no('there is no plan');
  const { playbook, class: cause = '', idempotent, needs_human, confidence } = plan;
  if (playbook === null || cause === '') throw no('no playbook describes this plan');
  if (!idempotent) throw no('the playbook may not be run twice');
  if (needs_human) throw no('the cause is not sure enough without a person');
  if (isFromOutside(incident.event)) throw no('another system has raised it, and no agent has seen it');
  if (incident.draft?.injection === true) throw no('text in its evidence addresses the reader');
  if (!(confidence >= REMEMBER.confidence))
    throw no(`its confidence is ${confidence.toFixed(2)}, and below ${REMEMBER.confidence.toFixed(2)} a person looks`);
  const commands = allOf(plan);
  for (const one of commands) checkCommand(one, no);
  if (runnable(plan, reviewed).length < plan.steps.length)
    throw no('a step of it needs consent: include every review step with --reviewed');
  const { made, not_after, hosts } = wish;
  if (!(not_after > made && not_after <= made + REMEMBER.days * DAY_MS))
    throw no(`it may be for 1 to ${REMEMBER.days} days`);
  if (hosts.length === 0 || hosts.length > REMEMBER.hosts || new Set(hosts).size < hosts.length)
    throw no(`it may be for 1 to ${REMEMBER.hosts} hosts, each named once`);
  const stranger = hosts.find((one) => !isAgentId(one));
  if (stranger !== undefined) throw no(`${visible(stranger)} is no agent's name: hosts are named one by one`);
  if (!hosts.includes(host)) throw no(`${host}, where it is approved, is not among the hosts`);
  const processes = processesIn(plan);
  const rule: RememberedRule = {
    ...said,
    incident: incident.id,
    cause,
    confidence: Math.min(SURE, Math.floor(confidence * 100) / 100),
    playbook,
    programs: commands.flatMap(({ phase, number, program }) =>
      program === null ? [] : [{ phase, number, program: templateOf(program, plan.processes, processes, no) }],
    ),
    reviewed: [...reviewed],
    processes: processes.map(({ comm, exe }) => {
      if (exe === undefined) throw no(`which executable ${visible(comm)} runs could not be seen on ${host}`);
      const why = whyNoKind({ comm, exe });
      if (why !== null) throw no(visible(why));
      return { comm, exe };
    }),
    per_host_hour: REMEMBER.perHostHour,
  };
  if (processes.length > REMEMBER.processes) throw no(`it names more than ${REMEMBER.processes} processes`);
  if (encodeCbor(rule).length > REMEMBER.bytes) throw no('its commands are too long');
  return rule;
}

/** What a verdict's rule is called where the policy does not know the command, or a word of it: consent to it is for once. */
const UNKNOWN = /^(?:unknown|reader|subset)\.|\.(?:subcommand|requires|needs|flag|repeat|operand)$/;

function checkCommand({ command, program, verdict }: PlannedCommand, no: (why: string) => ActError): void {
  const shown = visible(command);
  if (program === null || verdict.decision === 'block') throw no(`${shown} may not run at all`);
  if (verdict.effect === 'breach') throw no(`${shown} opens the host to others`);
  if (verdict.decision === 'review' && UNKNOWN.test(verdict.rule))
    throw no(`the policy does not know what ${shown} does (${verdict.rule})`);
}

/** The processes that the commands of a plan name, in the plan's own order. */
export function processesIn(plan: Plan): readonly ProcessRef[] {
  const words = new Set(allOf(plan).flatMap(({ program }) => (program === null ? [] : wordsOf(program))));
  return plan.processes.filter(({ pid }) => words.has(String(pid)));
}

const wordsOf = ({ jobs }: Program): readonly string[] =>
  jobs.flatMap(({ pipe }) => pipe.flatMap(({ argv }) => argv.slice(1)));

function templateOf(
  program: Program,
  known: readonly ProcessRef[],
  named: readonly ProcessRef[],
  no: (why: string) => ActError,
): Program {
  const word = (text: string, index: number): string => {
    const place = index === 0 ? -1 : named.findIndex(({ pid }) => String(pid) === text);
    if (place !== -1) return placeOfProcess(place);
    // Another process would have it by then, and nobody would look.
    const within = known.find(({ pid }) => new RegExp(`(?<!\\d)${pid}(?!\\d)`).test(text));
    if (within !== undefined) throw no(`${visible(text)} names the process ${within.pid} in the middle of a word`);
    if (text.includes('{process')) throw no(`${visible(text)} reads like a place for a process`);
    return text;
  };
  return {
    version: program.version,
    jobs: program.jobs.map(({ when, pipe }) => ({
      when,
      pipe: pipe.map((one) => ({ ...one, argv: one.argv.map(word) })),
    })),
  };
}

/** A rule in full, for who signs it and who looks it up: every word that may run, where, for what and until when. */
export function rememberedLines(rule: RememberedRule): readonly string[] {
  const { by, hosts, cause, playbook, confidence, not_after, processes, programs, reviewed, per_host_hour } = rule;
  const consent = reviewed.length === 0 ? '' : `, with review step ${reviewed.join(', ')}`;
  return [
    `what ${by} approves for ${hosts.join(' ')} until ${new Date(not_after).toISOString()}${consent}`,
    `  for ${visible(cause)} (playbook ${visible(playbook)}) from ${confidence.toFixed(2)} on, ${per_host_hour} on a host within an hour`,
    ...programs.map(({ phase, number, program }) => `  ${phase} ${number}  ${visible(textOf(program))}`),
    ...processes.map(({ comm, exe }, i) => `  ${placeOfProcess(i)} is a process ${visible(comm)} of ${visible(exe)}`),
  ];
}

/** A Program as a line for people; a word that is not plain is in quotes. */
function textOf({ jobs }: Program): string {
  const between = { always: ' ; ', and: ' && ', or: ' || ' } as const;
  const quoted = (word: string) => (/^[A-Za-z0-9_@%+=:,./{}-]+$/.test(word) ? word : JSON.stringify(word));
  return jobs
    .map(({ when, pipe }, i) => {
      const text = pipe.map(({ argv }) => argv.map(quoted).join(' ')).join(' | ');
      return `${i === 0 ? '' : between[when]}${text}`;
    })
    .join('');
}
