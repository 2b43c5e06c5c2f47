import { UsageError } from '../../broker/command-line.ts';
import { WAYS, type Way, wayNamed } from '../reason/ways.ts';

/** Reads `--reasoner`; undefined where it was not typed. Throws a UsageError. */
export function readWay(word: string | undefined): Way | undefined {
  const way = word === undefined ? undefined : wayNamed(word);
  if (word !== undefined && way === undefined) {
    throw new UsageError(`--reasoner takes ${WAYS.join(' or ')}, not ${JSON.stringify(word.slice(0, 40))}`);
  }
  return way;
}
