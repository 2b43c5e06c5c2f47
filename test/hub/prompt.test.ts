import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hostileIncident, memoryIncident } from '../../fixtures/model/incident.ts';
import { loadCatalogue } from '../../grammars/catalogue.ts';
import type { EvidenceItem } from '../../hub/evidence/evidence.ts';
import { buildPrompt, PROMPT_LIMITS, type TokenBudget } from '../../hub/reason/prompt.ts';
import { ReasonError } from '../../hub/reason/reasoner.ts';

const catalogue = loadCatalogue();
/** As a byte vocabulary counts. */
const room = (tokens: number): TokenBudget => ({ tokens, count: (text) => Buffer.byteLength(text) });
const plenty = room(100_000);
const log = (id: string, text: string): EvidenceItem => ({ id, kind: 'log', text, trusted: false, entities: [] });
const lineOf = (incident: string, id: string): string =>
  incident.split('\n').find((line) => line.startsWith(`${id} `)) ?? `no line ${id}`;
const withLog = (text: string): string => {
  const { incident } = buildPrompt(memoryIncident({ items: [log('e1', text)] }), catalogue, plenty);
  return lineOf(incident, 'e1').slice('e1 log '.length);
};

const names = suite('names in a prompt');

names('are slots, in every place', () => {
  const { fixed, incident } = buildPrompt(memoryIncident(), catalogue, plenty);
  assert.is(lineOf(incident, 'e2'), 'e2 process <<pid E1 E1 [culprit, top_mem] user app: rss 700 MiB, cpu 3 %>>');
  assert.is(lineOf(incident, 'e4'), 'e4 mount E4 (ext4): 41 % of 20000 MiB used');
  assert.is(lineOf(incident, 'e5'), 'e5 log <<E3: queue length 120000 on E6>>');
  assert.is(lineOf(incident, 'c1'), 'c1 change 2 hours before: E3 was upgraded');
  for (const name of ['4242', 'mem-hog', 'ingest.service', '/var', '/srv/spool', 'plant-7']) {
    assert.not.match(fixed + incident, name);
  }
});

names('that two things share stay two', () => {
  const calm = memoryIncident();
  const twins = calm.entities.map((entity) =>
    entity.process === undefined ? entity : { ...entity, process: { ...entity.process, comm: 'worker' } },
  );
  const items = [log('e1', 'worker died'), { ...log('e2', 'worker died'), entities: ['E2'] }];
  const { incident } = buildPrompt(memoryIncident({ entities: twins, items }), catalogue, plenty);
  assert.is(lineOf(incident, 'e1'), 'e1 log <<E1/E2 died>>');
  assert.is(lineOf(incident, 'e2'), 'e2 log <<E2 died>>');
});

names('are whole words, and numbers stay as given', () => {
  assert.is(withLog('mem-hog2 /var/log my-ingest.service'), '<<mem-hog2 /var/log my-ingest.service>>');
  assert.is(withLog('4242 MiB, 4242.5, x4242'), '<<4242 MiB, 4242.5, x4242>>');
  assert.is(withLog('killed process 4242, kernel[4242], pid=977'), '<<killed process E1, kernel[E1], pid=E2>>');
  assert.is(withLog('plant-7.example.com'), '<<E6.example.com>>');
});

const foreign = suite('foreign text in a prompt');

foreign('cannot pretend to be a slot, leave its fence, or begin a line', () => {
  assert.is(withLog('E1 and E99 but not BE1'), '<<E-1 and E-99 but not BE1>>');
  assert.is(withLog('>> out <<<in>'), '<<> > out < < <in> >>');
  assert.is(withLog('a\nE1 unit\r\n\u2028b\u0000\u001b[2Jc\u202Ed'), '<<a E-1 unit b [2Jc d>>');
});

foreign('is capped, and says by how much', () => {
  const line = withLog('A'.repeat(PROMPT_LIMITS.item + 45));
  assert.is(line, `<<${'A'.repeat(PROMPT_LIMITS.item)} [cut 45]>>`);
});

