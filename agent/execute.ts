import { createHash } from 'node:crypto';
import { uptime } from 'node:os';
import { ApprovalError, isRemembered } from '../broker/approvals.ts';
import { RuleError } from '../broker/automation-rule.ts';
import { decodeCbor } from '../broker/cbor.ts';
import { approval as approvalShape, LIMITS, type Order, type Phase, type Result } from '../broker/messages.ts';
import { isWithin } from '../broker/scopes.ts';
import type { Judge } from '../policy/judge.ts';
import type { Program } from '../policy/program.ts';
import type { Inventory } from '../policy/verdict.ts';
import { placeOf, RunError } from './binaries.ts';
import type { Ending, Journal, StepId } from './journal.ts';
import { checkOrder, type OpenedOrder, OrderError, openOrder } from './open-order.ts';
import { checkSequence, isAfter, nameOf } from './order-sequence.ts';
import { withoutSecrets } from './output.ts';
import { checkHome, checkPrivilegedPath, checkReadPath } from './paths.ts';
import { checkPaths, checkProcesses, isRoot, readOnlyHere } from './program-checks.ts';
import { type RunOptions, runProgram } from './run-program.ts';
import type { Trust } from './trust.ts';

/** What is reported for one step, before the agent signs it. */
export type StepReport = Ending & {
  readonly step?: { readonly phase: Phase; readonly number: number };
  readonly last: boolean;
};

export interface ExecutorOptions {
  readonly agent: string;
  readonly boot: string;
  /** Without it every order is a dry run, whatever the hub says (invariant 7). */
  readonly live: boolean;
  readonly trust: Trust;
  readonly journal: Journal;
  readonly judge: Pick<Judge, 'judge' | 'reviewForbidden' | 'needsRoot'>;
  /** How programs are run: what holds them, and what HOME they have. */
  readonly running?: RunOptions;
  /** Not root itself, it puts `sudo -n` before what needs root: for a site that wants no unit of root's. */
  readonly sudo?: boolean;
  readonly inventory: () => Inventory;
  /** This host's tags, which rules may ask for; absent where they are not known. */
  readonly tags?: () => readonly string[];
  readonly now: () => number;
  /** Milliseconds that the machine has been up, which budgets are counted by; absent: as the system says. */
  readonly uptime?: () => number;
  readonly audit: (what: string, data: object) => void;
}

type Step = Order['programs'][number];

const HOUR_MS = 3_600_000;

