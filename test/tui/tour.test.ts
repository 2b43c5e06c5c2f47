import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { STOPS } from '../../tui/tour.ts';
import { seenFile, tourMemory } from '../../tui/tour-memory.ts';
import { MemoryDesk } from './memory-desk.ts';
import { INCIDENT, QUIET, STATE } from './recorded.ts';
import { renderAt } from './render-at.ts';

const test = suite<{ home: string }>('the tour');
test.before.each((context) => {
  context.home = mkdtempSync(join(tmpdir(), 'sentinel-tour-'));
});
test.after.each(({ home }) => rmSync(home, { recursive: true, force: true }));

const letters = (text: string) => [...text];
const memoryOf = (home: string) => tourMemory({ XDG_STATE_HOME: home });
const open = (desk: MemoryDesk, home: string, [cols, rows] = [120, 40]) =>
  renderAt(cols, rows, desk, { LANG: 'C.UTF-8' }, { tour: memoryOf(home) });

for (const [cols, rows] of [
  [80, 24],
  [120, 40],
] as const) {
  test(`it leads over the real views, stop by stop, and whole at ${cols}x${rows}`, async ({ home }) => {
    const seen = open(new MemoryDesk(QUIET), home, [cols, rows]);
    try {
      for (const [index, { view, title, text }] of STOPS.entries()) {
        const shown = (await seen.text()).replaceAll(/\s*\n ▌ /g, ' ');
        assert.is(seen.shell.ui.view, view);
        assert.ok(shown.includes(`${index + 1} of ${STOPS.length}  ${title}`), shown);
        assert.ok(shown.includes(text), `the whole text of stop ${index + 1} is in\n${shown}`);
        assert.ok(shown.includes('enter next'), 'the footer has its keys');
        for (const row of seen.emulator.lines()) assert.ok([...row].length < cols);
        seen.press(index === 2 ? 'space' : 'enter');
      }
      const after = await seen.text();
      assert.not.match(after, /of 5/);
      assert.match(after, /no incidents/);
    } finally {
      seen.close();
    }
  });
}

test('one key leaves it, it is remembered, and never comes again by itself', async ({ home }) => {
  const first = open(new MemoryDesk(QUIET), home);
  assert.match(await first.text(), /1 of 5/);
  assert.not.ok(existsSync(seenFile({ XDG_STATE_HOME: home })), 'not before somebody answered it');
  first.press('escape');
  assert.not.match(await first.text(), /1 of 5/);
  first.close();
  assert.match(readFileSync(seenFile({ XDG_STATE_HOME: home }), 'utf8'), /"toured":true/);
  const second = open(new MemoryDesk(QUIET), home);
  assert.not.match(await second.text(), /1 of 5/);
  second.press(':', ...letters('tour'), 'enter');
  assert.match(await second.text(), /1 of 5/);
  second.press('enter', 'left');
  assert.match(await second.text(), /1 of 5/);
  second.close();
});

test('any other key ends it and does what it always does', async ({ home }) => {
  const seen = open(new MemoryDesk(QUIET), home);
  seen.press('5');
  assert.match(await seen.text(), /the chain holds/);
  assert.is(seen.shell.ui.tour, null);
  assert.not.ok(memoryOf(home).isNew);
  seen.close();
});

test('it never stands over an open incident: not at the start, not when one comes, and not when it is asked for', async ({
  home,
}) => {
  const busy = open(new MemoryDesk(STATE, [INCIDENT]), home);
  assert.not.match(await busy.text(), /1 of 5/);
  busy.press(':', ...letters('tour'), 'enter');
  assert.match(await busy.text(), /tour: an incident is open: the tour waits until it is over/);
  busy.close();
  assert.ok(memoryOf(home).isNew, 'it was not seen');

  const desk = new MemoryDesk(QUIET, [INCIDENT]);
  const quiet = open(desk, home);
  quiet.press('enter');
  assert.match(await quiet.text(), /2 of 5/);
  desk.set({ incidents: STATE.incidents });
  const text = await quiet.text();
  assert.not.match(text, /2 of 5/);
  assert.match(text, /waiting for you/, 'home, where the incident is');
  quiet.press('a');
  assert.match(await quiet.text(), /approve on plant3-db-01/);
  quiet.close();
});

test('a home that can not be written shows it again, a file of another hand does not', async ({ home }) => {
  const blocked = join(home, 'file');
  writeFileSync(blocked, '');
  const memory = memoryOf(blocked);
  // Not ENOENT: something is there that is not ours.
  assert.not.ok(memory.isNew);
  memory.remember();
  const fresh = memoryOf(join(home, 'none'));
  assert.ok(fresh.isNew);
  writeFileSync(join(home, 'none'), '');
  fresh.remember();
  const unreadable = memoryOf(home);
  assert.ok(unreadable.isNew);
});

test.run();
