import { decodeCbor } from '../broker/cbor.ts';
import { type Approval, approval as approvalShape, type Order, type Phase, type Result } from '../broker/messages.ts';
import type { Program } from '../policy/program.ts';
import type { Inventory, ProcessRef, Verdict } from '../policy/verdict.ts';
import { checkPrivilegedPath, RunError } from './binaries.ts';
import type { Ending, Journal, StepId } from './journal.ts';
import { type OpenedOrder, openOrder } from './open-order.ts';
import { runProgram } from './run-program.ts';
import { ProcFiles } from './sense/proc-files.ts';
import { processRef, readProcessStat } from './sense/process-stat.ts';
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
  readonly judge: { judge(program: Program, inventory: Inventory | null): Verdict };
  readonly inventory: () => Inventory;
  readonly now: () => number;
  readonly audit: (what: string, data: object) => void;
}

type Step = Order['programs'][number];

/**
 * Runs orders, one at a time. Each program is checked against the approval and judged again here; each step is in the
 * journal before it is spawned, and one that is there already is reported, never run again.
 */
export class Executor {
  private readonly options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.options = options;
  }

  /** Carries out an order whose hub signature was verified; `report` hears of every step as it ends. */
  async run(order: Order, report: (report: StepReport) => void): Promise<void> {
    const { agent, boot, trust, now } = this.options;
    const opened = attempt(() => openOrder(order, { agent, boot }, trust, now()));
    this.options.audit('order', { order: order.id, incident: order.incident, accepted: !(opened instanceof Error) });
    if (opened instanceof Error && order.programs.length === 0) {
      report({ ...this.ending('refused', codeOf(opened)), stderr: opened.message, last: true });
      return;
    }
    for (const [i, step] of order.programs.entries()) {
      const ending = await this.step(order, step, opened);
      this.options.audit('step', { order: order.id, phase: step.phase, number: step.number, state: ending.state });
      const goesOn = (ending.state === 'done' || ending.state === 'dry_run') && i + 1 < order.programs.length;
      report({ ...ending, step: { phase: step.phase, number: step.number }, last: !goesOn });
      if (!goesOn) return;
    }
    if (order.programs.length === 0) report({ ...this.ending('done'), last: true });
  }

  private async step(order: Order, step: Step, opened: OpenedOrder | Error): Promise<Ending> {
    const { journal } = this.options;
    const id: StepId = { approval: approvalId(order, opened), phase: step.phase, number: step.number };
    const known = journal.known(id);
    if (known.state === 'ended') return known.ending;
    if (known.state === 'begun') return this.ending('outcome_unknown', 'E_STEP_INTERRUPTED');
    if (opened instanceof Error) return { ...this.ending('refused', codeOf(opened)), stderr: opened.message };

    const refusal = this.refusal(step, opened.approval);
    if (refusal !== null) return { ...this.ending('refused', refusal.code), stderr: refusal.message };
    if (order.dry_run || !this.options.live)
      return this.ending('dry_run', this.options.live ? 'hub_dry_run' : 'agent_dry_run');
    return this.spawn(id, step, order.timeout);
  }

  private async spawn(id: StepId, { program }: Step, timeout: number): Promise<Ending> {
    const { journal, now } = this.options;
    try {
      journal.begin(id, now());
    } catch (error) {
      // What can't be remembered must not be done: it could be done twice.
      return { ...this.ending('refused', 'E_JOURNAL'), stderr: error instanceof Error ? error.message : String(error) };
    }
    const ending = await runProgram(program, timeout * 1_000, now).catch((error: unknown) => ({
      ...this.ending('refused', codeOf(error)),
      stderr: error instanceof Error ? error.message : String(error),
    }));
    journal.end(id, ending);
    return ending;
  }

  /** Why this step may not run here and now; null when it may. */
  private refusal({ phase, number, program }: Step, approval: Approval): { code: string; message: string } | null {
    const inventory = { ...this.options.inventory(), processes: approval.processes };
    const verdict = this.options.judge.judge(program, inventory);
    const consented = (phase === 'step' || phase === 'rollback') && approval.reviewed.includes(number);
    if (verdict.decision === 'block') return { code: 'E_POLICY_BLOCK', message: verdict.reason };
    if (verdict.decision === 'review' && !consented) return { code: 'E_POLICY_REVIEW', message: verdict.reason };
    try {
      checkProcesses(program, approval.processes);
      if (process.geteuid?.() === 0 && verdict.effect !== 'read') checkPaths(program);
      return null;
    } catch (error) {
      return { code: codeOf(error), message: error instanceof Error ? error.message : String(error) };
    }
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

const proc = new ProcFiles();

/** A pid means the process that was seen: same start, same name, same executable where it could be read (invariant 3). */
function checkProcesses(program: Program, processes: readonly ProcessRef[]): void {
  const words = new Set(program.jobs.flatMap(({ pipe }) => pipe.flatMap(({ argv }) => argv.slice(1))));
  for (const seen of processes) {
    if (!words.has(String(seen.pid))) continue;
    const stat = readProcessStat(proc, seen.pid);
    if (stat === null || stat.state === 'Z')
      throw new RunError('E_PROCESS_GONE', `process ${seen.pid} (${seen.comm}) has ended`);
    const present = processRef(proc, stat);
    const isSame =
      present.start === seen.start &&
      present.comm === seen.comm &&
      (seen.exe === undefined || present.exe === seen.exe);
    if (!isSame) throw new RunError('E_PROCESS_OTHER', `pid ${seen.pid} is another process now (${present.comm})`);
  }
}

function checkPaths(program: Program): void {
  for (const { pipe } of program.jobs) {
    for (const { argv } of pipe) {
      for (const word of argv.slice(1)) if (word.startsWith('/')) checkPrivilegedPath(word);
    }
  }
}

/** An order that can't be opened any more, since its approval lapsed, may still ask what became of its steps. */
function approvalId(order: Order, opened: OpenedOrder | Error): string {
  if (!(opened instanceof Error)) return opened.approval.id;
  const read = attempt(() => approvalShape(decodeCbor(order.approval), '').id);
  return read instanceof Error ? '' : read;
}

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
