import { type Sourced, sameProgram } from './compiled.ts';
import { type Fault, fault, isFault } from './fault.ts';
import { bareName, RESERVED } from './names.ts';
import type { Reader } from './parse.ts';
import type { Command, Job } from './program.ts';
import { readProgram } from './reader.ts';
import { checkSubset } from './subset.ts';
import { wordAt } from './word-at.ts';

/**
 * Text to Program: the subset, then both readers, which must agree; then every command's name must be a bare name
 * or a path into one of the fixed folders. Never throws.
 */
export function compile(text: string, reader: Reader): Sourced | Fault {
  const outside = checkSubset(text);
  if (outside !== null) return outside;
  const tree = reader(text);
  if (isFault(tree)) return tree;
  const second = readProgram(text);
  if (isFault(second)) return second;
  if (!sameProgram(tree.program, second)) {
    return fault('reader.differs', 'two readers understand this text differently', 0, text.length);
  }
  let at = 0;
  const jobs: Job[] = [];
  for (const job of tree.program.jobs) {
    const pipe: Command[] = [];
    for (const command of job.pipe) {
      const span = tree.spans[at++]?.[0] ?? [0, text.length];
      const name = bareName(wordAt(command.argv, 0));
      if (name === null) return fault('subset.name', 'a command is named by its bare name', span[0], span[1]);
      if (RESERVED.has(name)) return fault('subset.reserved', `${name} is part of a shell`, span[0], span[1]);
      pipe.push({ ...command, argv: [name, ...command.argv.slice(1)] });
    }
    jobs.push({ when: job.when, pipe });
  }
  return { program: { version: 1, jobs }, spans: tree.spans };
}
