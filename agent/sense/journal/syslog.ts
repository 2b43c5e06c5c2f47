import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { type Infer, list, record, text } from '../../../broker/shape.ts';
import { errorLines } from '../logs/error-line.ts';
import { position, Tail } from '../logs/tail.ts';
import type { JournalEntry } from './entry.ts';
import { MAX_MESSAGE } from './entry.ts';

/** Debian's, Red Hat's, and the kernel's own where it is kept apart. */
const FILES = ['var/log/syslog', 'var/log/messages', 'var/log/kern.log'] as const;
/** Lines that are looked into in one sample; the rest of a flood is counted. */
const LINES_A_SAMPLE = 4_000;

/** "Nov 26 09:49:21 host program[123]: text", or rsyslog's newer form with an RFC 3339 time. */
const LINE =
  /^(?:[A-Z][a-z]{2} {1,2}\d{1,2} \d{2}:\d{2}:\d{2}|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})) \S{1,255} ([^\s:[]{1,64})(?:\[(\d{1,10})\])?: ?(.*)$/s;
const KERNEL_STAMP = /^\[\s{0,8}\d{1,10}\.\d{1,9}\] /;
/** English, as init's own log is in every locale. */
const UNIT_LINE =
  /^([A-Za-z0-9:_.\\@-]{1,120}\.[a-z]{4,9}): (Scheduled restart job|Failed with result|A process of this unit has been killed by the OOM killer)/;
const MESSAGE_IDS: Readonly<Record<string, string>> = {
  'Scheduled restart job': '5eb03494b6584870a536b337290809b3',
  'Failed with result': 'd9b373ed55a64feb8242e02dbe79a49c',
  'A process of this unit has been killed by the OOM killer': 'fe6faa94e7774663a0da52717891d8ef',
};

const isError = errorLines([]);
const ERROR = 3;
const INFO = 6;

/**
 * Reads one line of a syslog file as the journal's entry that it once was. Its priority is not in the file: what has an
 * error's words counts as an error. Files say who wrote a line by its text alone, so unlike the journal's they can be
 * forged by whoever may log.
 */
export function parseSyslogLine(line: string, now: number): JournalEntry | null {
  const match = LINE.exec(line.slice(0, 2 * MAX_MESSAGE));
  if (match === null) return null;
  const [, program = '', pid = '', rest = ''] = match;
  const kernel = program === 'kernel' && pid === '';
  const message = (kernel ? rest.replace(KERNEL_STAMP, '') : rest).slice(0, MAX_MESSAGE);
  const manager = program === 'systemd' && pid === '1';
  const unit = manager ? UNIT_LINE.exec(message) : null;
  return {
    cursor: '',
    ts: now,
    message,
    priority: isError(message) ? ERROR : INFO,
    from: kernel ? 'kernel' : manager ? 'manager' : 'program',
    unit: unit?.[1] ?? program,
    messageId: MESSAGE_IDS[unit?.[2] ?? ''] ?? '',
  };
}

export const savedFiles = list(record({ path: text(4_096), position }), FILES.length);
export type SavedFiles = Infer<typeof savedFiles>;

/** The system's log as files: where there is no journal, or none that we may read. */
export class SyslogFiles {
  readonly #tails: readonly Tail[];
  /** Every line that was seen. */
  seen = 0;

  /** `saved` is what `positions` gave in an earlier run. */
  constructor(root: string, saved: SavedFiles) {
    const known = new Map(saved.map((file) => [file.path, file]));
    this.#tails = FILES.map((file) => join(root, file)).map(
      (path) => new Tail(path, known.get(path)?.position ?? null, 'end'),
    );
  }

  /** Whether any of the files is there. */
  static exist(root: string): boolean {
    return FILES.some((file) => lstatSync(join(root, file), { throwIfNoEntry: false }) !== undefined);
  }

  /** Calls `each` with what was logged since the look before. */
  look(now: number, each: (entry: JournalEntry) => void): void {
    // rsyslog writes the kernel's lines to kern.log and to syslog: they count from where only the kernel's are.
    const kernelApart = this.#tails.some((tail) => tail.path.endsWith('kern.log') && tail.position() !== null);
    let left = LINES_A_SAMPLE;
    for (const tail of this.#tails) {
      const own = tail.path.endsWith('kern.log');
      tail.look((line) => {
        this.seen++;
        if (left-- <= 0) return;
        const entry = parseSyslogLine(line.toString('utf8'), now);
        if (entry !== null && (entry.from !== 'kernel' || own || !kernelApart)) each(entry);
      });
    }
  }

  positions(): SavedFiles {
    return this.#tails.flatMap((tail) => {
      const at = tail.position();
      return at === null ? [] : [{ path: tail.path, position: at }];
    });
  }

  close(): void {
    for (const tail of this.#tails) tail.close();
  }
}
