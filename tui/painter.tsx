import { EventEmitter } from 'node:events';
import { type Instance, render } from 'ink';
import { Screen, type Shown } from './screen.tsx';
import { WIPE } from './terminal.ts';

const CSI = '\x1b[';
const HOME = '\x1b[H';

/** Ink's relative move from the end of its picture to the beginning, replaced by an absolute one. */
function fromHome(text: string): string {
  const up = text.startsWith(CSI) ? /^\d*A/.exec(text.slice(CSI.length)) : null;
  return up === null ? text : HOME + text.slice(CSI.length + up[0].length);
}

/**
 * What Ink believes to be the terminal. Its size changes only when we say so: Ink reads the live size in the middle of
 * a resize, finds its picture taller than the terminal, and wipes the operator's scrollback. Muted, it drops writes.
 * Our pictures always begin at the top left, so Ink's relative way back to the beginning is replaced by an absolute
 * one: Ink 6.8 goes one row too few when its picture ends with a line feed, which shifts the whole screen.
 */
class Sink extends EventEmitter {
  readonly isTTY = true;
  readonly writable = true;
  columns = 80;
  rows = 24;
  muted = false;
  readonly #stdout: NodeJS.WriteStream;

  constructor(stdout: NodeJS.WriteStream) {
    super();
    this.#stdout = stdout;
  }

  write(text: string, done?: () => void): boolean {
    if (!this.muted) return this.#stdout.write(fromHome(text), done);
    done?.();
    return true;
  }
}

/** Puts a store's frames on a terminal through Ink, which writes only the rows that changed. */
export class Painter {
  readonly #shown: Shown;
  readonly #stdin: NodeJS.ReadStream;
  readonly #stdout: NodeJS.WriteStream;
  readonly #sink: Sink;
  #ink: Instance | undefined;

  constructor(shown: Shown, stdin: NodeJS.ReadStream, stdout: NodeJS.WriteStream) {
    this.#shown = shown;
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.#sink = new Sink(stdout);
  }

  /**
   * Draws the whole screen anew: at the start, after a resize, after a stop. A terminal's content is unknown then, so
   * Ink starts afresh too; the screen's state lives in the store and is not touched.
   */
  repaint(cols: number, rows: number): void {
    this.stop();
    this.#stdout.write(WIPE);
    this.#sink.columns = cols;
    this.#sink.rows = rows;
    this.#sink.muted = false;
    this.#ink = render(<Screen shown={this.#shown} />, {
      // Ink uses no more of a stream than `Sink` has.
      stdout: this.#sink as unknown as NodeJS.WriteStream,
      stdin: this.#stdin,
      exitOnCtrlC: false,
      patchConsole: false,
      incrementalRendering: true,
      maxFps: 60,
    });
  }

  /** Ink lets go; nothing more is written. */
  stop(): void {
    this.#sink.muted = true;
    this.#ink?.unmount();
    this.#ink = undefined;
  }
}
