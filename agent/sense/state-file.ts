import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a sense keeps is smaller; a file that is larger is not ours. */
const MAX_BYTES = 4 * 1_048_576;

/**
 * What a sense remembers over restarts, as one JSON file. It is a convenience, not a record: it is written without a
 * flush, and one that is missing or broken is as if nothing was remembered.
 */
export class StateFile {
  readonly #path: string | undefined;
  readonly #everyMs: number;
  #due: number | null = null;

  /** Without a `folder` nothing is remembered. Written at most every `everyMs`. */
  constructor(folder: string | undefined, name: string, everyMs: number) {
    this.#path = folder === undefined ? undefined : join(folder, `sense-${name}.json`);
    this.#everyMs = everyMs;
  }

  /** What was kept, of any shape; null when there is nothing. */
  read(): unknown {
    if (this.#path === undefined) return null;
    try {
      if (statSync(this.#path).size > MAX_BYTES) return null;
      return JSON.parse(readFileSync(this.#path, 'utf8'));
    } catch {
      return null;
    }
  }

  /** Keeps it when that is due at `now`, in monotonic milliseconds. */
  keep(now: number, content: () => unknown): void {
    this.#due ??= now + this.#everyMs;
    if (now < this.#due) return;
    this.#due = now + this.#everyMs;
    this.write(content());
  }

  /** Keeps it now. Never throws: on a full disk the older content stays. */
  write(content: unknown): void {
    if (this.#path === undefined) return;
    try {
      const draft = `${this.#path}.new`;
      writeFileSync(draft, JSON.stringify(content), { mode: 0o600 });
      renameSync(draft, this.#path);
    } catch {
      // The next time may go better.
    }
  }
}
