import type { Desk } from '../../tui/desk.ts';
import { KeyParser } from '../../tui/keys.ts';
import { Shell } from '../../tui/shell.ts';
import { themeFor } from '../../tui/theme.ts';

/**
 * The floor: the same shell and views, painted by the least code that draws them. Of each frame only the rows that
 * differ are written, each from its first changed column on, without colour. No library between the frame and the
 * terminal. Ends with ctrl-c.
 */
export function runFloor(desk: Desk): Promise<void> {
  return new Promise((resolve) => {
    const { stdin, stdout } = process;
    const { columns: cols, rows } = stdout;
    const parser = new KeyParser();
    let before: readonly string[] = [];
    const quit = () => {
      clearInterval(ticking);
      shell.close();
      stdin.setRawMode(false);
      resolve();
    };
    const shell = new Shell({ desk, theme: themeFor(process.env), now: Date.now, cols, rows, quit });
    const paint = () => {
      const lines = shell.frame().lines.map((row) => row.map(({ text }) => text).join(''));
      let out = '';
      for (const [y, line] of lines.entries()) {
        const old = before[y] ?? '';
        if (line === old) continue;
        let x = 0;
        while (x < line.length && x < old.length && line[x] === old[x]) x++;
        out += `\x1b[${y + 1};${x + 1}H${line.slice(x)}\x1b[K`;
      }
      before = lines;
      if (out !== '') stdout.write(out);
    };
    stdin.setRawMode(true);
    stdin.on('data', (bytes) => shell.press(parser.feed(bytes)));
    shell.subscribe(paint);
    const ticking = setInterval(shell.refresh, 1_000);
    stdout.write('\x1b[2J');
    paint();
  });
}