/** This host's own policy says no, whoever approved it. */
export class PolicyRefusal extends Error {
  readonly code: 'E_POLICY_BLOCK' | 'E_POLICY_REVIEW';
  constructor(code: PolicyRefusal['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Runs orders, one at a time. Each program is checked against the approval and judged again here; each step is in the
 * journal before it is spawned, and one that is there already is reported, never run again.
 */
export class Executor {
  private readonly options: ExecutorOptions;
  private stopping = false;
  private halting = new AbortController();

  constructor(options: ExecutorOptions) {
    this.options = options;
  }

  /** Lets the present command end and begins no other; the hub asks again for the rest. */
  stop(): void {
    this.stopping = true;
  }

  /** Ends what runs at once. Nothing begins again while `trust` says that the site is halted. */
  halt(): void {
    this.halting.abort();
    this.halting = new AbortController();
  }

  /** Carries out an order whose hub signature was verified; `report` hears of every step as it ends. */
  async run(order: Order, report: (report: StepReport) => void): Promise<void> {
    const { agent, boot, trust, now, tags } = this.options;
    const self = { agent, boot, tags: tags?.() ?? null };
    const clock = now();
    const at = { clock, now: trust.now(clock) };
    let opened = attempt(() => openOrder(order, self, trust, clock));
    let roster = versionOf(trust);
    this.options.audit('order', { order: order.id, incident: order.incident, accepted: !(opened instanceof Error) });
    if (opened instanceof Error && order.programs.length === 0) {
      report({ ...this.refused(opened), last: true });
      return;
    }
    const passed = new Set<string>();
    for (const [i, step] of order.programs.entries()) {
      if (this.stopping) return;
      if (versionOf(trust) !== roster) {
        roster = versionOf(trust);
        opened = attempt(() => checkOrder(order, self, trust, at));
      }
      const ending = await this.step(order, step, opened, passed);
      passed.add(nameOf(step));
      this.options.audit('step', { order: order.id, phase: step.phase, number: step.number, state: ending.state });
      const goesOn = (ending.state === 'done' || ending.state === 'dry_run') && i + 1 < order.programs.length;
      report({ ...ending, step: { phase: step.phase, number: step.number }, last: !goesOn });
      if (!goesOn) return;
    }
    if (order.programs.length === 0) report({ ...this.ending('done'), last: true });
  }

  private async step(
    order: Order,
    step: Step,
    opened: OpenedOrder | Error,
    passed: ReadonlySet<string>,
  ): Promise<Ending> {
    const { journal } = this.options;
    const id: StepId = { approval: approvalId(order, opened), phase: step.phase, number: step.number };
    const known = journal.known(id);
    if (known.state === 'ended') return known.ending;
    if (known.state === 'begun') return this.ending('outcome_unknown', 'E_STEP_INTERRUPTED');
    if (opened instanceof Error) return this.refused(opened);
    const refusal = attempt(() => {
      this.options.trust.checkHalt();
      this.checkStands(step, opened);
      this.checkSame(opened);
      this.checkBudget(opened);
      const now = this.options.trust.now(this.options.now());
      checkSequence(step, opened.approval, { journal, passed, now });
      this.checkPolicy(step, opened);
    });
    if (refusal instanceof Error) return this.refused(refusal);
    if (order.dry_run || !this.options.live)
      return this.ending('dry_run', this.options.live ? 'hub_dry_run' : 'agent_dry_run');
    return this.spawn(id, step, opened);
  }

  private async spawn(id: StepId, { program }: Step, { order, rule }: OpenedOrder): Promise<Ending> {
    const { journal, now, trust } = this.options;
    const { timeout } = order;
    try {
      const alone = rule === null ? undefined : this.uptime;
      journal.begin(id, trust.now(now()), { alone, digest: digestOf(order) });
    } catch (error) {
      // What can't be remembered must not be done: it could be done twice.
      return this.refused(error);
    }
    const running = { ...this.options.running, words: this.wordsWithin(timeout), halt: this.halting.signal };
    const ran = await runProgram(program, timeout * 1_000, now, running).catch((error: unknown) => this.refused(error));
    const ending = withoutSecrets(ran);
    try {
      journal.end(id, ending);
    } catch (error) {
      // It ran, and is reported as it ended; only after a restart is its outcome unknown.
      this.options.audit('journal', { step: nameOf(id), why: error instanceof Error ? error.message : String(error) });
    }
    return ending;
  }

  /**
   * What an approval names may be done, checked and undone for as long as its steps are remembered by its name; another
   * under the same name would inherit all that. The hub signs by itself what a rule covers, so it could make one. Throws
   * OrderError.
   */
  private checkSame({ order, approval }: OpenedOrder): void {
    const began = this.options.journal.digestOf(approval.id);
    if (began !== undefined && began !== digestOf(order))
      throw new OrderError('E_ORDER_PLAN', 'an approval of this name, but not this one, has begun here');
  }

  /** What is revoked in the middle of an order takes effect before its next step; what began is checked and undone. Throws RuleError. */
  private checkStands({ phase }: Step, { rule }: OpenedOrder): void {
    if (!isAfter(phase) && rule !== null && isRemembered(rule)) this.options.trust.checkRemembered(rule.id);
  }

  /** A hub that forgets its own budget does not get more than the rule gives. Throws RuleError. */
  private checkBudget({ rule, approval }: OpenedOrder): void {
    if (rule === null) return;
    const ran = this.options.journal.aloneWithin(HOUR_MS, this.uptime, approval.id);
    if (ran >= rule.per_host_hour)
      throw new RuleError('E_RULE_BUDGET', `${ran} plans ran here by a rule within an hour: it gives no more`);
  }

  /** Judges the program again, on what is here and now. Throws PolicyRefusal, ApprovalError or RunError. */
  private checkPolicy({ phase, number, program }: Step, { approval, ceiling }: OpenedOrder): void {
    const inventory = { ...this.options.inventory(), processes: approval.processes };
    const { judge } = this.options;
    const verdict = judge.judge(program, inventory, approval.policy_hash);
    const consented = (phase === 'step' || phase === 'rollback') && approval.reviewed.includes(number);
    if (verdict.decision === 'block') throw new PolicyRefusal('E_POLICY_BLOCK', verdict.reason);
    if (verdict.decision === 'review' && (!consented || judge.reviewForbidden))
      throw new PolicyRefusal('E_POLICY_REVIEW', verdict.reason);
    if (!isWithin(verdict.effect, ceiling))
      throw new ApprovalError(
        'E_APPROVAL_EFFECT',
        `its effect is ${verdict.effect}, and ${approval.by}, or who agreed, may approve ${ceiling ?? 'nothing'} at most`,
      );
    this.checkRoot(program);
    const home = this.options.running?.home;
    if (isRoot() && home !== undefined) checkHome(home);
    checkProcesses(program, approval.processes, this.mayAsRoot || verdict.effect === 'read');
    if (this.mayAsRoot) checkPaths(program, verdict.effect === 'read' ? checkReadPath : checkPrivilegedPath);
  }

  private get uptime(): number {
    return this.options.uptime?.() ?? uptime() * 1_000;
  }

  private get mayAsRoot(): boolean {
    return isRoot() || this.options.sudo === true;
  }

  /** Refuses, with the reason, what would only fail for want of root. */
  private checkRoot(program: Program): void {
    if (this.mayAsRoot) return;
    const needing = program.jobs.flatMap(({ pipe }) => pipe).find(({ argv }) => this.options.judge.needsRoot(argv));
    if (needing !== undefined) throw new RunError('E_NEEDS_ROOT', readOnlyHere(needing.argv[0] ?? ''));
  }

  /** The words that a command is started with. sudo ends it by itself: what it made root is not ours to signal. */
  private wordsWithin(seconds: number): (argv: readonly string[]) => readonly string[] {
    const { judge, sudo } = this.options;
    if (sudo !== true || isRoot()) return (argv) => argv;
    return (argv) => {
      const [name = '', ...rest] = argv;
      if (name === 'sudo' || !judge.needsRoot(argv)) return argv;
      return ['sudo', '-n', '-T', String(seconds), '--', placeOf(name), ...rest];
    };
  }

  private refused(error: unknown): Ending {
    const message = error instanceof Error ? error.message : String(error);
    return { ...this.ending('refused', codeOf(error)), stderr: message.slice(0, LIMITS.output) };
  }

  private ending(state: Result['state'], code?: string): Ending {
    const at = this.options.now();
    return {
      state,
      ...(code === undefined ? {} : { code }),
      started: at,
      ended: at,
      stdout: '',
      stderr: '',
      truncated: false,
    };
  }
}

/** An order that can't be opened any more, since its approval lapsed, may still ask what became of its steps. */
function approvalId(order: Order, opened: OpenedOrder | Error): string {
  return opened instanceof Error ? approvalIdOf(order) : opened.approval.id;
}

/** The name of an order's approval as it says itself, nothing of it checked; empty when it can't be read. */
export function approvalIdOf(order: Order): string {
  const read = attempt(() => approvalShape(decodeCbor(order.approval), '').id);
  return read instanceof Error ? '' : read;
}

const versionOf = (trust: Trust): number => (trust.hasRoster ? trust.roster.version : 0);

const digestOf = ({ approval }: Order): string => createHash('sha256').update(approval).digest('hex');

function attempt<T>(act: () => T): T | Error {
  try {
    return act();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL';
}
