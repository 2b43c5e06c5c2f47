import { writeSync } from 'node:fs';

/** Alternate screen, no automatic wrap (a row of odd width must not push the next one down), paste marks, no cursor. */
const ENTER = '\x1b[?1049h\x1b[?7l\x1b[?2004h\x1b[?25l\x1b[0m\x1b[2J\x1b[H';
/** The reverse, ending a synchronised update and any colour that were under way. */
const LEAVE = '\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Clears the screen and nothing of the scrollback. */
export const WIPE = '\x1b[0m\x1b[2J\x1b[H';

const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;
/** A terminal that takes nothing for so many tries is gone or stopped: leaving must end all the same. */
const WRITE_TRIES = 200;

/** Used where a terminal does not tell its size. */
const FALLBACK = { cols: 80, rows: 24 } as const;

export interface TerminalEvents {
  /** Bytes from the keyboard. */
  readonly input: (bytes: Uint8Array) => void;
  /** The size changed, and has stood still for a moment. */
  readonly resize: () => void;
  /** The process was continued after a stop: the screen holds someone else's text. */
  readonly resume: () => void;
  /** A signal asked to end; the terminal is restored already. */
  readonly stop: () => void;
}

/** A resize is a storm of events while someone drags a window: only the last one counts. */
const RESIZE_MS = 50;

/**
 * Owns everything that must be undone on the operator's terminal, and undoes it whatever ends the process: `leave`,
 * a signal, an uncaught error, `process.exit`. The last three are restored by synchronous writes. A signal that
 * nobody else listens to then ends the process as it would have without us. No query is ever sent to the terminal.
 */
export class Terminal {
  readonly #stdin: NodeJS.ReadStream;
  readonly #stdout: NodeJS.WriteStream;
  readonly #events: TerminalEvents;
  readonly #others: ReadonlyMap<string, number>;
  #entered = false;
  #resizing: NodeJS.Timeout | undefined;

  constructor(stdin: NodeJS.ReadStream, stdout: NodeJS.WriteStream, events: TerminalEvents) {
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.#events = events;
    this.#others = new Map(SIGNALS.map((signal) => [signal, process.listenerCount(signal)]));
  }

  get size(): { readonly cols: number; readonly rows: number } {
    return { cols: this.#stdout.columns || FALLBACK.cols, rows: this.#stdout.rows || FALLBACK.rows };
  }

  enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    this.#writeNow(ENTER);
    if (this.#stdin.isTTY) this.#stdin.setRawMode(true);
    this.#stdin.on('data', this.#input);
    this.#stdin.resume();
    this.#stdout.on('resize', this.#resized);
    // Node says nothing of two resizes that end where they began, and the terminal has moved its text all the same.
    process.on('SIGWINCH', this.#resized);
    for (const signal of SIGNALS) process.on(signal, this.#signalled);
    process.on('SIGCONT', this.#continued);
    process.on('uncaughtExceptionMonitor', this.leave);
    process.on('exit', this.leave);
  }

  /** Gives the terminal back as it was. Safe to call at any time, any number of times. */
  readonly leave = (): void => {
    if (!this.#entered) return;
    this.#entered = false;
    clearTimeout(this.#resizing);
    this.#stdin.off('data', this.#input);
    this.#stdout.off('resize', this.#resized);
    process.off('SIGWINCH', this.#resized);
    for (const signal of SIGNALS) process.off(signal, this.#signalled);
    process.off('SIGCONT', this.#continued);
    process.off('uncaughtExceptionMonitor', this.leave);
    process.off('exit', this.leave);
    this.#writeNow(LEAVE);
    try {
      if (this.#stdin.isTTY) this.#stdin.setRawMode(false);
      this.#stdin.pause();
    } catch {
      // A terminal that hung up has no mode to restore.
    }
  };

  readonly #input = (chunk: Buffer | string): void => {
    this.#events.input(typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk);
  };

  readonly #resized = (): void => {
    clearTimeout(this.#resizing);
    this.#resizing = setTimeout(() => this.#events.resize(), RESIZE_MS);
  };

  readonly #continued = (): void => {
    if (this.#stdin.isTTY) this.#stdin.setRawMode(true);
    this.#writeNow(ENTER);
    this.#events.resume();
  };

  readonly #signalled = (signal: NodeJS.Signals): void => {
    this.leave();
    this.#events.stop();
    if ((this.#others.get(signal) ?? 0) === 0) process.kill(process.pid, signal);
  };

  #writeNow(text: string): void {
    const fd = 'fd' in this.#stdout && typeof this.#stdout.fd === 'number' ? this.#stdout.fd : 1;
    let rest = Buffer.from(text, 'latin1');
    for (let tries = 0; rest.length > 0 && tries < WRITE_TRIES; tries++) {
      try {
        rest = rest.subarray(writeSync(fd, rest));
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : '';
        if (code !== 'EAGAIN') return;
      }
    }
  }
}
