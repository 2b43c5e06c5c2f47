import { arch } from 'node:os';
import { join } from 'node:path';
import { readTail } from './bounded-read.ts';
import { type Change, change, type Host, isRecent, LOOK_BACK, TOLD } from './change.ts';

/** The last thousand records or so, of one look at wtmp. */
const TAIL_RECORDS = 512;

/** Kinds of records (utmp(5)). */
const RUN_LEVEL = 1;
const BOOT_TIME = 2;
export const USER_PROCESS = 7;

/** One record of utmp or wtmp. */
export interface Session {
  readonly type: number;
  readonly pid: number;
  readonly line: string;
  readonly user: string;
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly ts: number;
}

/** Where a record's fields are: struct utmp of glibc, with 32-bit times where 32-bit programs share the file. */
interface Layout {
  readonly size: number;
  readonly seconds: number;
  readonly wide: boolean;
}
const COMPATIBLE: Layout = { size: 384, seconds: 340, wide: false };
const WIDE: Layout = { size: 400, seconds: 344, wide: true };

/** x86 and 32-bit ARM share the compatible layout; 64-bit ARM and RISC-V never had 32-bit times. */
export const layoutOf = (machine: string): Layout => (machine === 'arm64' || machine === 'riscv64' ? WIDE : COMPATIBLE);

/** Reads whole records from the end; what is cut at the front is left out. Every field may hold anything. */
export function parseSessions(bytes: Buffer, layout: Layout): Session[] {
  const found: Session[] = [];
  for (let at = bytes.length % layout.size; at + layout.size <= bytes.length; at += layout.size) {
    const text = (from: number, size: number): string => {
      const field = bytes.subarray(at + from, at + from + size);
      const end = field.indexOf(0);
      return field.toString('utf8', 0, end < 0 ? size : end);
    };
    const seconds = layout.wide
      ? Number(bytes.readBigInt64LE(at + layout.seconds))
      : bytes.readInt32LE(at + layout.seconds);
    found.push({
      type: bytes.readInt16LE(at),
      pid: bytes.readInt32LE(at + 4),
      line: text(8, 32),
      user: text(44, 32),
      host: text(76, 256),
      ts: seconds * 1_000,
    });
  }
  return found;
}

/** Who logged in, from where; and when the host booted or was shut down. Names and hosts are the visitor's own words. */
export function sessionChanges({ root, now }: Host, machine: string = arch()): Change[] {
  const layout = layoutOf(machine);
  const tail = readTail(join(root, 'var/log/wtmp'), layout.size * TAIL_RECORDS);
  const sessions = tail === null ? [] : parseSessions(tail.bytes, layout);
  const boots = sessions.flatMap(({ type, user, ts }) => {
    const isShutdown = type === RUN_LEVEL && user === 'shutdown';
    if ((type !== BOOT_TIME && !isShutdown) || !isRecent(ts, now, LOOK_BACK.boots)) return [];
    return [change(ts, isShutdown ? 'the host was shut down' : 'the host booted', true)];
  });
  const logins = sessions.flatMap(({ type, user, line, host, ts }) => {
    if (type !== USER_PROCESS || !isRecent(ts, now, LOOK_BACK.logins)) return [];
    return [change(ts, `${user} logged in on ${line}${host === '' ? '' : ` from ${host}`}`, false)];
  });
  return [...boots.slice(-TOLD / 2), ...logins.slice(-TOLD)];
}
