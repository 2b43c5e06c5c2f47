import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

process.env['TZ'] = 'UTC';
const { drawn, journey, SHOTS } = await import('./recorded-shots.ts');
const { textOfRow } = await import('./svg.ts');

const test = suite('the pictures of the documents');

const stored = (name: string) => readFileSync(new URL(`../../../docs/shots/${name}.svg`, import.meta.url), 'utf8');
/**
 * Which keys a picture shows at its foot: what is stale about a picture first, and what a reader tries. Without blanks:
 * where colours end these are no text of their own.
 */
const keysOf = (svg: string, rows: number) =>
  textOfRow(svg, rows - 2)
    .replace(/[\d:]+\s*$/, '')
    .replaceAll(/\s/g, '');

for (const shot of SHOTS) {
  test(`${shot.name} shows the keys that there are: else run npm run shots`, async () => {
    const now = keysOf(await drawn(shot), shot.rows);
    assert.ok(now.length > 5, 'a picture has a footer');
    assert.is(keysOf(stored(shot.name), shot.rows), now);
  });
}

test('the journey plays from the incident to the fix that helped', async () => {
  const film = await journey();
  for (const words of [
    'no incidents',
    'waiting for you',
    'approve on plant3-db-01',
    'included by you',
    'Signed: steps 1-3',
  ])
    assert.ok(film.includes(words), words);
  for (const words of ['results', 'verification', 'it is back to normal', 'resolved'])
    assert.ok(film.includes(words), words);
  assert.match(film, /@keyframes s\d+\{/);
  assert.not.match(film, /<script|href=/);
});

test.run();
