import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BINDINGS } from '../../tui/bindings.ts';
import { bindingOf, parseKeys, STANDARD_KEYS } from '../../tui/keymap.ts';
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
        assert.ok((taken.get(name) ?? command) === command || place === 'consent', `${place}: ${name}`);
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