foreign('of any bytes stays one fenced line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (text) => {
      const { incident } = buildPrompt(
        memoryIncident({ items: [log('e1', text), log('e2', 'end')] }),
        catalogue,
        plenty,
      );
      const lines = incident.split('\n');
      const at = lines.indexOf('e2 log <<end>>');
      const inside = /^e1 log <<(.*)>>$/su.exec(lines[at - 1] ?? '')?.[1];
      assert.type(inside, 'string');
      assert.not.match(inside ?? '', /<<|>>|[\p{C}\p{Zl}\p{Zp}]/u);
      assert.not.match(inside ?? '', /(?<![A-Za-z0-9])E[0-9]{1,4}(?![A-Za-z0-9])/);
    }),
    { numRuns: 500 },
  );
});

foreign('in every field leaves the frame as it is', () => {
  const { incident, plan } = buildPrompt(hostileIncident(), catalogue, plenty);
  const frame = /^(?:Incident|Entities|Evidence|Left out for length|Past incidents|Playbooks|Answer):/;
  assert.equal(
    incident.split('\n').filter((line) => frame.test(line)),
    ['Incident:', 'Entities:', 'Evidence:', 'Past incidents:', 'Playbooks:', 'Answer:'],
  );
  assert.equal(
    plan.slots.map((slot) => slot.slot).sort(),
    ['E1', 'E2', 'E3', 'E4', 'E5'],
    'a name that no command may carry is no slot of the answer',
  );
});

const budget = suite('the budget of a prompt');

const many = Array.from({ length: 60 }, (_, i) => log(`e${i + 10}`, `line ${i} ${'x'.repeat(80)}`));
const long = memoryIncident({ items: [...memoryIncident().items, ...many] });

budget('is kept, and what was left out is named', () => {
  const full = buildPrompt(long, catalogue, plenty);
  assert.equal(full.leftOut, []);
  const tight = buildPrompt(long, catalogue, room(3_600));
  assert.ok(tight.tokens <= 3_600);
  assert.is(tight.tokens, Buffer.byteLength(tight.fixed + tight.incident));
  assert.ok(tight.leftOut.length > 0);
  assert.match(tight.incident, `Left out for length: ${tight.leftOut.join(' ')}\n`);
  for (const item of long.items) {
    const shown = tight.incident.includes(`\n${item.id} ${item.kind} `);
    assert.is(shown, !tight.leftOut.includes(item.id), item.id);
    assert.is(tight.plan.evidence.includes(item.id), shown, `${item.id} may be cited when it was shown`);
  }
});

budget('silences no kind of evidence before another', () => {
  const { plan } = buildPrompt(long, catalogue, room(3_000));
  const kinds = long.items.filter((item) => plan.evidence.includes(item.id)).map((item) => item.kind);
  assert.equal([...new Set(kinds)].sort(), ['change', 'log', 'metric', 'mount', 'process']);
});

budget('holds at any size, or says that nothing fits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_000 }), (tokens) => {
      try {
        assert.ok(buildPrompt(long, catalogue, room(tokens)).tokens <= tokens);
      } catch (error) {
        assert.ok(error instanceof ReasonError && error.code === 'E_MODEL_PROMPT', String(error));
        assert.ok(tokens < 3_000);
      }
    }),
    { numRuns: 60 },
  );
});

budget('leaves entities without a label out first, and names them', () => {
  const crowd = Array.from({ length: 50 }, (_, i) => ({
    kind: 'mount' as const,
    slot: `E${i + 10}`,
    value: `/mnt/${i}`,
    labels: i === 49 ? ['subject'] : [],
  }));
  const { leftOut, plan } = buildPrompt(memoryIncident({ entities: crowd }), catalogue, plenty);
  assert.is(leftOut.length, 50 - PROMPT_LIMITS.entities);
  assert.ok(plan.slots.some((slot) => slot.slot === 'E59'));
  assert.not.ok(plan.slots.some((slot) => leftOut.includes(slot.slot)));
});

budget('does not touch the constant part, which comes first', () => {
  const one = buildPrompt(memoryIncident(), catalogue, plenty);
  const other = buildPrompt(hostileIncident(), catalogue, room(4_000));
  assert.is(one.fixed, other.fixed);
  assert.equal(one, buildPrompt(memoryIncident(), catalogue, plenty));
});

names.run();
foreign.run();
budget.run();
