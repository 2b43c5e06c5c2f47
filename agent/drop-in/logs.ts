import { isScalar } from 'yaml';
import { isPattern, MAX_PATTERNS } from '../sense/logs/error-line.ts';
import { isGlob } from '../sense/logs/glob.ts';
import type { Reader } from './reader.ts';
import { namedList } from './section.ts';

/** Log files that belong together, and what counts as an error in them. */
export interface WatchedLog {
  readonly name: string;
  readonly glob: string;
  /** Parts with `*` between; the usual words where it is empty. */
  readonly error: readonly string[];
  readonly errorsPerMinute?: number;
  readonly linesPerMinute?: number;
  /** How long its kinds of line are learned before a new one is news. */
  readonly learnHours: number;
}

/** Each is four metrics, and up to 16 files that are kept open. */
export const MAX_LOGS = 16;
const KEYS = ['name', 'glob', 'error', 'errors_per_minute', 'lines_per_minute', 'learn_hours'];
/** A day shows what a service writes at night too. */
const LEARN_HOURS = 24;

export const logsSection = namedList({ name: 'logs', max: MAX_LOGS, read: readLog });

function readLog(reader: Reader, node: unknown): WatchedLog {
  const log = reader.map(node, 'a log', KEYS);
  const glob = log.get('glob', true);
  if (!isScalar(glob) || typeof glob.value !== 'string' || !isGlob(glob.value)) {
    return reader.fail(glob ?? log, 'has no good glob', 'give `glob: /var/log/app/*.log`; only * and ? within a name');
  }
  const errorsPerMinute = reader.positive(log, 'errors_per_minute');
  const linesPerMinute = reader.positive(log, 'lines_per_minute');
  return {
    name: reader.name(log),
    glob: glob.value,
    error: readPatterns(reader, log.get('error', true)),
    learnHours: reader.positive(log, 'learn_hours') ?? LEARN_HOURS,
    ...(errorsPerMinute === undefined ? {} : { errorsPerMinute }),
    ...(linesPerMinute === undefined ? {} : { linesPerMinute }),
  };
}

/** One pattern, or a list of them. */
function readPatterns(reader: Reader, node: unknown): string[] {
  if (node === undefined) return [];
  const items = isScalar(node) ? [node] : reader.list(node, 'error patterns', MAX_PATTERNS);
  return items.map((item) => {
    if (isScalar(item) && typeof item.value === 'string' && isPattern(item.value)) return item.value;
    return reader.fail(item, 'an error pattern is no good', 'give words, with * for anything between: `FATAL*timeout`');
  });
}
