import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { redact } from '../../broker/redact.ts';
import { judge, measure, readRows } from './redact-corpus.ts';

/** The gates that a change of the rules has to pass; the figures of the day are in fixtures/redaction/README.md. */
const GATES = { recall: 0.98, precision: 0.95 };

const test = suite('redaction corpus');

for (const half of ['tuned', 'held-out'] as const) {
  test(`${half}: secrets go, and what only looks like one stays`, () => {
    const judged = readRows(half).map(judge);
    const figures = measure(judged);
    assert.ok(figures.rows >= 200 && figures.secrets >= 100, JSON.stringify(figures));
    const bad = judged.filter(({ leaked, lost }) => leaked.length + lost.length > 0).map(({ id }) => id);
    const said = `${JSON.stringify(figures)} rows ${bad.join(' ')}`;
    assert.ok(figures.recall >= GATES.recall, said);
    assert.ok(figures.precision >= GATES.precision, said);
  });

  test(`${half}: redacting twice changes nothing more, so that agent and hub may both do it`, () => {
    for (const { id, after } of readRows(half).map(judge)) assert.is(redact(after, 8_000), after, id);
  });
}

test('the measure itself: a row whose secret stays counts against recall, an innocent one that changes against precision', () => {
  const leaky = judge({ id: 'x', label: 'secret', kind: 'x', text: 'the weather is ⟦Marble1204⟧ today' });
  assert.equal(leaky.leaked, ['Marble1204']);
  const eager = judge({ id: 'y', label: 'innocent', kind: 'x', text: 'password=Marble1204' });
  assert.equal(eager.lost, ['row']);
  assert.equal(measure([leaky, eager]), { rows: 2, secrets: 1, recall: 0, precision: 0 });
});

test.run();
