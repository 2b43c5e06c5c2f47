import { availableParallelism, cpus } from 'node:os';
import { limitsOf } from './recommended.ts';

/** A model below this answers in a fraction of a second on one thread: more only wait for one another. */
const SMALL_BYTES = 256 * 1_048_576;

/** What a machine gives: read once, or told by a test. */
export interface Machine {
  /** Processors that this process may run on. */
  readonly processors: number;
  /** Threads of one core; 2 where cores are shared by two. */
  readonly perCore: number;
  /** Processors' worth of time that the control group leaves; Infinity where it sets no limit. */
  readonly quota: number;
}

/**
 * Threads for a model of so many bytes: one for a small one, else a thread for each core but one, and never more than the
 * control group has time for. llama.cpp's threads wait for each other at each step: one too many costs a thousandfold.
 */
export function threadsFor(bytes: number, { processors, perCore, quota }: Machine = thisMachine()): number {
  if (bytes < SMALL_BYTES) return 1;
  const cores = Math.floor(processors / perCore) - 1;
  return Math.max(1, Math.min(cores, Math.floor(quota)));
}

export function thisMachine(read?: (file: string) => string): Machine {
  const quotas = limitsOf('cpu.max', read).map((text) => {
    const [time = 'max', period = '100000'] = text.split(' ');
    return time === 'max' ? Infinity : Number(time) / Number(period);
  });
  return { processors: availableParallelism(), perCore: siblings(), quota: Math.min(Infinity, ...quotas) };
}

/** Guessed low rather than high: two threads of one core are one thread's worth of arithmetic. */
const siblings = (): number => (/ARM|Neoverse|Apple|Cortex/i.test(cpus()[0]?.model ?? '') ? 1 : 2);
