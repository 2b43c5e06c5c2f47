import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUILT_FILE, buildPlaybooks } from '../../hub/playbook/built.ts';
import { fillCommand, PLACEHOLDER_NAMES, placeholdersOf, SAMPLES } from '../../hub/playbook/placeholders.ts';
import { type LoadOptions, loadPlaybooks } from '../../hub/playbook/playbook.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { index, SIGNALS } from './evidence-fixtures.ts';

const GOOD = `version: 1
id: sample
title: A sample
class: sample-trouble
match:
  signals:
    - host.cpu
  description: words that describe it
pre_checks:
  - uptime
steps:
  - run: renice -n 10 -p {culprit.pid}
    why: It gives way.
    rollback: renice -n 0 -p {culprit.pid}
verify:
  within: 90s
  post_checks:
    - uptime
idempotent: true
concurrency: host
max_wait: 2m
`;

const loader = suite<{ dir: string }>('loading playbooks');
loader.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'playbooks-'));
});
loader.after.each(({ dir }) => rmSync(dir, { recursive: true }));

const allowAll: LoadOptions['vet'] = () => 'allow';
const put = (dir: string, name: string, text: string) => writeFileSync(join(dir, name), text);
const alone = (dir: string, vet = allowAll) => loadPlaybooks({ builtInDir: dir, vet });

loader('reads every field, durations in milliseconds', ({ dir }) => {
  put(dir, 'sample.yaml', GOOD);
  const { playbooks, errors } = alone(dir);
  assert.equal(errors, []);
  assert.equal(playbooks, [
    {
      version: 1,
      id: 'sample',
      title: 'A sample',
      class: 'sample-trouble',
      match: { signals: ['host.cpu'], description: 'words that describe it', mentions: [] },
      cause: '',
      pre_checks: ['uptime'],
      steps: [
        {
          run: 'renice -n 10 -p {culprit.pid}',
          why: 'It gives way.',
          rollback: 'renice -n 0 -p {culprit.pid}',
        },
      ],
      verify: { within_ms: 90_000, post_checks: ['uptime'] },
      idempotent: true,
      concurrency: 'host',
      max_wait_ms: 120_000,
      needs_human: false,
      source: join(dir, 'sample.yaml'),
    },
  ]);
});

/** Each mistake: what is replaced in the good file, by what, the line that must be named, and a word of the fix. */
const MISTAKES: readonly (readonly [what: string, from: string, to: string, line: number, says: RegExp])[] = [
  ['bad YAML', 'title: A sample', 'title: "A sample', 3, /not valid YAML.*Fix: check indentation/s],
  ['a repeated key', 'class: sample-trouble', 'id: again', 4, /not valid YAML/],
  ['an unknown key', 'max_wait: 2m', 'maxwait: 2m', 21, /unknown key "maxwait".*use one of .*max_wait/],
  ['an unknown key in a step', 'why: It', 'because: It', 13, /unknown key "because" in a step/],
  ['a missing key', 'idempotent: true\n', '', 1, /has no "idempotent".*add "idempotent/],
  ['a missing rollback', '    rollback: renice -n 0 -p {culprit.pid}\n', '', 12, /a step has no "rollback"/],
  [
    'an unknown placeholder',
    '-p {culprit.pid}\n    why',
    '-p {victim.pid}\n    why',
    12,
    /\{victim\.pid\}.*\{culprit\.pid\}/,
  ],
  ['a stray brace', '-p {culprit.pid}\n    why', '-p }\n    why', 12, /unknown placeholder \}/],
  ['another version', 'version: 1', 'version: 2', 1, /version is not 1/],
  ['a bad id', 'id: sample', 'id: Sample Nr 1', 2, /"Sample Nr 1" is not a name/],
  ['a bad signal', '- host.cpu', '- host cpu!', 7, /a signal "host cpu!" is not a name/],
  ['no signal', '\n    - host.cpu', ' []', 6, /match\.signals is empty/],
  ['a bad duration', 'within: 90s', 'within: soon', 16, /verify\.within is not a duration.*"60s"/],
  ['a duration without end', 'within: 90s', 'within: 9999h', 16, /at most 1h/],
  ['a flag that is no flag', 'idempotent: true', 'idempotent: maybe', 19, /idempotent is not true or false/],
  ['another concurrency', 'concurrency: host', 'concurrency: site', 20, /concurrency is unknown/],
  ['a number for a command', '  - uptime\nsteps', '  - 42\nsteps', 10, /is not a text/],
  ['a command of two lines', 'run: renice -n 10 -p {culprit.pid}', 'run: "uptime\\nreboot"', 12, /line break/],
  ['steps that are no list', 'idempotent: true', 'idempotent: [true]', 19, /idempotent is not true or false/],
  ['an alias', 'title: A sample', 'title: &t A sample\nneeds_human: *t', 4, /alias/],
  ['a list at the top', GOOD, '- uptime\n', 1, /the playbook is not a map/],
  ['an empty file', GOOD, '', 1, /the playbook is not a map/],
  ['a file that is too large', GOOD, `# ${'x'.repeat(70_000)}\n${GOOD}`, 1, /larger than 64 kB/],
];

