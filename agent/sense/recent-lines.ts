import { redact } from '../../broker/redact.ts';

/** For each source, and sources altogether: what fits a snapshot, within half a megabyte of memory. */
const LINES = 24;
const SOURCES = 64;
const MAX_LINE = 300;

/** A line that left its program, and when it was taken (milliseconds since the epoch). */
export interface RecentLine {
  readonly ts: number;
  /** Redacted; written by a program of the host, so never trusted. */
  readonly text: string;
}

/** The last lines of each source, in memory: what a person would look at first. The source least heard of goes first. */
export class RecentLines {
  readonly #sources = new Map<string, { ts: number; text: string }[]>();

  add(source: string, ts: number, text: string): void {
    const lines = this.#sources.get(source) ?? [];
    // Set anew, a source is the youngest of the map.
    this.#sources.delete(source);
    this.#sources.set(source, lines);
    lines.push({ ts, text: text.slice(0, MAX_LINE) });
    if (lines.length > LINES) lines.shift();
    if (this.#sources.size > SOURCES) {
      const [oldest] = this.#sources.keys();
      if (oldest !== undefined) this.#sources.delete(oldest);
    }
  }

  /** The last lines of one source, oldest first; none where nothing was heard of it. */
  last(source: string, count = LINES): readonly RecentLine[] {
    const lines = this.#sources.get(source) ?? [];
    return lines.slice(-count).map(({ ts, text }) => ({ ts, text: redact(text, MAX_LINE) }));
  }

  sources(): readonly string[] {
    return [...this.#sources.keys()];
  }
}
