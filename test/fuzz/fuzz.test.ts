import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Program } from '../../policy/program.ts';
import { BashOracle } from './bash-oracle.ts';
import { campaign } from './campaign.ts';

const test = suite('real bash runs exactly the Program');

const program = (...jobs: [Program['jobs'][number]['when'], ...string[][]][]): Program => ({
  version: 1,
  jobs: jobs.map(([when, ...pipe]) => ({ when, pipe: pipe.map((argv) => ({ argv, stdout: 'keep', stderr: 'keep' })) })),
});

for (const stubs of ['programs', 'functions'] as const) {
  test(`the oracle sees arguments, order, conditions and outputs, with stubs as ${stubs}`, async () => {
    const oracle = new BashOracle(['ls', 'echo', 'true', 'wc'], stubs);
    const right = [
      { text: `ls 'a b' "" -l`, program: program(['always', ['ls', 'a b', '', '-l']]) },
      { text: 'echo ab && ls; wc', program: program(['always', ['echo', 'ab']], ['and', ['ls']], ['always', ['wc']]) },
      { text: 'echo a || ls | wc', program: program(['always', ['echo', 'a']], ['or', ['ls'], ['wc']]) },
      { text: 'echo a && ls', program: program(['always', ['echo', 'a']], ['and', ['ls']]) },
    ];
    assert.equal(await oracle.compare(right), []);
    const wrong = [
      { text: 'ls a b', program: program(['always', ['ls', 'a b']]) },
      { text: 'ls', program: program(['always', ['ls']], ['always', ['wc']]) },
      { text: 'ls; wc', program: program(['always', ['ls']]) },
      { text: 'echo a || ls', program: program(['always', ['echo', 'a']], ['and', ['ls']]) },
      { text: 'wc; ls', program: program(['always', ['ls']], ['always', ['wc']]) },
      { text: 'ls 2>/dev/null', program: program(['always', ['ls']]) },
      { text: 'ls >&2', program: program(['always', ['ls']]) },
      { text: 'ls (', program: program(['always', ['ls']]) },
    ];
    assert.is((await oracle.compare(wrong)).length, wrong.length);
    oracle.close();
  });
}

test('on generated commands and on commands with a trick in them', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
  console.log(`seed ${seed}`);
  for (const [stubs, count] of [
    ['programs', 1_000],
    ['functions', 6_000],
  ] as const) {
    const found = await campaign({ seed, count, stubs, batch: 250 });
    assert.equal(found.differences, [], `seed ${seed}`);
    assert.ok(found.compared >= count && found.mutantsAllowed > count / 100, JSON.stringify(found));
  }
});

test.run();
