import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../broker/durable-file.ts';
import type { Detector } from './detect/detector.ts';
import { packLearned, unpackLearned } from './detect/saved.ts';

/** What was learned in less than this is learned again soon enough: the file is megabytes on a large host. */
const SAVE_EVERY_MS = 3_600_000;

/** Keeps what the detector learned of this host over restarts: a week of baselines is not learned twice. */
export class Learned {
  private readonly file: string;
  private readonly now: () => number;
  private saved: number;

  constructor(folder: string, now: () => number) {
    this.file = join(folder, 'learned.bin');
    this.now = now;
    this.saved = now();
  }

  /** What an earlier start left; empty when there is none, or when it can't be read. */
  load(): ReadonlyMap<string, Uint8Array> {
    try {
      return existsSync(this.file) ? unpackLearned(new Uint8Array(readFileSync(this.file))) : new Map();
    } catch {
      return new Map();
    }
  }

  /** Saves when an hour has passed since the last time. Never throws: a full disk must not stop the sensing. */
  keep(detector: Detector): void {
    if (this.now() - this.saved >= SAVE_EVERY_MS) this.save(detector);
  }

  save(detector: Detector): void {
    this.saved = this.now();
    try {
      writeDurably(this.file, packLearned(detector.save()));
    } catch {
      // It is tried again in an hour, and learned anew at worst.
    }
  }
}
