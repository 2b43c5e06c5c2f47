import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PlanError } from '../../grammars/plan.ts';
import { parseStage, type StageField, stageGrammar } from '../../grammars/stage.ts';

const test = suite('the language of one stage');

const words = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 });
const field = (key: string): fc.Arbitrary<StageField> =>
  fc.oneof(
    words.map((of) => ({ key, kind: 'one' as const, of })),
    fc.tuple(words, fc.integer({ min: 1, max: 4 })).map(([of, most]) => ({ key, kind: 'some' as const, of, most })),
    fc.integer({ min: 1, max: 60 }).map((most) => ({ key, kind: 'text' as const, most })),
  );
const fields = fc.tuple(field('class'), field('finding'), field('ask'));

const PLAIN = fc.stringMatching(/^[ !#-[\]-~]+$/);
const valueFor = (one: StageField): fc.Arbitrary<unknown> => {
  if (one.kind === 'text') return PLAIN.map((text) => text.slice(0, one.most));
  if (one.kind === 'one') return fc.constantFrom(...one.of);
  return fc.array(fc.constantFrom(...one.of), { maxLength: one.most });
};
const answer = fields.chain((of) =>
  fc.tuple(
    fc.constant(of),
    fc.tuple(...of.map(valueFor)).map((values) => of.map(({ key }, i) => [key, values[i]])),
  ),
);
const refused = (text: string, of: readonly StageField[]): boolean => {
  try {
    parseStage(text, of);
    return false;
  } catch (error) {
    return error instanceof PlanError && error.code === 'E_PLAN_OUTPUT';
  }
};

test('is read as it was written, and no longer than it says', () => {
  void fc.assert(
    fc.property(answer, ([of, pairs]) => {
      const text = JSON.stringify(Object.fromEntries(pairs));
      assert.equal([...parseStage(text, of)], pairs);
      assert.ok(Buffer.byteLength(text) <= stageGrammar(of).maxTokens, text);
    }),
  );
});

test('has one form: blanks, other keys, other words, more of them and cut ends are refused', () => {
  const of: readonly StageField[] = [
    { key: 'class', kind: 'one', of: ['a', 'b"'] },
    { key: 'cites', kind: 'some', of: ['e1', 'e2'], most: 2 },
    { key: 'finding', kind: 'text', most: 5 },
  ];
  const good = '{"class":"b\\"","cites":["e1"],"finding":"so"}';
  assert.is(parseStage(good, of).get('class'), 'b"');
  for (const bad of [
    good.slice(0, -1),
    ` ${good}`,
    good.replace(',', ', '),
    good.replace('"e1"', '"e3"'),
    good.replace('"e1"', '"e1","e2","e1"'),
    good.replace('so', 'longer'),
    good.replace('so', ''),
    good.replace('so', 'é'),
    good.replace('so', '\\u0073o'),
    good.replace('"class":"b\\""', '"class":["a"]'),
    good.replace('"class":"b\\"",', '"class":"a","class":"b\\"",'),
    good.replace('}', ',"more":1}'),
    '{"cites":["e1"],"class":"a","finding":"so"}',
    'null',
    '[]',
    '',
  ]) {
    assert.ok(refused(bad, of), bad);
  }
});

test('is made of nothing that has no choice', () => {
  assert.throws(
    () => stageGrammar([{ key: 'class', kind: 'one', of: [] }]),
    (error: unknown) => error instanceof PlanError && error.code === 'E_PLAN_INPUT',
  );
  assert.throws(
    () => stageGrammar([{ key: 'cl"ass', kind: 'text', most: 3 }]),
    (error: unknown) => error instanceof PlanError && error.code === 'E_PLAN_INPUT',
  );
  assert.match(stageGrammar([{ key: 'cites', kind: 'some', of: [], most: 3 }]).gbnf, 'field-0 ::= "[]"');
});

test.run();
