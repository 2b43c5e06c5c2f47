import { Novelty, type SeenTemplate } from '../logs/novelty.ts';
import { type RecentLine, RecentLines } from '../recent-lines.ts';
import type { Reading } from '../sense.ts';
import { labelOf, TroubleCounts } from '../trouble-counts.ts';
import type { JournalEntry } from './entry.ts';
import { type KernelEventKind, kernelEvent } from './kernel-events.ts';
import { unitEvent } from './unit-events.ts';

/** For how long an event counts: an operator who looks ten minutes later still sees it, and then it is over. */
const EVENT_MS = 600_000;
/** Restarts are counted over the time in which five are too many (agent/detect/limits/logs.ts). */
const RESTART_MS = 300_000;
/** Entries that were written longer ago came with the catching up after a pause: they are no rate of now. */
const RECENT_MS = 120_000;
/** syslog's error and everything worse. */
const ERROR = 3;
const WARNING = 4;

const KERNEL_KINDS: readonly KernelEventKind[] = [
  'oom_kills',
  'disk_errors',
  'readonly_remounts',
  'link_downs',
  'hung_tasks',
  'hardware_errors',
  'crashes',
  'bugs',
  'tables_full',
];

/** What the host's own log says that happened, whether it comes from the journal or from files. */
export class HostEvents {
  readonly #kernel = new Map<KernelEventKind, TroubleCounts>(
    KERNEL_KINDS.map((kind) => [kind, new TroubleCounts(`kernel.${kind}`, EVENT_MS)]),
  );
  readonly #restarts = new TroubleCounts('unit.restarts', RESTART_MS);
  readonly #recent = new RecentLines();
  /** Kinds of warning and error, for snapshots alone: nothing here is news by itself. */
  readonly #kinds: Novelty;
  readonly #wall: () => number;
  #errors = 0;
  /** A unit's run went wrong, or it was restarted: which units have failed now is worth a question. */
  unitsChanged = false;

  /** `wall` gives milliseconds since the epoch. */
  constructor(wall: () => number) {
    this.#wall = wall;
    this.#kinds = new Novelty(wall(), Number.POSITIVE_INFINITY);
  }

  /** One entry, heard at `now` (monotonic milliseconds). */
  hear(entry: JournalEntry, now: number): void {
    if (entry.message !== '') this.#recent.add(entry.unit, entry.ts, entry.message);
    const late = this.#wall() - entry.ts > RECENT_MS;
    if (entry.priority <= ERROR && !late) this.#errors++;
    if (entry.priority <= WARNING) this.#kinds.add(entry.message, entry.ts, entry.priority <= ERROR);
    if (entry.from === 'kernel') this.#hearKernel(entry, now);
    else if (entry.from === 'manager') this.#hearManager(entry, now, late);
  }

  /** Error lines since it was asked before. */
  takeErrors(): number {
    const errors = this.#errors;
    this.#errors = 0;
    return errors;
  }

  readings(now: number): Reading[] {
    const kernel = [...this.#kernel.values()].flatMap((counts) => counts.readings(now));
    return [...kernel, ...this.#restarts.readings(now)];
  }

  /** The last lines of a unit, or of `kernel`; oldest first, redacted, never trusted. */
  last(unit: string, count?: number): readonly RecentLine[] {
    return this.#recent.last(unit, count);
  }

  /** Kinds of warning and error line, the most frequent errors first. */
  templates(max: number): readonly SeenTemplate[] {
    return this.#kinds.top(max);
  }

  #hearKernel(entry: JournalEntry, now: number): void {
    const event = kernelEvent(entry.message);
    if (event !== null) this.#kernel.get(event.kind)?.add(labelOf(event.subject), now);
  }

  #hearManager(entry: JournalEntry, now: number, late: boolean): void {
    const event = unitEvent(entry);
    if (event === null) return;
    this.unitsChanged = true;
    if (event.kind === 'restart' && !late) this.#restarts.add(labelOf(event.unit), now);
    // Where systemd itself saw a kill, the kernel's line said so too, of the process: this one names the unit.
    if (event.kind === 'oom') this.#kernel.get('oom_kills')?.add(labelOf(event.unit), now);
  }
}
