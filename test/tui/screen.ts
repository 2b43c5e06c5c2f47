import { spawn as spawnPty } from '@lydell/node-pty';
import { Emulator } from './emulator.ts';
import { touredHome } from './toured-home.ts';

export interface ScreenOptions {
  readonly cols: number;
  readonly rows: number;
  /** Added to a small fixed environment: PATH, HOME, TERM, a UTF-8 locale, and a seen tour. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How long `until` waits unless told: a loaded machine with one core is slow, not wrong. */
const WAIT_MS = 30_000;

/**
 * A program on a real pseudo-terminal, with a terminal emulator in place of the person. Nothing here sleeps: `until`
 * is checked whenever bytes came, and fails with the whole screen.
 */
export class Screen {
  readonly #pty: ReturnType<typeof spawnPty>;
  readonly #emulator: Emulator;
  readonly #watchers = new Set<() => void>();
  /** Every byte that the program wrote. */
  raw = '';
  /** Set when the program ended. */
  exit: { readonly code: number; readonly signal: number } | undefined;

  constructor(program: string, args: readonly string[], options: ScreenOptions) {
    const { cols, rows, env = {}, cwd } = options;
    this.#emulator = new Emulator(cols, rows);
    this.#pty = spawnPty(program, [...args], {
      name: 'xterm-256color',
      cols,
      rows,
      ...(cwd === undefined ? {} : { cwd }),
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        HOME: process.env['HOME'] ?? '/',
        TERM: 'xterm-256color',
        LANG: 'C.UTF-8',
        XDG_STATE_HOME: touredHome(),
        ...env,
      },
    });
    this.#emulator.terminal.onData((reply) => this.#pty.write(reply));
    this.#pty.onData((data) => {
      this.raw += data;
      void this.#emulator.write(data).then(() => this.#changed());
    });
    this.#pty.onExit(({ exitCode, signal }) => {
      this.exit = { code: exitCode, signal: signal ?? 0 };
      // Bytes may still be on their way through the emulator.
      void this.#emulator.write('').then(() => this.#changed());
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** The terminal itself, for a picture of what it shows. */
  get emulator(): Emulator {
    return this.#emulator;
  }

  /** The rows of the screen as an operator sees them. */
  text(): string {
    return this.#emulator.text();
  }

  /** True while the program shows its own, alternate screen. */
  get alternate(): boolean {
    return this.#emulator.terminal.buffer.active.type === 'alternate';
  }

  /** Sends bytes as one write, as a terminal sends one key or one paste. */
  type(text: string): void {
    this.#pty.write(text);
  }

  resize(cols: number, rows: number): void {
    this.#emulator.terminal.resize(cols, rows);
    this.#pty.resize(cols, rows);
  }

  /** Waits until the screen's text meets the predicate, or holds the words. */
  until(wanted: string | ((text: string) => boolean), waitMs = WAIT_MS): Promise<string> {
    const good = typeof wanted === 'string' ? (text: string) => text.includes(wanted) : wanted;
    return this.#when(() => good(this.text()), `screen to show ${String(wanted)}`, waitMs);
  }

  /** Waits until the program ended. */
  ended(waitMs = WAIT_MS): Promise<string> {
    return this.#when(() => this.exit !== undefined, 'program to end', waitMs);
  }

  /** Ends the program if it still runs. */
  close(): void {
    if (this.exit === undefined) this.#pty.kill('SIGKILL');
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #when(good: () => boolean, what: string, waitMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const done = (end: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        end();
      };
      const look = () => {
        if (good()) done(() => resolve(this.text()));
      };
      const timer = setTimeout(() => {
        const ended = this.exit === undefined ? '' : `, the program ended with ${this.exit.code}`;
        done(() => reject(new Error(`waited ${waitMs} ms for the ${what}${ended}; the screen:\n${this.text()}`)));
      }, waitMs);
      this.#watchers.add(look);
      look();
    });
  }
}
