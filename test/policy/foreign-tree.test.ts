import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TreeCursor } from 'web-tree-sitter';
import type { BashGrammar } from '../../grammars/bash.ts';
import { isFault } from '../../policy/fault.ts';
import { treeReader } from '../../policy/parse.ts';

const test = suite('trees that the grammar does not make today');

/** A node of a made-up tree: its kind, where it stands, and what is in it. */
interface Node {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  readonly inside: readonly Node[];
}

const node = (kind: string, from: number, to: number, ...inside: Node[]): Node => ({ kind, from, to, inside });
const name = (from: number, to: number) => node('command_name', from, to, node('word', from, to));
const command = (from: number, to: number, ...more: Node[]) => node('command', from, to, name(from, to), ...more);

/** A grammar whose parser answers `root`, whatever the text is: what another version or a fault of it could do. */
function lying(root: Node): BashGrammar {
  const kinds: string[] = [];
  const kind = (of: string): number => {
    if (!kinds.includes(of)) kinds.push(of);
    return kinds.indexOf(of);
  };
  const cursor = () => {
    const way: { readonly among: readonly Node[]; at: number }[] = [{ among: [root], at: 0 }];
    const here = (): Node => {
      const { among, at } = way.at(-1) ?? { among: [], at: 0 };
      const found = among[at];
      if (found === undefined) throw new Error('the cursor left the tree');
      return found;
    };
    return {
      get nodeType() {
        return here().kind;
      },
      get nodeTypeId() {
        return kind(here().kind);
      },
      get startIndex() {
        return here().from;
      },
      get endIndex() {
        return here().to;
      },
      gotoFirstChild() {
        const { inside } = here();
        if (inside.length > 0) way.push({ among: inside, at: 0 });
        return inside.length > 0;
      },
      gotoNextSibling() {
        const last = way.at(-1);
        if (last === undefined || last.at + 1 >= last.among.length) return false;
        last.at++;
        return true;
      },
      gotoParent: () => way.pop() !== undefined,
    };
  };
  return { kind, parse: (_, walk) => walk(cursor() as unknown as TreeCursor) };
}

function refusal(text: string, root: Node): string {
  const read = treeReader(lying(root))(text);
  return isFault(read) ? read.reason : JSON.stringify(read.program.jobs);
}

test('an honest tree is read', () => {
  const tree = node('program', 0, 5, command(0, 2, node('word', 3, 5)));
  assert.match(refusal('ls -l', tree), '"argv":["ls","-l"]');
});

test('what is no command, or lacks one beside its operator', () => {
  assert.is(refusal('ls', node('list', 0, 2, command(0, 2))), 'it is not a command');
  const andNothing = node('program', 0, 5, node('list', 0, 5, command(0, 2), node('&&', 3, 5)));
  assert.is(refusal('ls &&', andNothing), 'a command is missing at the end');
  const pipe = node('program', 0, 4, node('pipeline', 0, 4, node('|', 0, 1), command(2, 4)));
  assert.is(refusal('| ls', pipe), 'a pipe with nothing before it');
  const twice = node('program', 0, 5, node('pipeline', 0, 5, command(0, 2), node('|', 3, 4), node('|', 4, 5)));
  assert.is(refusal('ls ||', twice), 'a pipe with nothing before it');
  const list = node('program', 0, 4, node('list', 0, 4, node(';', 0, 1), command(2, 4)));
  assert.is(refusal('; ls', list), 'a command is missing');
  const after = node('program', 0, 6, node('list', 0, 6, command(0, 2), node('&&', 3, 5), node(';', 5, 6)));
  assert.is(refusal('ls &&;', after), 'a command is missing');
  const redirect = node('file_redirect', 0, 10, node('>', 0, 1), node('word', 1, 10));
  assert.is(refusal('>/dev/null', node('program', 0, 10, redirect)), 'a redirect without a command');
});

test('commands without an operator between them, and two names in one', () => {
  assert.is(refusal('ls df', node('program', 0, 5, command(0, 2), command(3, 5))), 'an operator is missing');
  const both = node('program', 0, 5, node('command', 0, 5, name(0, 2), name(3, 5)));
  assert.is(refusal('ls df', both), 'a second command name');
  const first = node('program', 0, 5, node('command', 0, 5, node('word', 0, 2), name(3, 5)));
  assert.is(refusal('ls df', first), "word before the command's name");
});

test('a redirect that is part of the command is the same redirect, and the last of its words', () => {
  const redirect = node('file_redirect', 3, 13, node('>', 3, 4), node('word', 4, 13));
  const text = 'ls >/dev/null -l';
  assert.match(refusal(text.slice(0, 13), node('program', 0, 13, command(0, 2, redirect))), '"stdout":"discard"');
  const word = node('word', 14, 16);
  assert.is(refusal(text, node('program', 0, 16, command(0, 2, redirect, word))), 'a word after a redirect');
});

test('words with a gap, parts that overlap, parts that are empty or skipped', () => {
  const gap = node('concatenation', 3, 6, node('word', 3, 4), node('string', 5, 6));
  assert.is(refusal('ls a b', node('program', 0, 6, command(0, 2, gap))), 'a word with a gap in it');
  const over = node('program', 0, 2, command(0, 2, node('word', 1, 2)));
  assert.is(refusal('ls', over), 'parts that overlap');
  assert.is(refusal('ls', node('program', 0, 2, command(0, 2, node('word', 2, 2)))), 'a part is missing');
  assert.is(refusal('ls', node('program', 0, 2, node('command', 0, 2))), 'a part is missing');
  assert.is(refusal('ls -x', node('program', 0, 5, command(0, 2))), 'text that the parser skipped');
});

test('a tree deeper than any text that compiles', () => {
  let tree = command(0, 2);
  for (let depth = 0; depth < 100; depth++) tree = node('list', 0, 2, tree);
  assert.is(refusal('ls', node('program', 0, 2, tree)), 'nested too deep');
});

test.run();