for (const [what, from, to, line, says] of MISTAKES) {
  loader(`names file, line and fix of ${what}`, ({ dir }) => {
    assert.ok(GOOD.includes(from), 'the mistake must change the file');
    put(dir, 'broken.yaml', GOOD.replace(from, to));
    put(dir, 'good.yaml', GOOD.replace('id: sample', 'id: good'));
    const { playbooks, errors } = alone(dir);
    assert.equal(
      playbooks.map(({ id }) => id),
      ['good'],
      'the others load',
    );
    assert.is(errors.length, 1);
    const [error] = errors;
    assert.is(error?.code, 'E_PLAYBOOK');
    assert.is(error?.file, join(dir, 'broken.yaml'));
    assert.is(error?.line, line, error?.message);
    assert.match(error?.message ?? '', says);
    assert.match(error?.message ?? '', `${join(dir, 'broken.yaml')}:${line}: `);
    assert.ok((error?.fix ?? '').length > 4);
  });
}

loader('leaves out a playbook with a command that the policy blocks, wherever it stands', ({ dir }) => {
  const places: readonly (readonly [string, string, number])[] = [
    ['  - uptime\nsteps', '  - mkfs {mount}\nsteps', 10],
    ['run: renice -n 10 -p {culprit.pid}', 'run: mkfs {mount}', 12],
    ['rollback: renice -n 0 -p {culprit.pid}', 'rollback: mkfs {mount}', 14],
    ['    - uptime\nidempotent', '    - mkfs {mount}\nidempotent', 18],
  ];
  for (const [from, to, line] of places) {
    put(dir, 'blocked.yaml', GOOD.replace(from, to));
    const asked: string[] = [];
    const { playbooks, errors } = alone(dir, (command) => {
      asked.push(command);
      return command.startsWith('mkfs') ? 'block' : 'review';
    });
    assert.equal(playbooks, []);
    assert.is(errors[0]?.line, line);
    assert.match(errors[0]?.message ?? '', `the policy blocks "mkfs ${SAMPLES.mount}"`);
    assert.ok(asked.every((command) => !/[{}]/.test(command)));
  }
});

loader('refuses the second of two files with one id', ({ dir }) => {
  put(dir, 'a.yaml', GOOD);
  put(dir, 'b.yaml', GOOD);
  const { playbooks, errors } = alone(dir);
  assert.is(playbooks[0]?.source, join(dir, 'a.yaml'));
  assert.is(playbooks.length, 1);
  assert.match(errors[0]?.message ?? '', /b\.yaml:1: id "sample" is already taken by .*a\.yaml/);
});

