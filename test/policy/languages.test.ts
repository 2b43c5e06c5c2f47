import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Language, languageProblem } from '../../policy/languages.ts';
import { ACCEPTED, AWK, REFUSED, SED, SQL } from './language-texts.ts';

const test = suite('small languages');

for (const language of Object.keys(ACCEPTED) as Language[]) {
  test(`${language}: what reads is accepted, all else has a reason`, () => {
    for (const text of ACCEPTED[language]) assert.is(languageProblem(language, text), null, text);
    for (const text of REFUSED[language]) assert.match(languageProblem(language, text)?.reason ?? '', /^this /, text);
  });
}

test('a statement that names a secret says so, and whether it may do more than read it', () => {
  const said = (text: string) => {
    const { secret, changes } = languageProblem('sql', text) ?? {};
    return [secret, changes];
  };
  assert.equal(said('select rolpassword from pg_authid'), [true, false]);
  assert.equal(said('select rolpassword, pg_promote() from pg_authid'), [true, true]);
  assert.equal(said('insert into tokens values (1)'), [true, true]);
  assert.equal(said('select f()'), [undefined, true]);
});

/** Texts put together from the pieces of a language. */
const soup = (pieces: readonly string[]) =>
  fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map((parts) => parts.join(''));

/** Runs nothing: the sandbox of gawk refuses commands, pipes, redirects and extensions before it begins. */
const GAWK = spawnSync('gawk', ['--version']).status === 0;

test('awk: what is accepted, gawk reads the same way: its sandbox has nothing to refuse', async () => {
  let accepted = 0;
  await fc.assert(
    fc.property(soup(AWK), (text) => {
      if (languageProblem('awk-program', text) !== null) return;
      accepted++;
      if (!GAWK || accepted > 250) return;
      const { stderr } = spawnSync('gawk', ['--sandbox', '--', text, '/dev/null'], {
        encoding: 'utf8',
        timeout: 10_000,
      });
      assert.not.match(stderr, /sandbox|not allowed/i, text);
    }),
    { numRuns: 60_000, examples: ACCEPTED['awk-program'].map((text): [string] => [text]) },
  );
  assert.ok(accepted > 100, `only ${accepted} were accepted`);
});

test('sed: what is accepted, the sandbox of GNU sed accepts too', async () => {
  const gnu = /GNU/.test(spawnSync('sed', ['--version'], { encoding: 'utf8' }).stdout ?? '');
  let accepted = 0;
  await fc.assert(
    fc.property(soup(SED), (text) => {
      if (languageProblem('sed-script', text) !== null) return;
      accepted++;
      if (!gnu || accepted > 250) return;
      const { stderr } = spawnSync('sed', ['--sandbox', '-n', '--', text, '/dev/null'], {
        encoding: 'utf8',
        timeout: 10_000,
      });
      assert.not.match(stderr, /sandbox/i, text);
    }),
    { numRuns: 20_000, examples: ACCEPTED['sed-script'].map((text): [string] => [text]) },
  );
  assert.ok(accepted > 100, `only ${accepted} were accepted`);
});

test('SQL: what is accepted begins with a reading word, is one statement, and calls only what is listed', async () => {
  await fc.assert(
    fc.property(soup(SQL), (text) => {
      if (languageProblem('sql', text) !== null) return;
      const bare = text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`/g, ' _ ');
      assert.match(bare, /^\s*(?:select|show|explain|with)\b/i, text);
      assert.not.match(bare.replace(/[;\s]*$/, ''), /;|--|\/\*|\\|\$|@|#|['"`]/, text);
      assert.not.match(bare, /\b(?:delete|into|analyze)\b|pg_sleep\s*\(/i, text);
    }),
    { numRuns: 60_000 },
  );
});

test('any text is answered', async () => {
  await fc.assert(
    fc.property(
      fc.constantFrom(...(Object.keys(ACCEPTED) as Language[])),
      fc.string({ unit: 'binary' }),
      (language, text) => {
        languageProblem(language, text);
      },
    ),
    { numRuns: 5_000 },
  );
});

test.run();
