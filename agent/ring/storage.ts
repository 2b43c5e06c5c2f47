import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder } from '../../broker/durable-file.ts';

/** Telemetry that a power cut may cost. A killed process costs none: what was written is the kernel's. */
const SYNC_MS = 2_000;
const STEP = 65_536;

/** Bytes at fixed places, on the disk or in memory. */
export interface Storage {
  readonly size: number;
  readonly durable: boolean;
  read(at: number, length: number): Buffer;
  /** Throws when the disk does not take it. */
  write(at: number, bytes: Uint8Array): void;
  /** What was written outlives a power cut when this returns. Throws when the disk does not manage it. */
  flush(): void;
  close(): void;
}

export function memoryStorage(size: number): Storage {
  const bytes = Buffer.alloc(size);
  return {
    size,
    durable: false,
    read: (at, length) => Buffer.from(bytes.subarray(at, at + length)),
    write: (at, piece) => void bytes.set(piece, at),
    flush: () => {},
    close: () => {},
  };
}

/**
 * A file of fixed size, made whole at once: a disk that fills up later has its room already. Throws, and leaves
 * nothing, when it can't be made.
 */
export function fileStorage(file: string, size: number): Storage {
  const fd = openSync(file, 'a+', 0o640);
  closeSync(fd);
  const io = openSync(file, 'r+');
  try {
    const zeros = Buffer.alloc(STEP);
    for (let at = fstatSync(io).size; at < size; at = fstatSync(io).size) {
      writeSync(io, zeros, 0, Math.min(STEP, size - at), at);
    }
    fsyncSync(io);
    syncFolder(dirname(file));
  } catch (error) {
    const isNew = fstatSync(io).size < size;
    closeSync(io);
    if (isNew) rmSync(file, { force: true });
    throw error;
  }
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;
  const sync = () => {
    timer = undefined;
    // Beside the sampling, not in it. A disk that can't flush has nothing better to offer.
    if (isOpen) fdatasync(io, () => {});
  };
  return {
    size,
    durable: true,
    read: (at, length) => {
      const bytes = Buffer.alloc(length);
      const got = readSync(io, bytes, 0, length, at);
      return bytes.subarray(0, got);
    },
    write: (at, bytes) => {
      for (let done = 0; done < bytes.length; ) done += writeSync(io, bytes, done, bytes.length - done, at + done);
      timer ??= setTimeout(sync, SYNC_MS).unref();
    },
    flush: () => fdatasyncSync(io),
    close: () => {
      isOpen = false;
      clearTimeout(timer);
      fsyncSync(io);
      closeSync(io);
    },
  };
}
