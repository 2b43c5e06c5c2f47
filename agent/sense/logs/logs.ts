import { list, record, type Shape } from '../../../broker/shape.ts';
import { MAX_LOGS, type WatchedLog } from '../../drop-in/logs.ts';
import type { RecentLine } from '../recent-lines.ts';
import { labelled, type Reading, type Sense } from '../sense.ts';
import { StateFile } from '../state-file.ts';
import { LogWatch, type SavedLog, savedLog } from './log-watch.ts';
import type { SeenTemplate } from './novelty.ts';

/** Lines that are looked into in one sample, all logs together: about 30 ms of a core. */
const LINES_A_SAMPLE = 4_000;
const KEEP_EVERY_MS = 300_000;
/** A new kind of line is counted for so long. */
const NEWS_MS = 600_000;

const saved: Shape<{ readonly logs: readonly SavedLog[] }> = record({ logs: list(savedLog, MAX_LOGS) });

interface Followed {
  readonly watch: LogWatch;
  /** Moments, in monotonic milliseconds, at which a kind of line became news. */
  newErrors: number[];
  newOthers: number[];
}

/** The declared logs: lines and errors a minute, and kinds of line that were never seen before. */
export class LogsSense implements Sense {
  readonly name = 'logs';
  readonly #declared: () => readonly WatchedLog[];
  readonly #wall: () => number;
  readonly #state: StateFile;
  readonly #saved: ReadonlyMap<string, SavedLog>;
  readonly #logs = new Map<string, Followed>();
  #before: number | null = null;

  constructor(options: {
    readonly declared: () => readonly WatchedLog[];
    /** Where positions and kinds of line are kept over restarts; undefined keeps nothing. */
    readonly state: string | undefined;
    readonly wall?: () => number;
  }) {
    this.#declared = options.declared;
    this.#wall = options.wall ?? Date.now;
    this.#state = new StateFile(options.state, 'logs', KEEP_EVERY_MS);
    this.#saved = new Map(readSaved(this.#state).map((log) => [log.name, log]));
  }

  /** The last lines of a declared log, redacted; never trusted. */
  last(log: string, count = 16): readonly RecentLine[] {
    return this.#logs.get(log)?.watch.last(count) ?? [];
  }

  /** The kinds of line that matter most in a declared log, or in all. */
  templates(log: string | null, max = 16): readonly SeenTemplate[] {
    const watches = log === null ? [...this.#logs.values()] : [this.#logs.get(log)].flatMap((found) => found ?? []);
    return watches.flatMap(({ watch }) => watch.templates(max)).slice(0, max);
  }

  sample(now: number): Reading[] {
    const declared = this.#declared();
    this.#forget(declared);
    const passed = this.#before === null ? 0 : now - this.#before;
    this.#before = now;
    const budget = Math.ceil(LINES_A_SAMPLE / Math.max(1, declared.length));
    const readings = declared.flatMap((log) => this.#look(log, now, passed, budget));
    if (declared.length > 0) this.#state.keep(now, () => this.#content());
    return readings;
  }

  close(): void {
    if (this.#logs.size > 0) this.#state.write(this.#content());
    for (const { watch } of this.#logs.values()) watch.close();
    this.#logs.clear();
  }

  #look(log: WatchedLog, now: number, passed: number, budget: number): Reading[] {
    const known = this.#logs.get(log.name);
    const followed = known ?? {
      watch: new LogWatch(log, this.#wall(), this.#saved.get(log.name)),
      newErrors: [],
      newOthers: [],
    };
    this.#logs.set(log.name, followed);
    followed.watch.follow(log);
    const look = followed.watch.look(now, this.#wall(), budget);
    followed.newErrors = lately(followed.newErrors, look.newErrors, now);
    followed.newOthers = lately(followed.newOthers, look.newOthers, now);
    // The first look has no time behind it that its lines could be a rate of.
    const rate = (count: number): number | null =>
      known === undefined || passed <= 0 ? null : (count * 60_000) / passed;
    const reading = (name: string, unit: string, value: number | null, limit?: number): Reading => ({
      ...{ name: labelled(name, log.name), unit, scale: unit === '' ? 1 : 0.1, value },
      ...(limit === undefined ? {} : { limit }),
    });
    return [
      reading('log.lines_per_minute', '/min', rate(look.lines), log.linesPerMinute),
      reading('log.errors_per_minute', '/min', rate(look.errors), log.errorsPerMinute),
      { ...reading('log.new_errors', '', followed.newErrors.length), learn: false },
      { ...reading('log.new_templates', '', followed.newOthers.length), learn: false },
    ];
  }

  #forget(declared: readonly WatchedLog[]): void {
    const names = new Set(declared.map(({ name }) => name));
    for (const [name, { watch }] of this.#logs) {
      if (names.has(name)) continue;
      watch.close();
      this.#logs.delete(name);
    }
  }

  #content(): { readonly logs: readonly SavedLog[] } {
    return { logs: [...this.#logs.values()].map(({ watch }) => watch.save()) };
  }
}

/** The moments that still count, and as many new ones. */
function lately(moments: readonly number[], added: number, now: number): number[] {
  return [...moments.filter((at) => now - at < NEWS_MS), ...Array.from({ length: added }, () => now)].slice(-256);
}

function readSaved(state: StateFile): readonly SavedLog[] {
  const content = state.read();
  if (content === null) return [];
  try {
    return saved(content, '').logs;
  } catch {
    return []; // of another version, or damaged: learned anew
  }
}
