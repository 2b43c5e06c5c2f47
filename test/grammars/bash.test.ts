import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadBash } from '../../grammars/bash.ts';

const test = suite('bash grammar');

test('loads once, and walks a tree', async () => {
  const grammar = await loadBash();
  assert.is(await loadBash(), grammar);
  let kind = 0;
  grammar.parse('ls -la', (cursor) => {
    kind = cursor.nodeTypeId;
  });
  assert.is(kind, grammar.kind('program', true));
  assert.throws(() => grammar.kind('no_such_kind', true), /no_such_kind/);
});

test('a walk that throws leaves the parser usable, and memory flat', async () => {
  const grammar = await loadBash();
  const boom = () => {
    throw new Error('boom');
  };
  for (let i = 0; i < 2_000; i++) assert.throws(() => grammar.parse('ls | wc', boom), /boom/);
  let leaves = 0;
  grammar.parse('ls | wc', (cursor) => {
    if (cursor.gotoFirstChild()) leaves++;
  });
  assert.is(leaves, 1);
});

test.run();
