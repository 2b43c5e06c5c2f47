import { Bell } from './bell.ts';
import type { Desk } from './desk.ts';
import { chunkOf, KeyParser } from './keys.ts';
import type { TuiOptions } from './main.ts';
import { Painter } from './painter.tsx';
import { Shell } from './shell.ts';
import { Terminal } from './terminal.ts';
import { themeFor } from './theme.ts';

/** An escape that nothing follows for so long was the key itself. Over SSH a sequence arrives in one piece. */
const ESCAPE_MS = 50;
/** A paste whose end got lost must not swallow the keyboard. */
const PASTE_MS = 2_000;
/** The clock and the ages move once a second; everything else when it changes. */
const TICK_MS = 1_000;

/** Runs the screen on this terminal until the operator quits or a signal comes. Loaded only after the environment is set. */
export function runSession(desk: Desk, options: TuiOptions): Promise<'quit'> {
  const { stdin, stdout, keys, tour, readOnly = false, bell = false } = options;
  return new Promise((resolve) => {
    const parser = new KeyParser();
    let waiting: NodeJS.Timeout | undefined;

    const end = () => {
      clearTimeout(waiting);
      clearInterval(ticking);
      painter.stop();
      shell.close();
      terminal.leave();
      resolve('quit');
    };
    const input = (bytes: Uint8Array) => {
      clearTimeout(waiting);
      const chunk = chunkOf(parser, bytes);
      const { pending } = parser;
      if (pending !== 'nothing') {
        waiting = setTimeout(() => shell.press(parser.flush()), pending === 'paste' ? PASTE_MS : ESCAPE_MS);
      }
      shell.press(chunk);
    };
    const resize = () => {
      const { cols, rows } = terminal.size;
      shell.resize(cols, rows);
      painter.repaint(cols, rows);
    };

    const terminal = new Terminal(stdin, stdout, { input, resize, resume: resize, stop: end });
    const shell = new Shell({
      desk,
      theme: themeFor(process.env),
      now: Date.now,
      ...terminal.size,
      quit: end,
      readOnly,
      ...(keys === undefined ? {} : { keys }),
      ...(tour === undefined ? {} : { tour }),
    });
    const painter = new Painter(shell, stdin, stdout);
    const caller = new Bell(() => stdout.write('\x07'));
    const tick = () => {
      if (bell) caller.hear(desk.state().incidents, performance.now());
      shell.refresh();
    };
    const ticking = setInterval(tick, TICK_MS);
    terminal.enter();
    const { cols, rows } = terminal.size;
    painter.repaint(cols, rows);
  });
}