loader('lets a site add and replace, and keeps the built-in where the replacement is broken', ({ dir }) => {
  const user = join(dir, 'user');
  mkdirSync(user);
  put(dir, 'a.yaml', GOOD);
  put(dir, 'b.yaml', GOOD.replace('id: sample', 'id: other'));
  put(user, 'a.yaml', GOOD.replace('A sample', 'Ours'));
  put(user, 'b.yaml', GOOD.replace('id: sample', 'id: other').replace('version: 1', 'version: one'));
  put(user, 'c.yml', GOOD.replace('id: sample', 'id: third'));
  put(user, 'notes.txt', 'not a playbook');
  symlinkSync('/etc/hostname', join(user, 'link.yaml'));
  const { playbooks, errors } = loadPlaybooks({ builtInDir: dir, userDir: user, vet: allowAll });
  assert.equal(
    playbooks.map(({ id, title }) => `${id}: ${title}`),
    ['other: A sample', 'sample: Ours', 'third: A sample'],
  );
  assert.equal(
    errors.map(({ file }) => file),
    [join(user, 'b.yaml')],
  );
});

loader('reports a folder that is not there, and loads the rest', ({ dir }) => {
  put(dir, 'a.yaml', GOOD);
  const { playbooks, errors } = loadPlaybooks({ builtInDir: dir, userDir: join(dir, 'missing'), vet: allowAll });
  assert.is(playbooks.length, 1);
  assert.is(errors[0]?.code, 'E_PLAYBOOK');
  assert.match(errors[0]?.message ?? '', /missing: can't be read/);
});

loader('takes what a build read and vetted by the same rules; reads and vets all else anew', ({ dir }) => {
  put(dir, 'a.yaml', GOOD);
  put(dir, 'b.yaml', GOOD.replace('id: sample', 'id: other'));
  writeFileSync(join(dir, BUILT_FILE), JSON.stringify(buildPlaybooks(dir, 'rules-1', allowAll)));
  const vetted: string[] = [];
  const load = (asBuilt: string | null, vet: LoadOptions['vet'] = allowAll) =>
    loadPlaybooks({
      builtInDir: dir,
      asBuilt,
      vet: (command) => {
        vetted.push(command);
        return vet(command);
      },
    });
  const read = alone(dir);
  assert.equal(load('rules-1'), read);
  assert.equal(vetted, []);
  assert.is(load('rules-2', () => 'block').errors.length, 2);
  assert.is(load(null, () => 'block').errors.length, 2);
  put(dir, 'b.yaml', GOOD.replace('id: sample', 'id: another'));
  vetted.length = 0;
  assert.equal(
    load('rules-1').playbooks.map(({ id }) => id),
    ['another', 'sample'],
  );
  assert.is(vetted.length, 4);
});

loader('a site’s own folder can claim to be built: it is read and vetted all the same', ({ dir }) => {
  const [builtInDir, userDir] = [join(dir, 'none'), join(dir, 'own')];
  for (const folder of [builtInDir, userDir]) mkdirSync(folder);
  put(userDir, 'a.yaml', GOOD);
  for (const policy of ['rules-1', null]) {
    const claimed = { ...buildPlaybooks(userDir, '', allowAll), policy };
    writeFileSync(join(userDir, BUILT_FILE), JSON.stringify(claimed));
    const { errors } = loadPlaybooks({ builtInDir, userDir, asBuilt: 'rules-1', vet: () => 'block' });
    assert.match(errors[0]?.message ?? '', /the policy blocks/);
  }
});

loader('a build is refused for a playbook that the policy blocks', ({ dir }) => {
  put(dir, 'a.yaml', GOOD);
  assert.throws(() => buildPlaybooks(dir, 'rules-1', () => 'block'), /the policy blocks/);
});

loader('survives any bytes', ({ dir }) => {
  void fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 400 }), fc.uint8Array({ maxLength: 400 })), (bytes) => {
      writeFileSync(join(dir, 'any.yaml'), bytes);
      const { playbooks, errors } = alone(dir);
      assert.is(playbooks.length + errors.length, 1);
    }),
    { numRuns: 150 },
  );
});

loader('survives a good file with one line lost or doubled', ({ dir }) => {
  const lines = GOOD.split('\n');
  for (let i = 0; i < lines.length - 1; i++) {
    for (const times of [0, 2]) {
      put(dir, 'any.yaml', lines.flatMap((line, n) => (n === i ? Array(times).fill(line) : [line])).join('\n'));
      const { playbooks, errors } = alone(dir);
      assert.is(playbooks.length + errors.length, 1);
      for (const error of errors) assert.ok(error.line >= 1, error.message);
    }
  }
});
loader.run();

