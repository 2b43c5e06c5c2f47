import { EventEmitter } from 'node:events';
import type { Desk } from '../../tui/desk.ts';
import type { Key } from '../../tui/keys.ts';
import { Painter } from '../../tui/painter.tsx';
import { Shell, type ShellOptions } from '../../tui/shell.ts';
import { themeFor, toAscii } from '../../tui/theme.ts';
import { widthOf } from '../../tui/width.ts';
import { Emulator } from './emulator.ts';
import { NOW } from './recorded.ts';

const LOOK_MS = 20;
/** A picture that has not come by then will not: the assertion that follows says what is there instead. */
const GIVE_UP_MS = 5_000;

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

  /** Ink throttles its pictures: waits until the emulator shows this one, or nothing was written for long. */
  async shows(picture: () => readonly string[]): Promise<void> {
    let before = this.written;
    for (let quiet = 0; quiet < GIVE_UP_MS; quiet += LOOK_MS) {
      await this.#last;
      const shown = this.#emulator.lines();
      if (picture().every((row, i) => row.trimEnd() === shown[i]?.trimEnd())) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if (before !== this.written) quiet = 0;
      before = this.written;
    }
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
  /** Drops what was written so far: of a long run only the rest is counted. */
  forget(): void;
  resize(cols: number, rows: number): void;
  close(): void;
}

/** Runs the real shell, views and Ink at a size, against a clock that only `press` moves. */
export function renderAt(
  cols: number,
  rows: number,
  desk: Desk,
  env: Record<string, string> = { LANG: 'C.UTF-8' },
  more: Pick<ShellOptions, 'tour' | 'readOnly'> = {},
): Rendered {
  let now = NOW;
  const emulator = new Emulator(cols, rows);
  const stdout = new Screen(emulator) as Screen & NodeJS.WriteStream;
  const theme = themeFor(env);
  const shell = new Shell({ desk, theme, now: () => now, cols, rows, quit: () => {}, ...more });
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
      const rowText = (text: string) => (theme.ascii ? toAscii(text, widthOf) : text);
      await stdout.shows(() => shell.frame().lines.map((row) => row.map(({ text }) => rowText(text)).join('')));
      return emulator.text();
    },
    bytes: () => stdout.written,
    forget() {
      stdout.written = '';
    },
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
