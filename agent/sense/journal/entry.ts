/** What is asked of journalctl beside the cursor and the time, which it always gives: the rest of an entry is not read. */
export const ENTRY_FIELDS = [
  'MESSAGE',
  'PRIORITY',
  'MESSAGE_ID',
  'UNIT',
  'SYSLOG_IDENTIFIER',
  'SYSLOG_FACILITY',
  '_PID',
  '_TRANSPORT',
  '_SYSTEMD_UNIT',
] as const;

/** A line's characters that are kept: kernel messages and errors say what they are at their beginning. */
export const MAX_MESSAGE = 1_024;
/** Priority of what has none (RFC 5424 table 2: informational). */
const INFO = 6;
const MAX_NAME = 128;

/** One line of the journal. Text in it is whatever a program wrote; who wrote it was seen by journald itself. */
export interface JournalEntry {
  /** Where to go on after it; opaque. */
  readonly cursor: string;
  /** Milliseconds since the epoch at which journald took it. */
  readonly ts: number;
  readonly message: string;
  /** 0 emergency to 7 debug. */
  readonly priority: number;
  /** `kernel` and `manager` (process 1) can't be forged by a program; all else is a program. */
  readonly from: 'kernel' | 'manager' | 'program';
  /** The unit that wrote it, or that the manager speaks of; the program's name where there is none. */
  readonly unit: string;
  /** The catalogue's number of this kind of message; empty for most. */
  readonly messageId: string;
}

/** Reads one line of `journalctl -o json`; null for what is none. Never throws. */
export function parseEntry(line: string): JournalEntry | null {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return null;
  const of = (name: string): string => textOf((fields as Record<string, unknown>)[name]);
  const cursor = of('__CURSOR');
  const ts = Math.floor(Number(of('__REALTIME_TIMESTAMP')) / 1_000);
  if (cursor === '' || cursor.length > 1_024 || !Number.isFinite(ts)) return null;
  // Names that begin with `_` are journald's own observations. Facility 0 is the kernel's, which /dev/kmsg refuses to others.
  const kernel = of('_TRANSPORT') === 'kernel' && of('SYSLOG_FACILITY') === '0';
  const manager = of('_PID') === '1' && of('_TRANSPORT') !== 'kernel';
  const level = of('PRIORITY');
  const named = manager ? of('UNIT') || of('_SYSTEMD_UNIT') : of('_SYSTEMD_UNIT');
  return {
    cursor,
    ts,
    message: of('MESSAGE').slice(0, MAX_MESSAGE),
    priority: /^[0-7]$/.test(level) ? Number(level) : INFO,
    from: kernel ? 'kernel' : manager ? 'manager' : 'program',
    unit: (kernel ? 'kernel' : named || of('SYSLOG_IDENTIFIER')).slice(0, MAX_NAME),
    messageId: of('MESSAGE_ID').slice(0, 32),
  };
}

/** A field is text; a list of bytes where it is no UTF-8; a list of texts where it was given twice; null where too long. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return '';
  if (typeof value[0] === 'string') return value[0];
  const bytes = value.slice(0, MAX_MESSAGE).filter((byte): byte is number => typeof byte === 'number');
  return Buffer.from(bytes).toString('utf8');
}
