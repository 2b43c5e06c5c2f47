import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { STATES } from '../../hub/incident.ts';
import type { IncidentRow } from '../../tui/desk.ts';
import { listing, looked, matches } from '../../tui/listing.ts';
import { MemoryDesk } from './memory-desk.ts';
import { NOW, STATE } from './recorded.ts';
import { renderAt } from './render-at.ts';

const test = suite('long lists');

const row = (i: number): IncidentRow => ({
  id: `01JD00000000000000${String(i).padStart(8, '0')}`,
  state: i % 1_000 === 0 ? 'proposed' : 'resolved',
  severity: i % 3 === 0 ? 'critical' : 'warning',
  host: `edge-${i % 500}`,
  title: i % 7 === 0 ? `disk filling ${i}` : `memory leak ${i}`,
  opened: NOW - i * 60_000,
  updated: NOW - i * 60_000,
  owner: 'nobody',
});
const many = Array.from({ length: 100_000 }, (_, i) => row(i));

test('100,000 incidents: first, last, a filter that narrows, and back', async () => {
  const seen = renderAt(120, 40, new MemoryDesk({ ...STATE, incidents: many }));
  assert.match(await seen.text(), /waiting for you {2}100/);
  seen.press('G');
  assert.match(await seen.text(), /memory leak 99999/);
  seen.press('/', ...'disk 98');
  seen.press('enter');
  const found = await seen.text();
  assert.match(found, /disk filling 98/);
  assert.not.match(found, /memory leak/);
  seen.press('escape', 'g');
  assert.match(await seen.text(), /▌▲.*memory leak 0|▌▲.*disk filling 0/);
  seen.close();
});

test('another letter looks only through what the letters before left', () => {
  listing(many, 'd', NOW);
  const first = listing(many, 'disk', NOW);
  const before = looked.rows;
  const second = listing(many, 'disk f', NOW);
  assert.is(looked.rows - before, first.size, 'not through all of them');
  listing(many, 'disk f', NOW);
  assert.is(looked.rows - before, first.size, 'the same again looks at nothing');
  assert.is(second.size, first.size);
});

test('a filter finds what a plain search finds, whatever was typed before', () => {
  const words = fc.constantFrom('disk', 'mem', 'edge-1', 'edge-12', '!leak', '!disk', 'critical', 'proposed', 'x', '!');
  const some = many.slice(0, 600);
  void fc.assert(
    fc.property(fc.array(fc.array(words, { maxLength: 3 }), { maxLength: 6 }), (filters) => {
      for (const filter of filters.map((one) => one.join(' '))) {
        const good = matches(filter);
        const wanted = some.filter((one) =>
          good(`${one.host} ${one.title} ${one.state} ${one.severity} ${one.owner} ${one.id}`.toLowerCase()),
        );
        assert.is(listing(some, filter, NOW).size, wanted.length, filter);
      }
    }),
    { numRuns: 100 },
  );
});

test('every row has its place, and every place its row; groups come in the order of need', () => {
  const rows = fc.array(fc.tuple(fc.constantFrom(...STATES), fc.nat(3_000)), { maxLength: 40 });
  void fc.assert(
    fc.property(rows, (states) => {
      const all = states.map(([state, minutes], i) => ({ ...row(i), state, updated: NOW - minutes * 60_000 }));
      const list = listing(all, '', NOW);
      assert.is(list.size, all.length);
      for (let i = 0; i < list.size; i++) assert.is(list.indexOf(list.at(i)?.id ?? null), i);
      assert.is(list.at(list.size), undefined);
      assert.is(list.indexOf('gone'), -1);
      const titles = list.groups.map(({ title }) => title);
      const order = ['waiting for you', 'working', 'today', 'earlier'];
      assert.equal(
        titles,
        order.filter((title) => titles.includes(title)),
      );
    }),
  );
});

test.run();
