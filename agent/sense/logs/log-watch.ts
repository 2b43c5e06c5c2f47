import { type Infer, list, real, record, text } from '../../../broker/shape.ts';
import type { WatchedLog } from '../../drop-in/logs.ts';
import { type RecentLine, RecentLines } from '../recent-lines.ts';
import { errorLines } from './error-line.ts';
import { expandGlob, MAX_FILES } from './glob.ts';
import { lineText } from './line-text.ts';
import { Novelty, type SeenTemplate, savedTemplate } from './novelty.ts';
import { position, Tail } from './tail.ts';

/** A glob is looked up at most this often: rotation is seen by the tails themselves. */
const EXPAND_MS = 10_000;
/** Bytes of an ordinary line, to tell from a backlog how many lines it holds. */
const USUAL_LINE = 120;
const HOUR_MS = 3_600_000;

export const savedLog = record({
  name: text(64),
  /** When its learning began. */
  since: real,
  templates: list(savedTemplate, 512),
  files: list(record({ path: text(4_096), position }), MAX_FILES),
});
export type SavedLog = Infer<typeof savedLog>;

/** What a look at one log found. */
export interface LogLook {
  readonly lines: number;
  readonly errors: number;
  /** Kinds of line that have just become news. */
  readonly newErrors: number;
  readonly newOthers: number;
}

/** One declared log: its files, its errors, and the kinds of line that it is known to hold. */
export class LogWatch {
  readonly #tails = new Map<string, Tail>();
  readonly #recent = new RecentLines();
  readonly #novelty: Novelty;
  readonly #saved: ReadonlyMap<string, SavedLog['files'][number]>;
  #declared: WatchedLog;
  #isError: (line: string) => boolean;
  #expand = Number.NEGATIVE_INFINITY;
  #seen = false;

  /** `wall` is milliseconds since the epoch: when its learning begins if nothing was saved. */
  constructor(declared: WatchedLog, wall: number, saved: SavedLog | undefined) {
    this.#declared = declared;
    this.#isError = errorLines(declared.error);
    this.#novelty = new Novelty(saved?.since ?? wall, declared.learnHours * HOUR_MS, saved?.templates);
    this.#saved = new Map(saved?.files.map((file) => [file.path, file]));
    this.#seen = saved !== undefined;
  }

  /** The site may have changed what counts as an error, or the files. */
  follow(declared: WatchedLog): void {
    if (declared === this.#declared) return;
    this.#declared = declared;
    this.#isError = errorLines(declared.error);
    this.#expand = Number.NEGATIVE_INFINITY;
  }

  /**
   * What was written since the look before. At most about `budget` lines are looked into; of a flood every nth is, and
   * its errors are reckoned up.
   */
  look(now: number, wall: number, budget: number): LogLook {
    this.#findFiles(now);
    let waiting = 0;
    for (const tail of this.#tails.values()) waiting += tail.waiting();
    const stride = Math.max(1, Math.ceil(waiting / USUAL_LINE / Math.max(1, budget)));
    const found = { lines: 0, errors: 0, newErrors: 0, newOthers: 0 };
    const hear = (line: Buffer): void => {
      if (found.lines++ % stride !== 0 || line.length === 0) return;
      const said = lineText(line.toString('utf8'));
      const error = this.#isError(said);
      if (error) found.errors += stride;
      this.#recent.add(error ? 'errors' : 'lines', wall, said);
      const news = this.#novelty.add(said, wall, error);
      if (news === 'new-error') found.newErrors++;
      else if (news === 'new-other') found.newOthers++;
    };
    for (const tail of this.#tails.values()) {
      const before = tail.skippedBytes;
      tail.look(hear);
      found.lines += Math.round((tail.skippedBytes - before) / USUAL_LINE);
    }
    return found;
  }

  /** The last lines, errors first where there are any: redacted, never trusted. */
  last(count: number): readonly RecentLine[] {
    const errors = this.#recent.last('errors', count);
    return [...this.#recent.last('lines', count - Math.min(errors.length, count >> 1)), ...errors].slice(-count);
  }

  templates(max: number): SeenTemplate[] {
    return this.#novelty.top(max);
  }

  save(): SavedLog {
    const files = [...this.#tails.values()].flatMap((tail) => {
      const at = tail.position();
      return at === null ? [] : [{ path: tail.path, position: at }];
    });
    return { name: this.#declared.name, since: this.#novelty.since, templates: this.#novelty.save(), files };
  }

  close(): void {
    for (const tail of this.#tails.values()) tail.close();
  }

  #findFiles(now: number): void {
    if (now - this.#expand < EXPAND_MS) return;
    this.#expand = now;
    const paths = new Set(expandGlob(this.#declared.glob));
    for (const [path, tail] of this.#tails) {
      if (paths.has(path)) continue;
      tail.close();
      this.#tails.delete(path);
    }
    // What is there at the first sight is the past; what comes later is news from its first line.
    for (const path of paths) {
      if (this.#tails.has(path)) continue;
      this.#tails.set(path, new Tail(path, this.#saved.get(path)?.position ?? null, this.#seen ? 'start' : 'end'));
    }
    this.#seen = true;
  }
}
