import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chunkOf, type Key, KeyParser, typed } from '../../tui/keys.ts';

const test = suite('keys');

const bytes = (text: string) => Buffer.from(text, 'latin1');
const names = (text: string | Uint8Array): readonly string[] => {
  const parser = new KeyParser();
  const keys = [...parser.feed(typeof text === 'string' ? bytes(text) : text), ...parser.flush()];
  return keys.map((key) => (key.type === 'paste' ? `paste:${key.text}` : key.name));
};

/** What terminals really send, and what it means. */
const RECORDED: readonly (readonly [sent: string, keys: readonly string[], from: string])[] = [
  ['jjj', ['j', 'j', 'j'], 'key repeat in one read'],
  ['\r', ['enter'], 'all'],
  ['\n', ['enter'], 'a line feed is no other key'],
  ['\x7f', ['backspace'], 'xterm'],
  ['\x08', ['backspace'], 'PuTTY, by option'],
  ['\x03', ['ctrl-c'], 'all'],
  ['\x1b', ['escape'], 'all'],
  ['\x1b\x1b', ['escape', 'escape'], 'all'],
  ['\x1bj', ['alt-j'], 'xterm'],
  ['\x1b\r', ['alt-enter'], 'xterm'],
  ['\x1b[A\x1b[B\x1b[C\x1b[D', ['up', 'down', 'right', 'left'], 'xterm'],
  ['\x1bOA\x1bOB', ['up', 'down'], 'xterm in application mode'],
  ['\x1b[1;5A', ['ctrl-up'], 'xterm'],
  ['\x1b[1;2B', ['shift-down'], 'xterm'],
  ['\x1b[5~\x1b[6~', ['page-up', 'page-down'], 'xterm'],
  ['\x1b[1~\x1b[4~', ['home', 'end'], 'tmux, screen, PuTTY'],
  ['\x1b[7~\x1b[8~', ['home', 'end'], 'rxvt'],
  ['\x1b[H\x1b[F', ['home', 'end'], 'xterm'],
  ['\x1bOP\x1b[11~\x1b[[A', ['f1', 'f1', 'f1'], 'xterm, PuTTY, the Linux console'],
  ['\x1b[Z', ['shift-tab'], 'xterm'],
  ['\x1b[200~y\ry\x1b[201~', ['paste:y\ry'], 'bracketed paste'],
  ['\x1b[200~\x1b[A\x1b[201~k', ['paste:\x1b[A', 'k'], 'keys inside a paste are text'],
  ['\x1b[I\x1b[Oy', ['y'], 'focus reports'],
  ['\x1b[<0;10;5My', ['y'], 'SGR mouse'],
  ['\x1b[M !!y', ['y'], 'X10 mouse'],
  ['\x1b]11;rgb:0000/0000/0000\x1b\\y', ['y'], "an answer to someone else's OSC 11, ended by ST"],
  ['\x1b]11;rgb:0000/0000/0000\x07y', ['y'], 'the same, ended by BEL'],
  ['\x1b[?62;22cy', ['y'], 'device attributes'],
  ['\x1b[24;80Ry', ['y'], 'cursor position'],
];

for (const [sent, want, from] of RECORDED) {
  test(`${JSON.stringify(sent)} (${from})`, () => assert.equal(names(sent), want));
}

test('UTF-8 characters are one key each; broken ones one replacement', () => {
  assert.equal(names(Buffer.from('é世😀', 'utf8')), ['é', '世', '😀']);
  assert.equal(names(Uint8Array.from([0xff, 0x6a])), ['\ufffd', 'j']);
  assert.equal(names(Uint8Array.from([0xe4, 0xb8, 0x6a])), ['\ufffd', 'j']);
  assert.equal(names(Uint8Array.from([0xc2, 0x9b])), ['\ufffd'], 'a C1 control is not a character');
});

const piece = fc.oneof(
  fc.constantFrom(...RECORDED.map(([sent]) => bytes(sent))),
  fc.uint8Array({ maxLength: 8 }).map((array) => Buffer.from(array)),
  fc.string({ unit: 'grapheme', maxLength: 4 }).map((text) => Buffer.from(text, 'utf8')),
);
const stream = fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.concat(pieces));

test('any split of the bytes gives the same keys', () => {
  void fc.assert(
    fc.property(stream, fc.array(fc.nat(64), { maxLength: 24 }), (all, cuts) => {
      const whole = new KeyParser();
      const want = [...whole.feed(all), ...whole.flush()];
      const parser = new KeyParser();
      const got: Key[] = [];
      let at = 0;
      for (const cut of cuts) {
        got.push(...parser.feed(all.subarray(at, at + cut)));
        at += cut;
      }
      got.push(...parser.feed(all.subarray(at)), ...parser.flush());
      assert.equal(got, want);
    }),
    { numRuns: 500 },
  );
});

test('whatever came before, a flush ends it and the next key is read', () => {
  void fc.assert(
    fc.property(stream, (noise) => {
      const parser = new KeyParser();
      parser.feed(noise);
      parser.flush();
      assert.is(parser.pending, 'nothing');
      assert.equal(parser.feed(bytes('j')), [{ type: 'key', name: 'j' }]);
    }),
  );
});

test('a paste without an end, however long, keeps a bounded part and finds a late end', () => {
  const parser = new KeyParser();
  parser.feed(bytes('\x1b[200~'));
  for (let i = 0; i < 30; i++) parser.feed(Buffer.alloc(4_096, 0x61));
  const [paste] = parser.feed(bytes('\x1b[201~'));
  assert.is(paste?.type, 'paste');
  assert.ok(paste?.type === 'paste' && paste.text.length <= 66_000);
});

test('a key with a begun sequence behind it is not a chunk of one key', () => {
  assert.is(chunkOf(new KeyParser(), bytes('y')).length, 1);
  assert.is(chunkOf(new KeyParser(), bytes('y\x1b')).length, 2);
  assert.is(chunkOf(new KeyParser(), bytes('\x1b')).length, 0);
});

test('only characters type', () => {
  assert.is(typed({ type: 'key', name: 'space' }), ' ');
  assert.is(typed({ type: 'key', name: 'é' }), 'é');
  assert.is(typed({ type: 'key', name: 'enter' }), undefined);
  assert.is(typed({ type: 'paste', text: 'a' }), undefined);
});

test.run();
