import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CatalogueError,
  fillTemplate,
  fitsSlot,
  loadCatalogue,
  parseCatalogue,
  SLOT_KINDS,
} from '../../grammars/catalogue.ts';

const GOOD = `version: 1
classes: [disk-full, unknown]
commands:
  - id: mount-usage
    classes: [any]
    template: df -h {mount}
    explanation: Shows how full it is.
    rollback: null
    verdict: allow
`;

const shipped = suite('the shipped catalogue');

shipped('loads, and every class has a command that only looks', () => {
  const { classes, commands } = loadCatalogue();
  assert.ok(commands.length >= 20);
  for (const name of classes) {
    assert.ok(
      commands.some((command) => command.classes.includes(name) && command.verdict === 'allow'),
      name,
    );
  }
});

shipped('declares as allowed nothing that ends or removes', () => {
  for (const { id, template, verdict } of loadCatalogue().commands) {
    if (/\b(?:kill|stop|delete|renice)\b/.test(template)) assert.is(verdict, 'review', id);
  }
});

shipped('reads the blanks of a template from its text', () => {
  const { commands } = loadCatalogue();
  const stop = commands.find((command) => command.id === 'unit-stop');
  assert.equal(stop?.slots, ['unit']);
  assert.is(stop?.rollback, 'systemctl start {unit}');
});

const broken = suite('a broken catalogue');

broken('is refused with its file and line', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['version: 1', 'version: 2', 1],
    ['version: 1', 'version: 1\nversion: 1', 2],
    ['version: 1', 'version: 1\nshell: true', 1],
    ['[disk-full, unknown]', '[unknown, disk-full]', 1],
    ['[disk-full, unknown]', '[disk-full, disk-full, unknown]', 1],
    ['[disk-full, unknown]', '["a b", unknown]', 1],
    ['id: mount-usage', 'id: "a\\" | b"', 4],
    ['[any]', '[meltdown]', 4],
    ['[any]', '[]', 5],
    ['{mount}', '{path}', 4],
    ['{mount}', '{mount} {mount}', 4],
    ['{mount}', '{mount}; reboot', 4],
    ['{mount}', '$(reboot)', 4],
    ['{mount}', '{mount} | sh', 4],
    ['rollback: null', 'rollback: kill {pid}', 4],
    ['full it is.', 'full it "is".', 4],
    ['verdict: allow', 'verdict: block', 4],
    ['    verdict: allow\n', '', 4],
    ['commands:', 'commands: [', 0],
    ['template: df', 'template: *a', 0],
  ];
  assert.is(parseCatalogue(GOOD, 'x.yaml').commands.length, 1);
  for (const [from, to, line] of cases) {
    const text = GOOD.replace(from, to);
    assert.throws(
      () => parseCatalogue(text, 'x.yaml'),
      (error: unknown) =>
        error instanceof CatalogueError &&
        error.code === 'E_CATALOGUE' &&
        (line === 0 ? /^x\.yaml:\d+: / : new RegExp(`^x\\.yaml:${line}: `)).test(error.message),
      `${from} -> ${to}`,
    );
  }
  assert.throws(() => parseCatalogue(`${GOOD}${GOOD.slice(GOOD.indexOf('  - id'))}`, 'x.yaml'), /twice/);
});

broken('of any bytes ends in its code', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      assert.throws(
        () => parseCatalogue(text, 'x.yaml'),
        (error: unknown) => error instanceof CatalogueError,
      );
    }),
  );
});

const names = suite('a name in a blank');

names('fits only in its kind and its characters', () => {
  const fit: readonly (readonly [(typeof SLOT_KINDS)[number], string, boolean])[] = [
    ['pid', '4242', true],
    ['pid', '1', false],
    ['pid', '2', false],
    ['pid', '-1', false],
    ['pid', '04', false],
    ['pid', '4 2', false],
    ['unit', 'nginx.service', true],
    ['unit', 'getty@tty1.service', true],
    ['unit', '-x.service', false],
    ['unit', 'nginx', false],
    ['unit', 'a b.service', false],
    ['unit', 'a;b.service', false],
    ['mount', '/', true],
    ['mount', '/var/lib/data', true],
    ['mount', '/srv/.hidden', true],
    ['mount', '/srv/../etc', false],
    ['mount', '/srv/-x', false],
    ['mount', 'var', false],
    ['mount', '/var/', false],
    ['folder', '/a b', false],
    ['folder', '/a\n', false],
    ['folder', '/é', false],
    ['folder', `/${'a'.repeat(600)}`, false],
    ['container', 'web-1', true],
    ['container', '-web', false],
  ];
  for (const [kind, value, expected] of fit) assert.is(fitsSlot(kind, value), expected, `${kind} ${value}`);
});

names('never changes the words around it', () => {
  const { commands } = loadCatalogue();
  fc.assert(
    fc.property(fc.constantFrom(...commands), fc.string({ maxLength: 40 }), (command, value) => {
      const all = Object.fromEntries(SLOT_KINDS.map((kind) => [kind, value]));
      try {
        const filled = fillTemplate(command.template, all);
        assert.is(filled.split(' ').length, command.template.split(' ').length);
        assert.is(
          filled.replace(/[^"'`$&|;<>(){}\\\n]/g, ''),
          command.template.replace(/\{[a-z]+\}|[^"'`$&|;<>(){}\\\n]/g, ''),
        );
      } catch (error) {
        assert.ok(error instanceof CatalogueError && error.code === 'E_CATALOGUE_NAME', String(error));
      }
    }),
    { numRuns: 500 },
  );
  assert.is(fillTemplate('kill -TERM {pid}', { pid: '4242' }), 'kill -TERM 4242');
  assert.throws(() => fillTemplate('kill -TERM {pid}', {}), /no fit name/);
});

shipped.run();
broken.run();
names.run();
