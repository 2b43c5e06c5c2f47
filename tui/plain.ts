import { createInterface } from 'node:readline';
import type { Console } from '../broker/command-line.ts';
import { PROBES } from '../broker/probe-catalogue.ts';
import type { Incident, PlannedCommand } from '../hub/incident.ts';
import { firstOf } from '../hub/steps/first.ts';
import { agreementWords, awaitedWords } from './agreement.ts';
import { cited } from './cited.ts';
import { decisionOn, isWide, whyNotApprovable, wouldRun } from './consent.ts';
import type { ActResult, Desk } from './desk.ts';
import { listing } from './listing.ts';
import { FIRST_UI } from './model.ts';
import { long, short } from './quantity.ts';
import { questions } from './questions.ts';
import { safeText } from './safe-text.ts';
import { shortIds } from './short-ids.ts';

const HELP = `list [WORDS]            what waits, what runs, what is over; with words: only what has them
show ID [all]           one incident: what was seen, the cause, the plan with each verdict; all: every fact too
approve ID [N,N] HOST   approve exactly the plan that was shown last, with these review steps; HOST is typed in full
reject ID               nothing of the plan runs
own ID                  it is yours until it closes
ask ID [N]              the questions that its host can be asked; with a number: ask it
hosts                   the hosts and how they are
policy COMMAND          what policy says of a command; it is not run
help, quit
ID is the letters that stand before an incident.`;

/** Rows of one group in a list. */
const LISTED = 20;
/** A line longer than this was not typed. */
const LINE = 8_192;

export interface PlainOptions {
  readonly readOnly: boolean;
}

/**
 * The same desk as lines: for screen readers, for scripts, and where no full screen works. One line is one answer, in
 * words alone. Nothing is approved that was not shown: `approve` takes the plan that `show` printed last, by its hash.
 */
export async function runPlain(desk: Desk, io: Console, options: PlainOptions): Promise<void> {
  const session = new PlainSession(desk, io, options);
  session.begin();
  const lines = createInterface({ input: io.stdin as NodeJS.ReadableStream & typeof io.stdin, terminal: false });
  const stop = () => lines.close();
  io.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const line of lines) if (!(await session.take(line.slice(0, LINE)))) return;
  } finally {
    io.signal.removeEventListener('abort', stop);
    lines.close();
  }
}

class PlainSession {
  readonly #desk: Desk;
  readonly #io: Console;
  readonly #readOnly: boolean;
  /** The plan of each incident as it was shown last. */
  readonly #shown = new Map<string, string>();

  constructor(desk: Desk, io: Console, { readOnly }: PlainOptions) {
    this.#desk = desk;
    this.#io = io;
    this.#readOnly = readOnly;
  }

