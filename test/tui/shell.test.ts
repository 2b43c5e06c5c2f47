import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Shell } from '../../tui/shell.ts';
import { themeFor } from '../../tui/theme.ts';
import { MemoryDesk } from './memory-desk.ts';
import { INCIDENT, NOW, STATE } from './recorded.ts';

const test = suite('the store behind the screen');

test('a refresh that changes nothing is no picture, and one that changes a row keeps the others', () => {
  let now = NOW;
  const desk = new MemoryDesk(STATE, [INCIDENT]);
  const theme = themeFor({ LANG: 'C.UTF-8' });
  const shell = new Shell({ desk, theme, now: () => now, cols: 120, rows: 40, quit() {} });
  let told = 0;
  shell.subscribe(() => told++);
  const before = shell.frame();
  shell.refresh();
  desk.set({});
  assert.is(told, 0);
  assert.is(shell.frame(), before);
  now += 1_000;
  shell.refresh();
  assert.is(told, 1);
  const after = shell.frame();
  const changed = after.lines.filter((row, i) => row !== before.lines[i]);
  assert.ok(changed.length >= 1 && changed.length <= 4, `${changed.length} rows changed with the clock`);
  shell.press([{ type: 'key', name: 'j' }]);
  assert.is(told, 2);
  shell.close();
});

test.run();
