import type { Command, Job, Program } from './program.ts';

/** Where the words of one command stand in the text, in argv's order. */
export type WordSpans = readonly (readonly [start: number, end: number])[];

/** A Program with its source ranges: `spans[n]` belongs to the n-th command, counted over all pipes. */
export interface Sourced {
  readonly program: Program;
  readonly spans: readonly WordSpans[];
}

/** True when two readers understood the same thing. */
export function sameProgram(a: Program, b: Program): boolean {
  return a.jobs.length === b.jobs.length && a.jobs.every((job, i) => sameJob(job, b.jobs[i]));
}

function sameJob(a: Job, b: Job | undefined): boolean {
  if (b === undefined || a.when !== b.when || a.pipe.length !== b.pipe.length) return false;
  return a.pipe.every((command, i) => sameCommand(command, b.pipe[i]));
}

function sameCommand(a: Command, b: Command | undefined): boolean {
  if (b === undefined || a.stdout !== b.stdout || a.stderr !== b.stderr || a.argv.length !== b.argv.length)
    return false;
  for (let i = 0; i < a.argv.length; i++) if (a.argv[i] !== b.argv[i]) return false;
  return true;
}
