import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadBash } from '../../grammars/bash.ts';
import { sameProgram } from '../../policy/compiled.ts';
import { isFault } from '../../policy/fault.ts';
import { treeReader } from '../../policy/parse.ts';
import { readProgram } from '../../policy/reader.ts';
import { checkSubset } from '../../policy/subset.ts';

const test = suite('two readers');
const tree = treeReader(await loadBash());

const piece = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_@%+=:,./^-]{1,8}$/),
  fc.stringMatching(/^[ -&(-~]{0,8}$/).map((s) => `'${s}'`),
  fc.stringMatching(/^[ !#-_a-~]{0,8}$/).map((s) => `"${s.replace(/[$`\\"]/g, '')}"`),
  fc.constantFrom('"a\\"b"', '"a\\\\b"', '"a\\.b"', "''", '""'),
);
const word = fc.array(piece, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''));
const redirect = fc.constantFrom(
  '',
  ' 2>&1',
  ' >/dev/null',
  ' 2>/dev/null',
  ' >/dev/null 2>&1',
  ' </dev/null',
  ' &>/dev/null',
);
const command = fc
  .tuple(fc.stringMatching(/^[a-z][a-z0-9]{1,6}$/), fc.array(word, { maxLength: 4 }), redirect)
  .map(([name, words, to]) => [`x${name}`, ...words].join(' ') + to);
const text = fc
  .array(fc.tuple(command, fc.constantFrom(' | ', ' && ', ' || ', '; ', ' ;', '\n', '|', '&&')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.map(([one, operator], i) => one + (i === parts.length - 1 ? '' : operator)).join(''));

test('agree on generated text of the subset: a second reading never changes what runs', async () => {
  let both = 0;
  await fc.assert(
    fc.property(text, (source) => {
      if (checkSubset(source) !== null) return;
      const first = tree(source);
      const second = readProgram(source);
      if (isFault(first) || isFault(second)) return;
      both++;
      assert.ok(sameProgram(first.program, second), source);
    }),
    { numRuns: 6_000 },
  );
  assert.ok(both > 1_000, `only ${both} texts were read by both`);
});

test('a line break that the tree hides between two words of a pipe is refused', () => {
  const source = 'xa | xb | xc\nxd 2>/dev/null';
  assert.ok(isFault(tree(source)));
  const second = readProgram(source);
  assert.is(isFault(second) ? 0 : second.jobs.length, 2);
});

test('read bytes of any kind without throwing', async () => {
  await fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 64 }), (source) => {
      checkSubset(source);
      readProgram(source);
      tree(source);
    }),
    { numRuns: 2_000 },
  );
});

test('what the grammar misreads, and what the subset keeps from it, never makes the tree reader throw', () => {
  const rows = readFileSync(new URL('../../../fixtures/policy/misparse.jsonl', import.meta.url), 'utf8').split('\n');
  const sources = rows.filter((line) => line !== '').map((line): string => JSON.parse(line).src);
  const more = [
    '(ls)',
    '{ ls; }',
    'ls > x y',
    '2>&1',
    'ls 2>&1 2>&1',
    'a;;b',
    '| a',
    'a | | b',
    'a && && b',
    'A=1 ls',
    'ls ""a"" b',
    'a =',
  ];
  for (const source of [...sources, ...more]) {
    const read = tree(source);
    const second = readProgram(source);
    if (!isFault(read) && !isFault(second))
      assert.ok(sameProgram(read.program, second) || checkSubset(source) !== null, source);
  }
});

test('each knows words, quotes, order and streams', () => {
  const source = `ls 'a b'"c" -- "d\\"e" 2>/dev/null | wc -l && df || du; id >/dev/null 2>&1`;
  const expected = {
    version: 1,
    jobs: [
      {
        when: 'always',
        pipe: [
          { argv: ['ls', 'a bc', '--', 'd"e'], stdout: 'keep', stderr: 'discard' },
          { argv: ['wc', '-l'], stdout: 'keep', stderr: 'keep' },
        ],
      },
      { when: 'and', pipe: [{ argv: ['df'], stdout: 'keep', stderr: 'keep' }] },
      { when: 'or', pipe: [{ argv: ['du'], stdout: 'keep', stderr: 'keep' }] },
      { when: 'always', pipe: [{ argv: ['id'], stdout: 'discard', stderr: 'discard' }] },
    ],
  };
  const first = tree(source);
  assert.equal('fault' in first ? null : first.program, expected);
  assert.equal(readProgram(source), expected);
});

const refusedByBoth = [
  'ls >/tmp/x',
  'ls 2>&1 >/dev/null',
  'ls >/dev/null | wc',
  'ls >/dev/null -la',
  'a | b </dev/null',
  'ls |',
  'ls &&',
  '&& ls',
  '; ls',
  'ls ;; id',
  'ls |& wc',
  'ls &',
  'A=1 ls',
  'A=1',
  '>/dev/null',
  'ls <<EOF',
  'ls 3>/dev/null',
  'ls < /etc/passwd',
];
for (const source of refusedByBoth) {
  test(`both refuse ${source}`, () => {
    assert.ok(isFault(tree(source)), 'tree');
    assert.ok(isFault(readProgram(source)), 'reader');
  });
}

test.run();
