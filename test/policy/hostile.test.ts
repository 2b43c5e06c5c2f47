import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadJudge } from '../../policy/policy.ts';
import type { Program } from '../../policy/program.ts';

const test = suite('hostile Programs');
const judge = loadJudge();

const run = (argv: readonly string[], rest: object = {}) =>
  ({ version: 1, jobs: [{ when: 'always', pipe: [{ argv, stdout: 'keep', stderr: 'keep', ...rest }] }] }) as Program;
const decide = (value: unknown) => judge.judge(value as Program, null).decision;

test('an honest one passes', () => {
  assert.is(decide(run(['df', '-h'])), 'allow');
});

test('what no text compiles to is blocked', () => {
  const cycle: { version: number; jobs: unknown[] } = { version: 1, jobs: [] };
  cycle.jobs.push(cycle);
  const throwing = {
    version: 1,
    get jobs(): never {
      throw new Error('gotcha');
    },
  };
  const hostile: unknown[] = [
    null,
    undefined,
    7,
    'df',
    [],
    {},
    { version: 2, jobs: run(['df']).jobs },
    { version: 1, jobs: [] },
    { version: 1, jobs: 'df' },
    { version: 1, jobs: [null] },
    { version: 1, jobs: [{ when: 'and', pipe: run(['df']).jobs[0]?.pipe }] },
    { version: 1, jobs: [{ when: 'always', pipe: [] }] },
    { version: 1, jobs: Array.from({ length: 33 }, () => run(['df']).jobs[0]) },
    cycle,
    throwing,
    new Proxy(run(['df']), {
      get: () => {
        throw new Error('gotcha');
      },
    }),
    run([]),
    run(['']),
    run(['/usr/bin/df']),
    run(['../df']),
    run(['-df']),
    run(['df\0']),
    run(['df', 'a\0b']),
    run(['df', 'a\nb']),
    run(['df', '\u00e9']),
    run(['df', 'x'.repeat(5_000)]),
    run(['df', 7 as unknown as string]),
    run(Array.from({ length: 100_000 }, () => 'df')),
    run(['df'], { stdout: '/etc/passwd' }),
    run(['df'], { stderr: 'file' }),
    {
      version: 1,
      jobs: [
        {
          when: 'always',
          pipe: [...(run(['df'], { stdout: 'discard' }).jobs[0]?.pipe ?? []), ...(run(['wc']).jobs[0]?.pipe ?? [])],
        },
      ],
    },
  ];
  for (const [i, value] of hostile.entries()) assert.is(decide(value), 'block', `hostile ${i}`);
});

test('a Program that was vetted by another policy is blocked', () => {
  assert.is(judge.judge(run(['df']), null, judge.hash).decision, 'allow');
  for (const foreign of ['', 'f'.repeat(64), judge.hash.toUpperCase()]) {
    const verdict = judge.judge(run(['df']), null, foreign);
    assert.equal([verdict.decision, verdict.rule, verdict.program], ['block', 'program.policy', null]);
  }
});

test('a Program that changes while it is read is judged as it was read, and only that comes back', () => {
  let reads = 0;
  const argv = ['df'];
  Object.defineProperty(argv, 0, { get: () => (reads++ === 0 ? 'df' : 'reboot') });
  const verdict = judge.judge(run(argv), null);
  assert.is(verdict.decision, 'allow');
  assert.equal(verdict.program?.jobs[0]?.pipe[0]?.argv, ['df']);
  const endless = new Proxy([] as string[], {
    get: (_, key) => (key === 'length' ? 2 ** 53 : 'df'),
  });
  assert.is(decide(run(endless)), 'block');
});

test('a pipe that holds itself, and a command that is its own argument', () => {
  const pipe: unknown[] = [];
  pipe.push(pipe);
  const self: { argv: unknown[] } & Record<string, unknown> = { argv: [], stdout: 'keep', stderr: 'keep' };
  self.argv.push('df', self);
  for (const one of [pipe, [self], [{ argv: pipe, stdout: 'keep', stderr: 'keep' }]]) {
    assert.is(decide({ version: 1, jobs: [{ when: 'always', pipe: one }] }), 'block');
  }
});

test('argv is never text: what a shell would split stays one word', () => {
  assert.is.not(decide(run(['df', '-h; rm -rf /'])), 'allow');
  assert.is.not(decide(run(['systemctl', 'restart', 'nginx dbus'])), 'allow');
  assert.is.not(decide(run(['systemctl', 'restart', '--', '-H'])), 'allow');
});

test('anything is answered', async () => {
  await fc.assert(
    fc.property(fc.anything(), (value) => decide(value) === 'block'),
    { numRuns: 1_000 },
  );
  const words = fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 });
  await fc.assert(
    fc.property(words, (argv) => decide(run(argv)) !== 'allow' || /^[a-z]/.test(argv[0] ?? '')),
    { numRuns: 1_000 },
  );
});

test.run();
