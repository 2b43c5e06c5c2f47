import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRules } from '../../policy/load-rules.ts';
import { sudoersEntries } from '../../policy/sudoers.ts';
import { rulesOf } from './made-rules.ts';

const test = suite('sudoers');
const { rules } = loadRules();
const nothing = { mounts: [], containers: [], hosts: [], folders: [], processes: [] };

const entries = (units: readonly string[] | null, more: Partial<typeof rules> = {}) =>
  sudoersEntries(
    { ...rules, ...more },
    {
      user: 'exec',
      inventory: units === null ? null : { ...nothing, units },
      locate: (name) => (name === 'nft' ? null : `/usr/bin/${name}`),
    },
  );
const expressions = (lines: readonly string[], command: string) =>
  lines.flatMap((line) => {
    const found = new RegExp(`^exec ALL=\\(root\\) NOPASSWD(?::NOEXEC)?: /usr/bin/${command} (\\^.*\\$)$`).exec(
      line,
    )?.[1];
    return found === undefined ? [] : [new RegExp(found)];
  });
const passes = (lines: readonly string[], command: string, args: string) =>
  expressions(lines, command).some((pattern) => pattern.test(args));

test('every entry is an absolute path with an anchored expression, and no glob', () => {
  for (const line of entries(['nginx.service'])) {
    if (line.startsWith('#') || line.startsWith('Defaults')) continue;
    assert.match(line, /^exec ALL=\(root\) NOPASSWD(?::NOEXEC)?: \/usr\/bin\/[A-Za-z0-9._+-]+ (?:\^[^"]*\$|"")$/);
  }
});

test('only the units that are named, and are free to restart', () => {
  const lines = entries([
    'nginx.service',
    'x-y@1.service',
    'a.timer',
    'ssh.service',
    'sentinel-hub.service',
    'b.mount',
  ]);
  for (const args of [
    'restart nginx.service',
    'restart nginx',
    'restart nginx x-y@1.service',
    'restart a.timer',
    'restart --no-block nginx',
  ]) {
    assert.ok(passes(lines, 'systemctl', args), args);
  }
  const not = [
    ...[
      'restart',
      'restart ssh',
      'restart ssh.service',
      'restart sentinel-hub',
      'restart b.mount',
      'restart nginxxservice',
    ],
    ...[
      'restart nginx --host=x',
      'stop nginx',
      'restart nginx*',
      'restart  nginx',
      'restart nginx;id',
      'xrestart nginx',
    ],
  ];
  for (const args of not) assert.not(passes(lines, 'systemctl', args), args);
  assert.is(expressions(entries(null), 'systemctl').length, 0);
  assert.ok(entries(null).includes('# systemctl restart: its arguments cannot be named exactly, so it is left out'));
});

test('what a site forbids is not given', () => {
  const tighten = [
    { id: 'x', match: ['systemctl', 'restart'], operand: /^nginx$/, decision: 'review' as const, reason: '' },
    { id: 'y', match: ['systemctl', 'restart', 'b'], operand: null, decision: 'block' as const, reason: '' },
    { id: 'z', match: ['docker'], operand: null, decision: 'block' as const, reason: '' },
  ];
  const lines = entries(['nginx.service', 'a.service', 'b.service'], { tighten });
  assert.not(passes(lines, 'systemctl', 'restart nginx'));
  assert.not(passes(lines, 'systemctl', 'restart b'));
  assert.ok(passes(lines, 'systemctl', 'restart a'));
});

test('what reads has its flags and values, starts no pager, and loses no evidence', () => {
  const lines = entries([]);
  for (const args of ['-T', '-T --level=err,warn', '-l err -T', '--level err'])
    assert.ok(passes(lines, 'dmesg', args), args);
  for (const args of ['-C', '--clear', '-T -C', '-w', '-F /etc/shadow', '--since 1'])
    assert.not(passes(lines, 'dmesg', args), args);
  assert.ok(lines.includes('exec ALL=(root) NOPASSWD:NOEXEC: /usr/bin/dmesg ""'));
  assert.ok(passes(lines, 'smartctl', '-H /dev/sda'));
  assert.not(passes(lines, 'smartctl', '-H /dev/../etc/shadow'));
  assert.ok(lines.includes('# nft: not on this host'));
});

test('sudoers says every kind that it can name exactly, and leaves out the rest', () => {
  const rules = rulesOf(`  a: { root: true, operands: [pid, port, interface, device, word] }
  b: { root: true, operands: "enum(x.y|z)" }
  c: { root: true, operands: text }
  d: { root: true, operands: "match((?!a)b)" }
  e: { root: true, requires: [-r], flags: { -r: , -s: text } }
  f: { root: true, requires: [-r], flags: { -r: text } }
  g: { root: true, sub: { h: , i: "integer" } }
  j: { root: true, effect: change }
  k: { root: true, operands: unit* }
  n: { root: true, operands: "enum(a^b|c)" }
  o: { root: true, flags: { -a: , -s: { with: -a } } }
  l: { root: true, operands: unit? , effect: restart }
  m: { root: true, operands: enum(x)? }
`);
  const inventory = {
    mounts: [],
    containers: [],
    hosts: [],
    folders: [],
    processes: [],
    units: ['a.service', 'b.timer', 'x y.service'],
  };
  const lines = sudoersEntries(rules, { user: 'u', inventory, locate: (name) => `/bin/${name}` });
  const entry = (name: string) =>
    lines.filter((line) => line.includes(`/bin/${name} `)).map((line) => line.replace(/^.*?\/bin\/\S+ /, ''));
  assert.equal(entry('b'), ['^(x[.]y|z)( (x[.]y|z)){0,16}$']);
  for (const name of ['c', 'd', 'f', 'j']) assert.equal(entry(name), [], name);
  assert.equal(entry('n'), ['^(a\\^b|c)( (a\\^b|c)){0,16}$']);
  assert.equal(entry('o'), ['""', '^(-a)( (-a)){0,16}$'], 'a flag that needs another beside it is left out');
  // A kind that says nothing of its form could be anything.
  const bare = rulesOf('  p: { root: true, operands: match(x) }\n');
  const loose = new Map(
    [...bare.commands].map(([name, schema]) => [
      name,
      { ...schema, operands: schema.operands.map((rule) => ({ ...rule, pattern: null })) },
    ]),
  );
  const left = sudoersEntries({ ...bare, commands: loose }, { user: 'u', inventory, locate: (name) => `/bin/${name}` });
  assert.not.ok(left.some((line) => line.includes('/bin/p ')));
  assert.equal(entry('e'), ['^(-r)( (-r)){0,16}$']);
  assert.equal(entry('g'), ['^h$', '^i( ([0-9]{1,9})){1,16}$']);
  assert.is(entry('a').length, 1);
  assert.is(entry('l').length, 2);
  assert.is(entry('m')[0], '""');
});

test.run();
