import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadCatalogue } from '../../grammars/catalogue.ts';
import { gbnfLiteral } from '../../grammars/gbnf.ts';
import { PLAN_LIMITS, PlanError, type PlanInput, parsePlan, planGrammar } from '../../grammars/plan.ts';

const catalogue = loadCatalogue();
const input: PlanInput = {
  classes: catalogue.classes,
  commands: catalogue.commands,
  slots: [
    { slot: 'E1', kind: 'pid' },
    { slot: 'E12', kind: 'pid' },
    { slot: 'E3', kind: 'unit' },
  ],
  evidence: ['e1', 'e2', 'c1'],
  playbooks: ['group-memory'],
};

const answer = {
  class: 'memory-leak',
  root_cause: 'E1 leaks',
  cites: ['e1', 'c1'],
  playbook: 'group-memory',
  commands: [
    { do: 'process-terminate', with: ['E12'] },
    { do: 'host-memory', with: [] as string[] },
  ],
  alternatives: ['a batch job'],
  needs_human: false,
};
const refused = (text: string, what: string): void => {
  assert.throws(
    () => parsePlan(text, input),
    (error: unknown) => error instanceof PlanError && error.code === 'E_PLAN_OUTPUT',
    what,
  );
};

const literal = suite('a literal of the grammar');

literal('says exactly its text, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const gbnf = gbnfLiteral(text);
      assert.match(gbnf, /^"(?:[ !#-[\]-~]|\\["\\]|\\U[0-9A-F]{8})*"$/);
      const read = gbnf
        .slice(1, -1)
        .replace(/\\U([0-9A-F]{8})|\\(["\\])/g, (_, hex?: string, plain?: string) =>
          hex === undefined ? (plain ?? '') : String.fromCodePoint(Number.parseInt(hex, 16)),
        );
      assert.is(read, text.toString().replace(/[\uD800-\uDFFF]/gu, '\uFFFD'));
    }),
  );
});

const grammar = suite('the grammar of one incident');

grammar('has no rule for a template whose blank no entity fits', () => {
  const { gbnf } = planGrammar(input);
  assert.match(gbnf, 'process-terminate');
  assert.not.match(gbnf, 'folder-clear-temporary');
  assert.match(gbnf, '"\\"E1\\"" | "\\"E12\\""');
});

grammar('lets an unknown cause only look', () => {
  const unknown = catalogue.commands.filter((command) => command.classes.includes('unknown'));
  assert.ok(unknown.length > 5);
  assert.equal([...new Set(unknown.map((command) => command.verdict))], ['allow']);
  assert.is(unknown.filter((command) => /\b(?:restart|stop|kill|delete|renice)\b/.test(command.template)).length, 0);
});

grammar('never needs more tokens than it says, at one byte a token', () => {
  const { maxTokens } = planGrammar(input);
  const longest = {
    ...answer,
    class: 'inode-exhaustion',
    root_cause: 'x'.repeat(PLAN_LIMITS.rootCause),
    cites: new Array(PLAN_LIMITS.cites).fill('e1'),
    commands: new Array(PLAN_LIMITS.commands).fill({ do: 'process-files', with: ['E12'] }),
    alternatives: new Array(PLAN_LIMITS.alternatives).fill('y'.repeat(PLAN_LIMITS.alternative)),
  };
  const text = JSON.stringify(longest);
  assert.is(parsePlan(text, input).commands.length, PLAN_LIMITS.commands);
  assert.ok(text.length < maxTokens, `${text.length} < ${maxTokens}`);
  assert.ok(maxTokens < 1_100, 'and the bound stays a bound');
});

grammar('takes nothing for an id that is none', () => {
  const wrong: readonly Partial<PlanInput>[] = [
    { classes: [] },
    { classes: ['a" | "b'] },
    { slots: [{ slot: 'E1" | "x', kind: 'pid' }] },
    { slots: [{ slot: '4242', kind: 'pid' }] },
    { evidence: ['e1\n'] },
    { playbooks: ['none'] },
    { playbooks: ['x'.repeat(65)] },
  ];
  for (const part of wrong) {
    assert.throws(
      () => planGrammar({ ...input, ...part }),
      (error: unknown) => error instanceof PlanError && error.code === 'E_PLAN_INPUT',
      JSON.stringify(part),
    );
  }
});

const reading = suite('reading an answer');

reading('returns what it says', () => {
  const read = parsePlan(JSON.stringify(answer), input);
  assert.is(read.class, 'memory-leak');
  assert.is(read.playbook, 'group-memory');
  assert.equal(read.cites, ['e1', 'c1']);
  assert.equal(
    read.commands.map((command) => [command.template.id, command.slots]),
    [
      ['process-terminate', ['E12']],
      ['host-memory', []],
    ],
  );
  assert.is(parsePlan(JSON.stringify({ ...answer, playbook: 'none' }), input).playbook, null);
});

reading('refuses everything that the grammar cannot say', () => {
  const changes: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['a class of nobody', { class: 'meltdown' }],
    ['a cause with a quote', { root_cause: 'he said "x"' }],
    ['a cause with a line break', { root_cause: 'a\nb' }],
    ['an empty cause', { root_cause: '' }],
    ['a long cause', { root_cause: 'x'.repeat(PLAN_LIMITS.rootCause + 1) }],
    ['evidence of nobody', { cites: ['e77'] }],
    ['a playbook of nobody', { playbook: 'rm' }],
    ['a slot of nobody', { commands: [{ do: 'process-terminate', with: ['E2'] }] }],
    ['a slot of another kind', { commands: [{ do: 'process-terminate', with: ['E3'] }] }],
    ['a name for a slot', { commands: [{ do: 'process-terminate', with: ['4242'] }] }],
    ['a blank too few', { commands: [{ do: 'process-terminate', with: [] }] }],
    ['a blank too many', { commands: [{ do: 'host-memory', with: ['E1'] }] }],
    ['a command of nobody', { commands: [{ do: 'rm -rf /', with: [] }] }],
    ['a command of another class', { class: 'unknown', commands: [{ do: 'process-terminate', with: ['E1'] }] }],
    ['a command with more', { commands: [{ do: 'host-memory', with: [], sudo: true }] }],
    ['five commands', { commands: new Array(5).fill({ do: 'host-memory', with: [] }) }],
    ['four alternatives', { alternatives: ['a', 'b', 'c', 'd'] }],
    ['a need of no boolean', { needs_human: 'no' }],
    ['one key more', { confidence: 1 }],
  ];
  for (const [what, change] of changes) refused(JSON.stringify({ ...answer, ...change }), what);
  const good = JSON.stringify(answer);
  refused(` ${good}`, 'a blank before');
  refused(`${good}\n`, 'a line break after');
  refused(good.slice(0, -1), 'a cut end');
  refused(good.replace('"class"', '"class":"unknown","class"'), 'a key twice');
  refused(good.replace('E1 leaks', '\\u0045 leaks'), 'a needless escape');
  refused('null', 'null');
  refused('[]', 'a list');
  refused('', 'nothing');
});

reading('never fails but with its code', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => refused(text, text)),
    { numRuns: 300 },
  );
});

literal.run();
grammar.run();
reading.run();
