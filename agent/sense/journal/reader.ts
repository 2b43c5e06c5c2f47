import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findBinary } from '../../binaries.ts';
import { Lines } from '../logs/lines.ts';
import { Budget } from './budget.ts';
import { ENTRY_FIELDS, type JournalEntry, parseEntry } from './entry.ts';

/** After an end the next start waits this long, then twice as long, up to a minute. */
const BACKOFF_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;
/** A run that lasted this long was a good one: the next wait is short again. */
const GOOD_RUN_MS = 60_000;
/** Ended sooner than this, a start from a cursor was refused: the journal no longer has it. */
const REFUSED_MS = 2_000;
const CURSOR = /^[A-Za-z0-9=;:+/_.-]{1,1024}$/;

const FOLDERS = ['var/log/journal', 'run/log/journal'];

/** Where the system's journal lies and may be read, below `root`; null without one. */
export function findJournal(root = '/'): string | null {
  for (const folder of FOLDERS) {
    for (const machine of guardedList(join(root, folder))) {
      try {
        accessSync(join(root, folder, machine, 'system.journal'), constants.R_OK);
        return join(root, folder);
      } catch {
        // Not this one: no journal, or closed to us, which systemd-journal's group opens.
      }
    }
  }
  return null;
}

export interface ReaderOptions {
  /** Where to go on; null begins at the end of the journal. */
  readonly cursor: string | null;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly onEntry: (entry: JournalEntry) => void;
  /** The command; tests give another one. Default: journalctl from root's own folders. */
  readonly command?: readonly string[];
}

/**
 * One long-lived `journalctl -f`. It is started again when it ends, more and more slowly, from the cursor of the last
 * line. Nothing is buffered but one line: when we are slow the pipe fills and journalctl waits, and it reads from disk.
 */
export class JournalReader {
  readonly #options: ReaderOptions;
  readonly #budget: Budget;
  readonly #lines = new Lines();
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | undefined;
  #started = 0;
  #wait = BACKOFF_MS;
  #stopped = false;
  /** The last line's place; null before the first one. */
  cursor: string | null;
  /** Every line that came, looked into or not. */
  seen = 0;
  /** Lines of a flood that were only counted. */
  skipped = 0;
  /** Lines that were no entry. */
  malformed = 0;
  /** Starts so far: one in a quiet life. */
  starts = 0;
  /** What journalctl complained of last. */
  complaint = '';

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#budget = new Budget(options.clock);
    this.cursor = options.cursor !== null && CURSOR.test(options.cursor) ? options.cursor : null;
  }

  get tooLong(): number {
    return this.#lines.tooLong;
  }

  /** The process that reads, for its cost to be counted apart; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Throws where there is no journalctl that is root's own. */
  start(): void {
    const from = this.cursor === null ? ['--lines=0'] : ['--no-tail', `--after-cursor=${this.cursor}`];
    const follow = ['--follow', '--output=json', `--output-fields=${ENTRY_FIELDS.join(',')}`, '--quiet', '--no-pager'];
    const [command = '', ...args] = this.#options.command ?? [findBinary('journalctl'), ...follow, ...from];
    this.starts++;
    this.#started = this.#options.clock();
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    });
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#lines.feed(chunk, (line) => this.#hear(line)));
    child.stderr?.on('data', (chunk: Buffer) => (this.complaint = chunk.toString('utf8', 0, 200).trim()));
    // 'error' without an 'exit': it could not be started at all.
    child.once('error', (error) => this.#ended(child, error.message));
    child.once('close', () => this.#ended(child));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGTERM');
    this.#child = null;
  }

  #hear(line: Buffer): void {
    this.seen++;
    // journald strips a leading `_` from names that programs give, and quotes within values are escaped: no message can
    // hold these bytes.
    const privileged = line.includes('"_TRANSPORT":"kernel"') || line.includes('"_PID":"1"');
    if (!this.#budget.take(privileged)) {
      this.skipped++;
      return;
    }
    const entry = parseEntry(line.toString('utf8'));
    if (entry === null) {
      this.malformed++;
      return;
    }
    this.cursor = entry.cursor;
    this.#options.onEntry(entry);
  }

  #ended(child: ChildProcess, complaint?: string): void {
    if (this.#child !== child || this.#stopped) return;
    this.#child = null;
    this.#lines.take();
    if (complaint !== undefined) this.complaint = complaint.slice(0, 200);
    const lasted = this.#options.clock() - this.#started;
    if (lasted < REFUSED_MS && this.#wait > BACKOFF_MS) this.cursor = null;
    this.#wait = lasted >= GOOD_RUN_MS ? BACKOFF_MS : Math.min(BACKOFF_MAX_MS, this.#wait * 2);
    this.#again();
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      try {
        this.start();
      } catch (error) {
        // journalctl may come back with the end of an upgrade.
        this.complaint = String(error).slice(0, 200);
        this.#wait = BACKOFF_MAX_MS;
        this.#again();
      }
    }, this.#wait);
    this.#timer.unref();
  }
}

function guardedList(folder: string): string[] {
  try {
    return readdirSync(folder).slice(0, 16);
  } catch {
    return [];
  }
}
