import { spawn } from 'node:child_process';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runProgram } from '../../agent/run-program.ts';
import type { Command, Program } from '../../policy/program.ts';

/**
 * What the executor makes of a Program against what bash makes of the line that it was compiled from: exit code, what
 * was said on either stream and in which order, hence which commands ran. The commands are stubs with a behaviour each.
 */
const test = suite('programs as bash runs them');

/** One stub: its argv, and its name is what it says. */
const stub = fc.oneof(
  fc.record({ code: fc.constantFrom(0, 0, 0, 1, 2, 42, 126, 127, 255) }).map(({ code }) => `echo N; exit ${code}`),
  fc.constantFrom('cat; echo N', 'echo N >&2', 'echo N; kill -KILL $$', 'echo N; kill -TERM $$', 'read -r x; echo N'),
);
const command = fc.record({
  script: stub,
  stdout: fc.constantFrom<'keep' | 'discard'>('keep', 'keep', 'discard'),
  stderr: fc.constantFrom<'keep' | 'discard'>('keep', 'keep', 'discard'),
});
const job = fc.record({
  when: fc.constantFrom<'always' | 'and' | 'or'>('always', 'and', 'or'),
  pipe: fc.array(command, { minLength: 1, maxLength: 3 }),
});
const jobs = fc.array(job, { minLength: 1, maxLength: 4 });
type Jobs = typeof jobs extends fc.Arbitrary<infer T> ? T : never;

const SIGNS = { always: ';', and: '&&', or: '||' } as const;

function programOf(made: Jobs): { program: Program; line: string } {
  let number = 0;
  const words: string[] = [];
  const program: Program = {
    version: 1,
    jobs: made.map(({ when, pipe }, i) => {
      if (i > 0) words.push(SIGNS[when]);
      return {
        when: i === 0 ? 'always' : when,
        pipe: pipe.map(({ script, stdout, stderr }, at): Command => {
          const text = script.replace('N', `n${++number}`);
          const last = at === pipe.length - 1;
          // A compiled pipe discards no output in its middle: the next command is where it goes.
          const out = last ? stdout : 'keep';
          if (at > 0) words.push('|');
          words.push(`bash --norc -c '${text}'`);
          if (out === 'discard') words.push('>/dev/null');
          if (stderr === 'discard') words.push('2>/dev/null');
          return { argv: ['bash', '--norc', '-c', text], stdout: out, stderr };
        }),
      };
    }),
  };
  return { program, line: words.join(' ') };
}

function bash(line: string): Promise<{ exit: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn('/bin/bash', ['--norc', '-c', line], { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      said.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      said.stderr += chunk;
    });
    child.on('close', (exit) => resolve({ exit, ...said }));
  });
}

/** Only the stubs' own words: bash also says that one of them was killed. In a pipe they speak at the same time. */
const words = (said: string): string[] => [...said.matchAll(/^n\d+$/gm)].map(([word]) => word).sort();

test('exit codes, conditions and what was said are the same for every generated Program', async () => {
  await fc.assert(
    fc.asyncProperty(jobs, async (made) => {
      const { program, line } = programOf(made);
      const [ours, theirs] = await Promise.all([runProgram(program, 120_000, Date.now), bash(line)]);
      assert.is(ours.exit, theirs.exit, line);
      assert.is(ours.stdout, theirs.stdout, line);
      assert.equal(words(ours.stderr), words(theirs.stderr), line);
      assert.is(ours.state, theirs.exit === 0 ? 'done' : 'failed', line);
    }),
    { numRuns: 40 },
  );
});

test.run();
