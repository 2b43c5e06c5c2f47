import { type ChildProcess, spawn } from 'node:child_process';
import { z } from 'zod';
import { CHECKS } from '../hub/doctor/finding.ts';
import { FRONT_DOOR } from './child.ts';
import type { CheckRow, Checkup } from './desk.ts';

/** While its view is shown the doctor looks again after so long: a look costs about a second of one core. */
const AGAIN_MS = 60_000;
/** A look takes seconds; one that hangs on a dead mount is given up. */
const LOOK_MS = 120_000;
/** A site with ten thousand silent agents; what comes after it is not shown. */
const MAX_BYTES = 4 * 2 ** 20;
const MAX_ROWS = 10_000;
const TEXT = 1_024;

const words = z.string().transform((text) => text.slice(0, TEXT));
const finding = z.object({ check: z.enum(CHECKS), ok: z.boolean(), what: words, todo: words });

/**
 * What `sentinel doctor` says of a state folder, for its view. The command runs as a process of its own: its ten thousand
 * signatures and examples must not keep keys waiting, and what it meets in a damaged store ends it and not the screen.
 */
export class Checkups {
  readonly #root: string;
  readonly #changed: () => void;
  readonly #monotonic: () => number;
  #child: ChildProcess | null = null;
  #ended = Number.NEGATIVE_INFINITY;
  #known: Checkup = { at: null, failed: '', rows: [] };
  #closed = false;

  /** `changed` is called when a look has ended. */
  constructor(root: string, changed: () => void, monotonic: () => number = () => performance.now()) {
    this.#root = root;
    this.#changed = changed;
    this.#monotonic = monotonic;
  }

  /** What is known now; begins to look where that is nothing, or old. */
  read(): Checkup {
    if (this.#child === null && !this.#closed && this.#monotonic() - this.#ended > AGAIN_MS) this.#look();
    return this.#known;
  }

  close(): void {
    this.#closed = true;
    this.#child?.kill('SIGKILL');
  }

  #look(): void {
    const argv = [FRONT_DOOR, 'doctor', '--json', '--state', this.#root];
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: LOOK_MS,
      killSignal: 'SIGKILL',
    });
    this.#child = child;
    let said = '';
    // Without a descriptor left there is neither a stream nor a `close`.
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      said = `${said}${chunk}`.slice(0, MAX_BYTES);
    });
    let failed = '';
    child.once('error', (error) => {
      failed = error.message;
      if (child.stdout == null) child.emit('close', null, null);
    });
    child.once('close', (code, signal) => {
      this.#child = null;
      this.#ended = this.#monotonic();
      if (this.#closed) return;
      // 0: all is well; 1: there are findings.
      if (code !== 0 && code !== 1) failed ||= `the doctor ended with ${signal ?? code}`;
      this.#known = { at: Date.now(), failed, rows: failed === '' ? rowsOf(said) : this.#known.rows };
      this.#changed();
    });
  }
}

/** The lines that are findings; a check with several has them numbered, so that each keeps its name. */
export function rowsOf(said: string): readonly CheckRow[] {
  const seen = new Map<string, number>();
  return said
    .split('\n')
    .slice(0, MAX_ROWS)
    .flatMap((text): readonly CheckRow[] => {
      const read = finding.safeParse(jsonOf(text));
      if (!read.success) return [];
      const number = (seen.get(read.data.check) ?? 0) + 1;
      seen.set(read.data.check, number);
      return [{ id: `${read.data.check} ${number}`, ...read.data }];
    });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