  begin(): void {
    const { site, live, hub, operator, auditGood } = this.#desk.state();
    this.#say(
      `${site}, ${live ? 'LIVE' : 'DRY-RUN'}, hub ${hub}, audit chain ${auditGood ? 'good' : 'BROKEN'}, you are ${operator}${this.#readOnly ? ', read-only' : ''}. "help" lists the commands.`,
    );
    this.#list('');
  }

  /** Answers one line; false when it was the last. */
  async take(line: string): Promise<boolean> {
    const [verb = '', ...rest] = line.trim().split(/\s+/);
    const text = line.trim().slice(verb.length).trim();
    if (verb === 'quit' || verb === 'q') return false;
    if (verb === '') return true;
    if (verb === 'help' || verb === '?') for (const one of HELP.split('\n')) this.#say(one);
    else if (verb === 'list') this.#list(text);
    else if (verb === 'hosts') this.#hosts();
    else if (verb === 'policy') await this.#policy(text);
    else if (!['show', 'approve', 'reject', 'own', 'ask'].includes(verb))
      this.#say(`no such command: ${verb}. "help" lists them.`);
    else await this.#about(verb, rest);
    return true;
  }

  #say(text: string): void {
    this.#io.stdout(safeText(text));
  }

  #short(id: string): string {
    return shortIds(this.#desk.state().incidents)(id);
  }

  #list(filter: string): void {
    const now = Date.now();
    const { groups, size } = listing(this.#desk.state().incidents, filter, now);
    if (size === 0) this.#say(filter === '' ? 'no incidents' : `no incident with "${filter}"`);
    for (const { title, rows } of groups) {
      this.#say(`${title}: ${rows.length}`);
      for (const { id, severity, host, title: what, state, opened } of rows.slice(0, LISTED)) {
        this.#say(
          `  ${this.#short(id)}  ${severity}  ${host}  ${what}, ${state.replace('_', ' ')}, ${short(now - opened)} ago`,
        );
      }
      if (rows.length > LISTED) this.#say(`  and ${rows.length - LISTED} more: list WORDS narrows`);
    }
  }

  #hosts(): void {
    for (const { agent, state, live, lastSeen } of this.#desk.state().hosts) {
      this.#say(`${agent}  ${state}  ${live ? 'LIVE' : 'DRY-RUN'}  heard ${short(Date.now() - lastSeen)} ago`);
    }
  }

  /** The rules take a moment to load: the answer waits for them. */
  async #policy(command: string): Promise<void> {
    if (command === '') return this.#say('policy COMMAND');
    let judged = this.#desk.judge(command, null);
    if (judged.state === 'loading') {
      await new Promise<void>((resolve) => {
        const stop = this.#desk.subscribe(() => {
          judged = this.#desk.judge(command, null);
          if (judged.state === 'loading') return;
          stop();
          resolve();
        });
      });
    }
    if (judged.state === 'failed') this.#say(judged.why);
    if (judged.state !== 'judged') return;
    const { decision, rule, effect, reason, alternative } = judged.verdict;
    this.#say(`${decision}, ${rule}, effect ${effect}: ${reason}`);
    if (alternative !== undefined) this.#say(`instead: ${alternative}`);
  }

  async #about(verb: string, [name = '', ...rest]: readonly string[]): Promise<void> {
    const wanted = name.toUpperCase();
    const found = this.#desk.state().incidents.filter(({ id }) => wanted.length >= 4 && id.endsWith(wanted));
    const [only] = found;
    const incident = only === undefined ? undefined : this.#desk.incident(only.id);
    if (incident === undefined) return this.#say(`no incident ${name}: give the last four letters of its id`);
    if (found.length > 1) return this.#say(`${found.length} incidents end with ${name}: give more of it`);
    if (verb === 'show') return this.#show(incident, rest[0] === 'all');
    if (verb === 'ask' && rest.length === 0) return this.#questions(incident);
    const { role, operator, hub } = this.#desk.state();
    if (this.#readOnly) return this.#say('this session only looks (--readonly)');
    if (role === 'viewer') return this.#say(`${operator} may look, not act`);
    if (hub === 'down') return this.#say('the hub is down: nothing can be signed now');
    if (verb === 'approve') return this.#approve(incident, rest);
    if (verb === 'ask') return this.#ask(incident, rest[0] ?? '');
    if (verb === 'own') return this.#told(await this.#desk.acknowledge(incident.id), 'it is yours until it closes');
    this.#told(await this.#desk.reject(incident.id, 'rejected by lines'), 'rejected: nothing of it runs');
  }

  #show(incident: Incident, isWhole: boolean): void {
    const { id, state, reason, severity, host, title, owner, event, plan, plan_hash, diagnoses, results } = incident;
    this.#shown.set(id, shownOf(incident));
    this.#say(`${this.#short(id)}  ${severity}  ${host}  ${title}`);
    this.#say(`id: ${id}`);
    this.#say(
      `state: ${state.replace('_', ' ')}${reason === '' ? '' : `, ${reason.replaceAll('_', ' ')}`}. owner: ${owner}`,
    );
    this.#say(`seen: ${event.reason}`);
    const cause = plan?.root_cause ?? diagnoses[0]?.root_cause;
    if (cause !== undefined) this.#say(`cause: ${cause}`);
    const items = incident.evidence?.items ?? [];
    const known = cited(incident);
    // What the cause rests on stands before the plan; of some thirty facts the rest is asked for.
    const told = isWhole || known.size === 0 ? items : items.filter((item) => known.has(item.id));
    for (const item of told) this.#say(`evidence ${item.id}: ${item.text}`);
    if (told.length < items.length)
      this.#say(`${some(items.length - told.length, 'more fact')}: show ${this.#short(id)} all`);
    if (plan === null) this.#say('plan: none');
    else {
      this.#say(
        `plan: ${plan.playbook ?? plan.by}, risk ${plan.risk}, ${some(plan.steps.length, 'step')}, hash ${(plan_hash ?? '').slice(0, 8)}`,
      );
      for (const check of plan.pre) this.#command(`before ${check.number}`, check);
      for (const step of plan.steps) {
        this.#command(`step ${step.number}, ${decisionOn(plan, step)}`, step);
        this.#say(`  does: ${step.explanation}`);
      }
      for (const check of plan.post) this.#command(`after ${check.number}`, check);
      for (const undo of plan.rollback) this.#command(`undo of step ${undo.number}`, undo);
      const { live, operator } = this.#desk.state();
      this.#say(
        `${live ? 'LIVE: approving changes the host' : 'DRY-RUN: approving changes nothing'}. you are ${operator}`,
      );
      const words = agreementWords(incident, this.#desk.state(), [], Date.now());
      const awaited = awaitedWords(incident, this.#desk.state(), Date.now());
      for (const one of [awaited, words]) if (one !== null) this.#say(one);
      if (state === 'proposed') this.#say(`expires in ${long(plan.expires - Date.now())}`);
    }
    for (const { step, state: end, exit } of results) {
      const what = step === undefined ? 'order' : `${step.phase} ${step.number}`;
      this.#say(`result of ${what}: ${end.replace('_', ' ')}${exit === undefined ? '' : `, exit ${exit}`}`);
    }
  }

  /** All that an approval signs is said with what policy says of it. */
  #command(what: string, { command, verdict }: PlannedCommand): void {
    const { decision, effect, reason } = verdict;
    this.#say(`${what}: ${command}`);
    this.#say(`  effect ${effect}. why ${decision}: ${reason}`);
  }

  async #approve(incident: Incident, rest: readonly string[]): Promise<void> {
    const why = whyNotApprovable(incident, Date.now());
    if (why !== undefined) return this.#say(`not approved: ${why}`);
    const { plan, plan_hash: hash } = incident;
    const shown = this.#shown.get(incident.id);
    if (plan === null || hash === null) return;
    if (shown === undefined) return this.#say(`not approved: show ${this.#short(incident.id)} first, and read it`);
    if (shown !== shownOf(incident))
      return this.#say('not approved: the plan has changed since it was shown. show it again');
    if (rest.at(-1) !== incident.host)
      return this.#say(`not approved: the line must end with the host, ${incident.host}`);
    if (rest.length > 2) return this.#say('not approved: approve ID [N,N] HOST; numbers are joined by commas');
    const reviewed = rest.length > 1 ? (rest[0] ?? '').split(',').map(Number) : [];
    const steps = plan.steps.map((step) => ({ number: step.number, decision: decisionOn(plan, step) }));
    if (reviewed.some((n) => !steps.some(({ number, decision }) => number === n && decision === 'review')))
      return this.#say('not approved: only numbers of review steps are named');
    const run = wouldRun(steps, reviewed);
    if (run.length === 0)
      return this.#say('not approved: nothing would run, since the first step needs its number named');
    const result = await this.#desk.approve(
      incident.id,
      hash,
      reviewed.filter((n) => run.includes(n)),
    );
    const present = this.#desk.incident(incident.id) ?? incident;
    this.#told(
      result,
      awaitedWords(present, this.#desk.state(), Date.now()) ??
        `signed: step ${run.join(', ')} of ${steps.length} on ${incident.host}${isWide(plan) ? ', which destroys or is of high risk' : ''}`,
    );
  }

  #questions(incident: Incident): void {
    const all = questions({ incident, ui: FIRST_UI });
    for (const [index, { probe, label }] of all.entries())
      this.#say(`${index + 1}  ${probe}${label === '' ? '' : ` ${label}`}: ${PROBES[probe].what}`);
    this.#say(`ask ${this.#short(incident.id)} N asks one`);
  }

  async #ask(incident: Incident, number: string): Promise<void> {
    const question = questions({ incident, ui: FIRST_UI })[Number(number) - 1];
    if (question === undefined) return this.#say(`no question ${number}: ask ${this.#short(incident.id)} lists them`);
    const result = await this.#desk.probe(incident.id, question.probe, question.name);
    this.#told(result, 'it said:');
    const answers = this.#desk.incident(incident.id)?.probes ?? [];
    const answer = answers.findLast(({ probe, name }) => probe === question.probe && name === question.name);
    if (result.ok) for (const { text } of answer?.lines ?? []) this.#say(`  ${text}`);
  }

  #told(result: ActResult, done: string): void {
    this.#say(result.ok ? done : `refused (${result.code}): ${result.message}`);
  }
}

const some = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** What was shown of an incident that an approval rests on: its plan, and who of two persons had approved it. */
const shownOf = (incident: Incident): string => `${incident.plan_hash ?? ''} ${firstOf(incident)?.id ?? ''}`;
