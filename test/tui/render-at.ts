import { EventEmitter } from 'node:events';
import type { Desk } from '../../tui/desk.ts';
import type { Key } from '../../tui/keys.ts';
import { Painter } from '../../tui/painter.tsx';
import { Shell } from '../../tui/shell.ts';
import { themeFor } from '../../tui/theme.ts';
import { Emulator } from './emulator.ts';
import { NOW } from './recorded.ts';

/** A writable terminal for Ink that ends in an emulator and counts what passes. */
class Screen extends EventEmitter {
  readonly isTTY = true;
  written = '';
  readonly #emulator: Emulator;
  #last: Promise<void> = Promise.resolve();

  constructor(emulator: Emulator) {
    super();
    this.#emulator = emulator;
  }

  write(text: string, done?: () => void): boolean {
    this.written += text;
    // A pty turns a line feed into both; the emulator alone does not.
    this.#last = this.#emulator.write(text.replaceAll('\n', '\r\n'));
    done?.();
    return true;
  }

  /** Ink throttles its pictures: wait for its trailing one, then for the emulator. */
  async settled(): Promise<void> {
    for (let before = ''; before !== this.written; ) {
      before = this.written;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    await this.#last;
  }
}

export interface Rendered {
  readonly shell: Shell;
  readonly emulator: Emulator;
  /** Presses keys one by one, each 400 ms after the one before, as a person would. */
  press(...names: readonly string[]): void;
  /** Presses keys that arrive in one read. */
  chunk(...names: readonly string[]): void;
  text(): Promise<string>;
  bytes(): string;
  resize(cols: number, rows: number): void;
  close(): void;
}

/** Runs the real shell, views and Ink at a size, against a clock that only `press` moves. */
export function renderAt(
  cols: number,
  rows: number,
  desk: Desk,
  env: Record<string, string> = { LANG: 'C.UTF-8' },
): Rendered {
  let now = NOW;
  const emulator = new Emulator(cols, rows);
  const stdout = new Screen(emulator) as Screen & NodeJS.WriteStream;
  const shell = new Shell({ desk, theme: themeFor(env), now: () => now, cols, rows, quit: () => {} });
  const painter = new Painter(shell, process.stdin, stdout);
  painter.repaint(cols, rows);
  const key = (name: string): Key => ({ type: 'key', name });
  return {
    shell,
    emulator,
    press(...names) {
      for (const name of names) {
        now += 400;
        shell.press([key(name)]);
      }
    },
    chunk(...names) {
      now += 400;
      shell.press(names.map(key));
    },
    async text() {
      await stdout.settled();
      return emulator.text();
    },
    bytes: () => stdout.written,
    resize(nextCols, nextRows) {
      emulator.terminal.resize(nextCols, nextRows);
      shell.resize(nextCols, nextRows);
      painter.repaint(nextCols, nextRows);
    },
    close() {
      painter.stop();
      shell.close();
    },
  };
}
