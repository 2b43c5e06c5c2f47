import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BINDINGS } from '../../tui/bindings.ts';
import { bindingOf, isSent, parseKeys, STANDARD_KEYS } from '../../tui/keymap.ts';
import { KeyParser } from '../../tui/keys.ts';
import { OPENS, VIEWS } from '../../tui/places.ts';

const test = suite('the table of keys');

const refused = (text: string): string => {
  try {
    parseKeys('keys.yaml', text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'nothing was refused';
};
const file = (keys: string) => `version: 1\nkeys:\n${keys}\n`;

test('no key means two things in one place', () => {
  const places = new Set(BINDINGS.flatMap((binding) => binding.places));
  for (const place of places) {
    const taken = new Map<string, string>();
    for (const { command, keys } of BINDINGS.filter((binding) => binding.places.includes(place))) {
      for (const name of keys) {
        assert.ok(
          (taken.get(name) ?? command) === command || place === 'consent' || place === 'approval',
          `${place}: ${name}`,
        );
        taken.set(name, command);
      }
    }
  }
});

test('every view is reached from every list, by its number and through the palette; every opened thing is left', () => {
  for (const [index, { name }] of VIEWS.entries()) {
    for (const place of ['incidents', 'hosts', 'playbooks', 'audit', 'automation', 'incident', 'host'] as const) {
      assert.is(bindingOf(STANDARD_KEYS, place, String(index + 1))?.command, name, `${place} ${name}`);
    }
    assert.ok(BINDINGS.some(({ command, inPalette }) => command === name && inPalette === true));
  }
  for (const place of Object.values(OPENS)) assert.is(bindingOf(STANDARD_KEYS, place, 'escape')?.command, 'back');
});

test('an operator puts commands on other keys: the old ones are free, footer and help say the new ones', () => {
  const keys = parseKeys('keys.yaml', file('  approve: [f2]\n  down: [n, down]\n  up: [p, up]\n  probe: [ctrl-p]'));
  assert.is(bindingOf(keys, 'incidents', 'f2')?.command, 'approve');
  assert.is(bindingOf(keys, 'incidents', 'a'), undefined);
  assert.is(bindingOf(keys, 'incidents', 'n')?.command, 'down');
  assert.is(keys.find(({ command }) => command === 'down')?.shown, 'n p');
  assert.is(keys.find(({ command }) => command === 'approve')?.shown, 'f2');
});

test('a key is taken exactly where the parser can name one so', () => {
  const named = new Set<string>();
  const heard = (bytes: string) => {
    const parser = new KeyParser();
    const keys = [...parser.feed(Buffer.from(bytes, 'latin1')), ...parser.flush()];
    for (const one of keys) if (one.type === 'key' && keys.length === 1) named.add(one.name);
  };
  for (let byte = 0; byte < 128; byte++) {
    for (const before of ['', '\x1b', '\x1bO', '\x1b[', '\x1b[1;2', '\x1b[1;8'])
      heard(before + String.fromCharCode(byte));
  }
  for (let number = 0; number < 40; number++) {
    for (let held = 1; held <= 8; held++) heard(`\x1b[${number};${held}~`);
  }
  for (let held = 2; held <= 8; held++) for (const final of 'ABCDEFHPQS') heard(`\x1b[1;${held}${final}`);
  named.delete('unknown');
  for (const name of named) assert.ok(isSent(name), `the parser names ${name}`);
  for (const name of [
    'ctrl-A',
    'ctrl-1',
    'ctrl-i',
    'ctrl-m',
    'ctrl-h',
    'ctrl-j',
    'shift-a',
    'alt-ctrl-up',
    'shift-space',
    'ctrl-tab',
    'ctrl-backspace',
    'f13',
    'esc',
    'pgdn',
  ]) {
    assert.not.ok(named.has(name), `the parser names no ${name}`);
    assert.match(refused(file(`  down: [j]\n  help: ["${name}"]`)), /keys\.yaml:4: .*no terminal sends/s, name);
  }
});

test('what means the same to everyone stays', () => {
  const keys = parseKeys('keys.yaml', file('  open: [o2]'.replace('o2', 'O')));
  assert.is(bindingOf(keys, 'incidents', 'enter')?.command, 'open');
  assert.is(bindingOf(keys, 'incidents', 'O')?.command, 'open');
});

test('a mistake is refused with its file and line, and the way out', () => {
  assert.match(
    refused(file('  down: [j]\n  aprove: [b]')),
    /keys\.yaml:4: .*there is no command "aprove"; there are .*approve/s,
  );
  assert.match(refused(file('  approve: [enter]')), /keys\.yaml:3: .*mean the same to everyone/s);
  assert.match(refused(file('  approve: [abc]')), /keys\.yaml:3: .*write a key as one letter/s);
  assert.match(refused(file('  approve: [r]')), /keys\.yaml:3: .*r is .*approve.* at once/s);
  assert.match(refused(file('  consent: [y]')), /there is no command "consent"/);
  assert.match(refused(file('  stop: [x]')), /there is no command "stop"/);
  assert.match(refused('version: 2\nkeys: {}\n'), /keys\.yaml:1: .*version: 1/s);
  assert.match(refused('version: 1\nkeys:\n  down: [j\n'), /keys\.yaml:\d+: is not plain YAML/);
});

test.run();
