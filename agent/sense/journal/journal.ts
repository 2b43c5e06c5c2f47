import { maybe, record, type Shape, text } from '../../../broker/shape.ts';
import { hasSystemd } from '../dbus/failed-units.ts';
import type { SeenTemplate } from '../logs/novelty.ts';
import type { RecentLine } from '../recent-lines.ts';
import type { Reading, Sense } from '../sense.ts';
import { StateFile } from '../state-file.ts';
import { FailedUnits } from './failed.ts';
import { HostEvents } from './host-events.ts';
import { findJournal, JournalReader } from './reader.ts';
import { type SavedFiles, SyslogFiles, savedFiles } from './syslog.ts';

const KEEP_EVERY_MS = 60_000;
/** Where no log was found, it is looked for again this often: one may come with its daemon. */
const FIND_MS = 60_000;

const saved: Shape<{ readonly cursor?: string; readonly files?: SavedFiles }> = record({
  cursor: maybe(text(1_024)),
  files: maybe(savedFiles),
});

/** Where the host's own log comes from. */
type Source =
  | { readonly kind: 'journal'; readonly reader: JournalReader }
  | { readonly kind: 'files'; readonly files: SyslogFiles };

export interface JournalOptions {
  /** Where the cursor is kept over restarts; undefined keeps nothing. */
  readonly state: string | undefined;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** Units whose failures are not told. */
  readonly ignored: () => readonly string[];
  readonly wall?: () => number;
  /** Where the host's own files are. */
  readonly root?: string;
  /** Another command than journalctl, for tests. */
  readonly command?: readonly string[];
}

/**
 * The host's own log: what the kernel and systemd say that happened, and how many lines and errors there are. From the
 * journal by one long-lived journalctl, else from syslog's files. Where there is neither, it says nothing.
 */
export class JournalSense implements Sense {
  readonly name = 'journal';
  readonly #options: JournalOptions;
  readonly #wall: () => number;
  readonly #events: HostEvents;
  readonly #state: StateFile;
  readonly #failed: FailedUnits | null;
  #source: Source | null = null;
  #find = Number.NEGATIVE_INFINITY;
  #before: { readonly now: number; readonly seen: number } | null = null;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#wall = options.wall ?? Date.now;
    this.#events = new HostEvents(this.#wall);
    this.#state = new StateFile(options.state, 'journal', KEEP_EVERY_MS);
    this.#failed = hasSystemd() ? new FailedUnits(options.ignored) : null;
  }

  /** The last lines of a unit, or of `kernel`, oldest first: redacted, never trusted. */
  lastLines(unit: string, count?: number): readonly RecentLine[] {
    return this.#events.last(unit, count);
  }

  /** Kinds of warning and error line in the host's log. */
  templates(max = 16): readonly SeenTemplate[] {
    return this.#events.templates(max);
  }

  /** The reader, where there is a journal: its process costs apart. */
  get reader(): JournalReader | null {
    return this.#source?.kind === 'journal' ? this.#source.reader : null;
  }

  sample(now: number): Reading[] {
    const source = this.#open(now);
    if (source?.kind === 'files') source.files.look(this.#wall(), (entry) => this.#events.hear(entry, now));
    if (this.#events.unitsChanged) {
      this.#events.unitsChanged = false;
      this.#failed?.hurry();
    }
    const readings = [...(source === null ? [] : this.#rates(source, now)), ...this.#events.readings(now)];
    this.#state.keep(now, () => this.#content());
    return [...readings, ...(this.#failed?.readings(now) ?? [])];
  }

  close(): void {
    if (this.#source !== null) this.#state.write(this.#content());
    this.#failed?.stop();
    if (this.#source?.kind === 'journal') this.#source.reader.stop();
    else this.#source?.files.close();
    this.#source = null;
  }

  #rates(source: Source, now: number): Reading[] {
    const { seen } = source.kind === 'journal' ? source.reader : source.files;
    const before = this.#before;
    this.#before = { now, seen };
    const errors = this.#events.takeErrors();
    const rate = (count: number): number | null =>
      before === null || now <= before.now ? null : (count * 60_000) / (now - before.now);
    return [
      { name: 'journal.lines_per_minute', unit: '/min', scale: 1, value: rate(seen - (before?.seen ?? 0)) },
      { name: 'journal.errors_per_minute', unit: '/min', scale: 0.1, value: rate(errors) },
    ];
  }

  #open(now: number): Source | null {
    if (this.#source !== null || now - this.#find < FIND_MS) return this.#source;
    this.#find = now;
    const { root = '/', command, monotonic } = this.#options;
    const { cursor = null, files = [] } = readSaved(this.#state);
    if (command !== undefined || findJournal(root) !== null) {
      const reader = new JournalReader({
        cursor,
        clock: monotonic,
        onEntry: (entry) => this.#events.hear(entry, monotonic()),
        ...(command === undefined ? {} : { command }),
      });
      reader.start();
      this.#source = { kind: 'journal', reader };
    } else if (SyslogFiles.exist(root)) {
      this.#source = { kind: 'files', files: new SyslogFiles(root, files) };
    }
    return this.#source;
  }

  #content(): { readonly cursor?: string; readonly files?: SavedFiles } {
    const source = this.#source;
    if (source?.kind === 'files') return { files: source.files.positions() };
    return source === null || source.reader.cursor === null ? {} : { cursor: source.reader.cursor };
  }
}

function readSaved(state: StateFile): { readonly cursor?: string; readonly files?: SavedFiles } {
  try {
    return saved(state.read() ?? {}, '');
  } catch {
    return {}; // of another version, or damaged: it begins at the end again
  }
}
