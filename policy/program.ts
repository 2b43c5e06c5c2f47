import { createHash } from 'node:crypto';

/**
 * What a vetted command means, as data: the only thing an agent ever runs (invariant 2).
 * A Program is a list of jobs; a job is a pipeline of commands with the condition under which it runs.
 * There is no shell, no expansion and no file redirect in it: `argv` holds the very bytes that the process receives.
 */
export interface Program {
  readonly version: 1;
  readonly jobs: readonly Job[];
}

/** One pipeline. `when` says how it follows the job before it: `;` is always, `&&` is and, `||` is or. */
export interface Job {
  readonly when: 'always' | 'and' | 'or';
  readonly pipe: readonly Command[];
}

/** One process. `argv[0]` is a bare name: the executor finds it in a fixed list of root-owned directories. */
export interface Command {
  readonly argv: readonly string[];
  /** Where standard output goes when this is the last of its pipe (a pipe otherwise). */
  readonly stdout: 'keep' | 'discard';
  /** `stdout` is the `2>&1` of a shell. */
  readonly stderr: 'keep' | 'discard' | 'stdout';
}

/** SHA-256 over one fixed layout of the Program, in hex: the same on every run, platform and locale. */
export function programHash(program: Program): string {
  const layout = [
    'sentinel-program',
    program.version,
    program.jobs.map((job) => [job.when, job.pipe.map((c) => [c.argv, c.stdout, c.stderr])]),
  ];
  return createHash('sha256').update(JSON.stringify(layout)).digest('hex');
}
