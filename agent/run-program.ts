import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from '../policy/program.ts';
import { findBinary, RunError } from './binaries.ts';
import { BOUNDS, type Overrun } from './bound/bounds.ts';
import type { Cages } from './bound/cage.ts';
import { openStrays } from './bound/strays.ts';
import { environmentOf, NO_HOME } from './environment.ts';
import type { Ending } from './journal.ts';
import { Output } from './output.ts';
import { type Exit, Pipe, type Surroundings } from './run-pipe.ts';

/** Rounds of the last sweep: a process in the middle of a device's read can't be killed before it is done. */
const SWEEPS = 50;

export interface RunOptions {
  /** HOME of what runs. */
  readonly home?: string;
  /** What holds a program's processes together. */
  readonly cages?: Cages;
  /** A command's words as they are started; by default as they were vetted. */
  readonly words?: (argv: readonly string[]) => readonly string[];
  /** Ends it at once, wherever it is: the site was halted. */
  readonly halt?: AbortSignal;
}

/**
 * Runs exactly a Program's argv lists: no shell, fixed binaries, fixed environment, cwd `/`, stdin /dev/null, its own
 * process groups, output capped, bounded in processes and memory, killed at the timeout wherever its processes went.
 * Conditions are as bash has them: the last command of a pipe decides. Throws RunError before anything is spawned when
 * a binary is missing or unsafe; what goes wrong later is an ending.
 */
export async function runProgram(
  program: Program,
  timeoutMs: number,
  now: () => number,
  { home = NO_HOME, cages, words = asVetted, halt }: RunOptions = {},
): Promise<Ending> {
  for (const { pipe } of program.jobs) for (const { argv } of pipe) findBinary(words(argv)[0] ?? '');
  const env = environmentOf(home);
  const cage = (cages ?? openStrays(env)).make();
  const run = new Run({ env, cage, output: new Output(), words }, timeoutMs);
  const started = now();
  const stop = () => run.halt();
  halt?.addEventListener('abort', stop, { once: true });
  if (halt?.aborted) stop();
  try {
    return { ...(await run.jobs(program)), started, ended: now() };
  } finally {
    halt?.removeEventListener('abort', stop);
    run.close();
  }
}

const asVetted = (argv: readonly string[]): readonly string[] => argv;

/** One program that runs, until its last job has ended or a bound ends it. */
class Run {
  private readonly around: Surroundings;
  private readonly watch: NodeJS.Timeout;
  private readonly deadline: NodeJS.Timeout;
  private grace: NodeJS.Timeout | undefined;
  private stopped: 'timeout' | 'E_HALTED' | Overrun | null = null;
  private killed = false;
  private pipe: Pipe | null = null;

  constructor(around: Surroundings, timeoutMs: number) {
    this.around = around;
    this.deadline = setTimeout(() => this.timeOut(), timeoutMs);
    this.watch = setInterval(() => this.look(), BOUNDS.watch);
  }

  async jobs(program: Program): Promise<Omit<Ending, 'started' | 'ended'>> {
    let exit: Exit = { code: 0, signal: null };
    for (const [i, job] of program.jobs.entries()) {
      if (job.when === 'and' && exit.code !== 0) continue;
      if (job.when === 'or' && exit.code === 0) continue;
      const pipe = new Pipe(this.around);
      this.pipe = pipe;
      try {
        pipe.start(job);
      } catch (error) {
        // The rest of the pipe runs already, and waits for what will never be said.
        this.kill();
        await pipe.ended();
        if (i === 0 && pipe.children.length === 0) throw error;
        return this.broken(error);
      }
      if (this.stopped !== null) this.kill();
      exit = await pipe.ended();
      if (this.stopped !== null) break;
    }
    if (this.stopped !== null) await this.sweep();
    return this.ending(exit);
  }

  /** What was stopped leaves nothing behind: not what left its group, nor what the first signal came too early for. */
  private async sweep(): Promise<void> {
    for (let round = 0, empty = 0; round < SWEEPS && empty < 2; round++) {
      // Once is not enough: in the middle of an exec a process looks like nobody's.
      empty = this.around.cage.count() === 0 ? empty + 1 : 0;
      if (empty === 0) this.kill();
      await sleep(BOUNDS.watch);
    }
  }

  close(): void {
    clearTimeout(this.deadline);
    clearInterval(this.watch);
    clearTimeout(this.grace);
    this.around.cage.close();
  }

  private ending({ code, signal }: Exit): Omit<Ending, 'started' | 'ended'> {
    const { output } = this.around;
    // What the last look came too late for: the kernel holds its bounds between two of them as well.
    const overrun = this.stopped ?? (code === 0 ? null : this.around.cage.overrun());
    return {
      state: overrun === 'timeout' ? 'timeout' : overrun !== null || code !== 0 ? 'failed' : 'done',
      ...(overrun === null || overrun === 'timeout' ? {} : { code: overrun }),
      exit: code,
      ...(signal === null ? {} : { signal }),
      stdout: output.stdout.text(),
      stderr: output.stderr.text(),
      truncated: output.truncated,
    };
  }

  /** Something ran before it went wrong: that is a failure, and never a refusal. */
  private broken(error: unknown): Omit<Ending, 'started' | 'ended'> {
    const { output } = this.around;
    const code = error instanceof RunError ? error.code : 'E_INTERNAL';
    const why = error instanceof Error ? error.message : String(error);
    return {
      state: 'failed',
      code,
      stdout: output.stdout.text(),
      stderr: output.stderr.text() || why,
      truncated: output.truncated,
    };
  }

  private look(): void {
    // What is killed is killed again until it is gone: another may have been on its way into the world.
    if (!this.killed && this.stopped === null) {
      this.stopped = this.around.output.flooded ? 'E_LIMIT_OUTPUT' : this.around.cage.overrun();
      this.killed = this.stopped !== null;
    }
    if (this.killed) this.kill();
  }

  /** Without grace: who halts a site wants it to stand still within a second. */
  halt(): void {
    this.stopped ??= 'E_HALTED';
    this.kill();
  }

  private timeOut(): void {
    this.stopped ??= 'timeout';
    this.around.cage.terminate();
    this.grace = setTimeout(() => this.kill(), BOUNDS.grace);
  }

  private kill(): void {
    this.killed = true;
    this.around.cage.kill();
    this.pipe?.hangUp();
  }
}
