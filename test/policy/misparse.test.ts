import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPolicy } from '../../policy/policy.ts';

const test = suite('misparses of tree-sitter-bash');
const policy = await loadPolicy();

interface Row {
  readonly src: string;
  readonly bash_ran: readonly string[];
}
const rows = readFileSync(new URL('../../../fixtures/policy/misparse.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): Row => JSON.parse(line));

/** How the recording stubs of the fixture print one run; only words that need no quoting occur in allowed rows. */
const printed = (argv: readonly string[]) => ['RUN', argv[0], ...argv.slice(1).map((word) => `[${word}]`)].join(' ');

test('no row is allowed, unless the Program runs exactly what bash ran', () => {
  assert.ok(rows.length >= 270);
  for (const { src, bash_ran } of rows) {
    const verdict = policy.check(src, null);
    if (verdict.decision !== 'allow') continue;
    const runs = verdict.program?.jobs.flatMap((job) => job.pipe.map(({ argv }) => printed(argv)));
    assert.equal(runs, bash_ran, src);
  }
});

test('each trick, put into an allowed command, is no longer allowed', () => {
  const tricks = [
    '`id`',
    '$(id)',
    '$x',
    ['$', '{x}'].join(''),
    '\\\n',
    '\\',
    '*',
    '?',
    '{a,b}',
    '~',
    '#',
    '!',
    '\0',
    '\r',
    '\x0b',
    '\f',
    '\u00a0',
    'é',
    '&',
    '<(id)',
    '>x',
    '<<E',
    '(',
    ')',
    '\x7f',
    '\x1b',
  ];
  for (const command of ['ls -la /var/log', 'systemctl restart nginx', 'ps aux | head -n 5']) {
    assert.is(policy.check(command, null).decision, 'allow');
    for (const trick of tricks) {
      for (let at = 0; at <= command.length; at++) {
        const text = command.slice(0, at) + trick + command.slice(at);
        assert.is.not(policy.check(text, null).decision, 'allow', JSON.stringify(text));
      }
    }
  }
});

test.run();
