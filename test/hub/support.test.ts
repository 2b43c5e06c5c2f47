import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ALONE_FROM } from '../../broker/automation-rule.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { FIRST_ANSWERS, GROUNDS, groundCap, groundOf, groundTable, leftOutError } from '../../hub/reason/support.ts';
import { builtIn, emptySnapshot, eventOf, evidenceFor, said } from './evidence-fixtures.ts';

const test = suite('what an answer may claim');
const rules = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], clock: () => 0 });
const BOTH = ['known', 'unknown'] as const;

test('a known cause may claim more than a reading, and none may run alone by that', () => {
  assert.ok(groundCap('unknown') < groundCap('known') && groundCap('known') < ALONE_FROM);
  for (const { answers, right } of Object.values(GROUNDS)) assert.ok(right <= answers);
  assert.is(
    groundCap('known', { ...GROUNDS, known: { answers: 0, right: 0 } }),
    0.5,
    'nothing measured proves nothing',
  );
  assert.equal([groundOf('unknown'), groundOf('disk-full')], ['unknown', 'known']);
});

test('what one set would say is measured by the others, and is near to how often that set was right', () => {
  const all = Object.keys(FIRST_ANSWERS);
  assert.ok(all.length >= 3);
  let [sum, answers] = [0, 0];
  for (const name of all) {
    const others = groundTable(name);
    for (const ground of BOTH) {
      const own = FIRST_ANSWERS[name]?.[ground];
      assert.is(others[ground].answers + (own?.answers ?? 0), GROUNDS[ground].answers);
      assert.is(others[ground].right + (own?.right ?? 0), GROUNDS[ground].right);
    }
    const size = BOTH.reduce((total, ground) => total + (FIRST_ANSWERS[name]?.[ground].answers ?? 0), 0);
    sum += leftOutError(name) * size;
    answers += size;
  }
  assert.ok(sum / answers <= 0.1, String(sum / answers));
});

test('what no cause is known for claims little; a line that explains it, more', async () => {
  const ask = async (line: string) => {
    const event = eventOf('host.cpu', {
      signal: 'metric.unusual',
      metric: 'press.scrap_percent[press-3]',
      value: 9,
      snapshot: { ...emptySnapshot, unit_lines: [said(line)] },
    });
    return (await rules.diagnose(evidenceFor(event), new AbortController().signal)).confidence;
  };
  const read = await ask('press: die 4 mismatch, retrying');
  assert.ok(read > 0 && read <= groundCap('unknown'), String(read));
  const told = await ask('press: x509: certificate signed by unknown authority');
  assert.ok(told > read && told <= groundCap('known'), String(told));
});
test.run();
