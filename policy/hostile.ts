import { LIMITS } from './limits.ts';
import { bareName } from './names.ts';
import type { Command, Job, Program } from './program.ts';
import { wordAt } from './word-at.ts';

/**
 * A Program that came from elsewhere, copied into plain fresh data; or why it is none. Whatever is passed (cycles,
 * getters, proxies, a hundred thousand arguments), this takes bounded time and never throws.
 */
export function cleanProgram(value: unknown): Program | string {
  try {
    return clean(value);
  } catch {
    return 'it cannot be read';
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function clean(value: unknown): Program | string {
  if (!isObject(value) || value['version'] !== 1) return 'it is no Program of version 1';
  const given = bounded(value['jobs'], LIMITS.jobs);
  if (given === null) return `it has no jobs, or more than ${LIMITS.jobs}`;
  const budget = { left: LIMITS.program };
  const jobs: Job[] = [];
  for (const job of given) {
    const read = cleanJob(job, jobs.length === 0, budget);
    if (typeof read === 'string') return read;
    jobs.push(read);
  }
  return { version: 1, jobs };
}

function bounded(value: unknown, limit: number): unknown[] | null {
  if (!Array.isArray(value)) return null;
  const length = value.length;
  if (length === 0 || length > limit) return null;
  return Array.from({ length }, (_, i) => value[i] as unknown);
}

function cleanJob(value: unknown, first: boolean, budget: { left: number }): Job | string {
  if (!isObject(value)) return 'a job is no object';
  const when = value['when'];
  if (when !== 'always' && when !== 'and' && when !== 'or') return 'a job without a condition';
  if (first && when !== 'always') return 'the first job has nothing to depend on';
  const given = bounded(value['pipe'], LIMITS.pipe);
  if (given === null) return `a pipe is empty or longer than ${LIMITS.pipe}`;
  const pipe: Command[] = [];
  for (const command of given) {
    const read = cleanCommand(command, pipe.length === given.length - 1, budget);
    if (typeof read === 'string') return read;
    pipe.push(read);
  }
  return { when, pipe };
}

function cleanCommand(value: unknown, last: boolean, budget: { left: number }): Command | string {
  if (!isObject(value)) return 'a command is no object';
  const { stdout, stderr } = value;
  if (stdout !== 'keep' && stdout !== 'discard') return 'an output that is not known';
  if (stderr !== 'keep' && stderr !== 'discard' && stderr !== 'stdout') return 'an error output that is not known';
  if (!last && stdout === 'discard') return 'a pipe that would be empty';
  const given = bounded(value['argv'], LIMITS.argv);
  if (given === null) return `a command without words, or with more than ${LIMITS.argv}`;
  const argv: string[] = [];
  for (const word of given) {
    if (typeof word !== 'string' || word.length > LIMITS.argument) return 'an argument that is no text, or too long';
    if (!/^[\x20-\x7e\t]*$/.test(word)) return 'an argument with a byte that no text compiles to';
    budget.left -= word.length + 1;
    if (budget.left < 0) return `more than ${LIMITS.program} bytes of arguments`;
    argv.push(word);
  }
  const name = wordAt(argv, 0);
  if (name.includes('/') || bareName(name) === null) return 'a command is named by its bare name';
  return { argv, stdout, stderr };
}