const shipped = suite('built-in playbooks');

shipped('all load and cover every signal of the agent', () => {
  const { playbooks, errors } = loadPlaybooks({ vet: allowAll });
  assert.equal(errors, []);
  assert.ok(playbooks.length >= 9);
  for (const signal of Object.keys(SIGNALS)) {
    assert.ok(
      playbooks.some((one) => one.match.signals.includes(signal)),
      signal,
    );
  }
});

shipped('a playbook that only looks says that a person is needed, and no other does', async () => {
  const policy = await loadPolicy();
  const reads = (command: string) => policy.check(fillCommand(command, SAMPLES) ?? '', null).effect === 'read';
  for (const one of loadPlaybooks({ vet: allowAll }).playbooks) {
    const looks = one.steps.every(({ run }) => reads(run));
    assert.is(one.needs_human, looks, one.id);
    for (const check of [...one.pre_checks, ...one.verify.post_checks]) assert.ok(reads(check), `${one.id}: ${check}`);
    for (const { why } of one.steps) assert.match(why, /^[A-Z].*\.$/);
    assert.ok(index.get(one.id));
  }
});
shipped('the real policy loads them all, and lets every check run without consent', async () => {
  const policy = await loadPolicy();
  const decide = (command: string) => policy.check(command, null).decision;
  const { playbooks, errors } = loadPlaybooks({ vet: decide });
  assert.equal(errors, []);
  for (const one of playbooks) {
    const looks = one.needs_human ? one.steps.map(({ run }) => run) : [];
    for (const command of [...one.pre_checks, ...one.verify.post_checks, ...looks]) {
      assert.is(decide(fillCommand(command, SAMPLES) ?? ''), 'allow', `${one.id}: ${command}`);
    }
  }
});

shipped('the real policy keeps a destructive playbook out', async () => {
  const policy = await loadPolicy();
  const dir = mkdtempSync(join(tmpdir(), 'playbooks-'));
  try {
    put(dir, 'wipe.yaml', GOOD.replace('run: renice -n 10 -p {culprit.pid}', 'run: rm -rf /'));
    const { playbooks, errors } = alone(dir, (command) => policy.check(command, null).decision);
    assert.equal(playbooks, []);
    assert.is(errors[0]?.line, 12);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
shipped.run();

const placeholders = suite('placeholders');

placeholders('are a closed set with a safe sample each', () => {
  for (const name of PLACEHOLDER_NAMES) {
    assert.equal(placeholdersOf(`x {${name}} y {${name}}`).known, [name]);
    assert.is(fillCommand(`x {${name}}`, SAMPLES), `x ${SAMPLES[name]}`);
  }
  assert.is(placeholdersOf('kill {pid}').wrong, '{pid}');
  assert.is(placeholdersOf('x {constructor}').wrong, '{constructor}');
  assert.is(fillCommand('x {mount}', {}), null);
});

placeholders('never let a character through that could bend a command', () => {
  const hostile = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom(
      '/a b',
      '/a;reboot',
      '/$(x)',
      '/a/../etc',
      '-rf',
      '/-rf',
      '4242 1',
      '1',
      '2',
      '0',
      '/a\nb',
      '/`x`',
      '//',
      '/a/',
      '/a*',
    ),
    fc.string({ maxLength: 20 }).map((text) => `/${text}`),
  );
  void fc.assert(
    fc.property(fc.constantFrom(...PLACEHOLDER_NAMES), hostile, (name, value) => {
      const filled = fillCommand(`x {${name}} y`, { [name]: value });
      if (filled === null) return;
      assert.match(filled, /^x [A-Za-z0-9/_.:@+-]+ y$/);
      assert.not.match(filled, /^x -| x \.\.|\/\.\.?(?:\/| )|\/-|\/\//);
    }),
    { numRuns: 2_000 },
  );
});
placeholders.run();
