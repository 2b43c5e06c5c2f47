import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Language, languageProblem } from '../../policy/languages.ts';

const test = suite('small languages');

const ACCEPTED: Readonly<Record<Language, readonly string[]>> = {
  'awk-program': [
    '{print}',
    '{print $1, $NF}',
    'NR==1',
    'NR>=10 && NR<=20',
    '/start/,/end/',
    '$3 > 100 {print $1}',
    '!seen[$0]++',
    'BEGIN{FS=":";OFS="\\t"} $3>=1000{print $1,$6}',
    '{a[$1]+=$2} END{for(k in a) printf "%s %.2f\\n", k, a[k]/NR}',
    '{ if ($1 ~ /^a[bc]/) print "x" $2; else print substr($0, 1, 10) }',
    '{for (i = 1; i <= NF; i++) s += $i; print s / 2; s = 0}',
    'length > 80',
    'length($0) > 80 {print NR ": " $0}',
    '{print ($1 > 5) ? "big" : "small"}',
    '$1 in a {next} {a[$1]; print}',
    '/a\\/b/ {print; exit 1}',
    'END {print NR; printf("%d\\n", NR)}',
    '{$1=""; print tolower($0)}',
    'a / b / c',
    '{x = y == 3 ? 1 : 2; --x; print -x !~ /q/}',
    'NR > 1 {if (NR > 2) {print $1}; else {print $2}}',
  ],
  'sed-script': [
    'p',
    '1,20p',
    '$p',
    '$!d',
    '/a/,/b/p',
    '/a/,+3p',
    '0~4p',
    '/x/I!d',
    's/a/b/',
    's|/var|/srv|gp',
    's/a/b/2;s/[0-9]*/N/g',
    '/^$/d;=',
    '10q',
    '/a/{p;q}',
    '/a/{s/x/y/;p}',
    'y/abc/def/',
    'N;P',
    's/\\//x/I',
  ],
  sql: [
    'select 1',
    'SELECT count(*) FROM t WHERE a = \'b;c\' AND "d" IN (1, 2);',
    'show processlist',
    'SHOW SLAVE STATUS\\G',
    'show create table t',
    'describe t',
    'explain select * from t',
    'with x (a, b) as (select 1, 2) select a::text from x',
    "select date_trunc('hour', now()) - interval '1 hour'",
    "select `a` from `b` where c->>'d' ~* 'e'",
  ],
  'psql-command': ['\\l', '\\dt', '\\d+ pg_class', '\\conninfo', 'select 1', '\\du'],
};

const REFUSED: Readonly<Record<Language, readonly string[]>> = {
  'awk-program': [
    '',
    'BEGIN{system("id")}',
    'BEGIN { "id" | getline }',
    '{print > "f"}',
    '{print $1 > "f"}',
    '{print >> "f"}',
    '{print | "sh"}',
    '{print |& "sh"}',
    '{printf "x" > $1}',
    '{print (1) > "f"}',
    '{print 1, 2 > "f"}',
    '{print a > b ? "c" : "d"}',
    'BEGIN{getline x < "/etc/shadow"}',
    '@load "filefuncs"',
    '@include "x"',
    '{@f()}',
    'function f() {}',
    '{f(1)}',
    'BEGIN{while(1);}',
    'BEGIN{for(;;);}',
    'BEGIN{print ENVIRON["X"]}',
    'BEGIN{ARGV[1]="/etc/shadow"}',
    '{print} # x',
    '{print',
    '{print "a}',
    '/a',
    '/[/]/ {print}',
    '/[/ " /] " system("id")/',
    'a++ / system("id") / 1',
    'if (1) / " / ; system("id")',
    'x in /a/',
    '{print}}',
    'BEGIN',
    '{close("x")}',
    '{print substr}',
    '{print $99999}',
    '{print "a" "b" /c/}',
    '{for (k in "x") print}',
    '{else print}',
    '\\',
    `${'('.repeat(200)}1${')'.repeat(200)}`,
    `{${'{'.repeat(200)}`,
  ],
  'sed-script': [
    '',
    'e',
    '1e id',
    'w /srv/x',
    'r /etc/shadow',
    's/a/b/e',
    's/a/b/w /srv/x',
    's/a/b/pw /srv/x',
    's/a/b/gew x',
    'a\\x',
    'i x',
    'c x',
    ':a;ba',
    't',
    'D',
    'R x',
    'W x',
    'F;e',
    'p e',
    '{p',
    'p}',
    's/a/b',
    's/[/]/x/',
    '/[/]/p',
    '\\#a#e id',
    'sxaxbx',
    'y/a/b',
    '1,2,3p',
    's;a;b;e',
    'v',
    '# x',
    '1!!p;l',
  ],
  sql: [
    '',
    ';',
    'select 1; select 2',
    'delete from t',
    'DROP TABLE t',
    'select * into x from y',
    "select 1 into outfile '/srv/x'",
    'select * from t for update',
    'explain analyze select 1',
    'explain (analyze) delete from t',
    'with x as (delete from t returning *) select * from x',
    "select pg_read_file('/etc/passwd')",
    'select "pg_sleep"(9)',
    'select `sleep`(9)',
    'select sleep (9)',
    'select 1 -- x',
    'select 1 /* x */',
    'select /*! sleep(9) */ 1',
    "select 'a\\'",
    'select $$a$$',
    "select 'a",
    'select @x := 1',
    'select 1 # x',
    'select authentication_string from mysql.user',
    'select rolpassword from pg_authid',
    'show create user root',
    'with pg_sleep(',
    'with x (f(1)) as (select 1) select 1',
    'set x = 1',
    'call f()',
    'copy t to program',
    'values (1)',
    '\\! id',
    `select ${'('.repeat(40)}1${')'.repeat(40)}`,
  ],
  'psql-command': [
    '\\!',
    '\\! id',
    '\\copy t to x',
    '\\o x',
    '\\i x',
    '\\dt `id`',
    '\\g |sh',
    '\\set x',
    'drop table t',
    '\\l\n\\! id',
  ],
};

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

/** Texts put together from the pieces of a language, some of them dangerous. */
const soup = (pieces: readonly string[]) =>
  fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map((parts) => parts.join(''));

const AWK = [
  ...[
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    ';',
    ',',
    ' ',
    '/',
    '/',
    '"',
    '"',
    '\\',
    '>',
    '|',
    '<',
    '=',
    '+',
    '++',
    '!',
    '~',
    '$',
  ],
  ...[
    'print',
    'print ',
    'printf ',
    'system("id")',
    'getline',
    'a',
    'a ',
    '1',
    ' in ',
    'if',
    'else ',
    'for',
    'BEGIN',
    'END',
  ],
  ...[
    '"x"',
    '/x/',
    'NR',
    '$1',
    'length',
    'substr(',
    '&&',
    '||',
    '?',
    ':',
    '-',
    '--',
    '/=',
    '"id" | getline',
    '> "f"',
    '@',
  ],
];

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

const SED = [
  ...[
    'p',
    'd',
    'q',
    '=',
    'n',
    's',
    'y',
    'e',
    'w',
    'r',
    'g',
    'I',
    '/',
    '/',
    '|',
    ',',
    ';',
    ' ',
    '{',
    '}',
    '!',
    '$',
    '1',
    '5',
  ],
  ...[
    '[',
    ']',
    '\\',
    'a',
    'x',
    's/a/b/',
    's/a/b/',
    '/x/',
    's|a|b|',
    'e id',
    'w f',
    '+',
    '~',
    '*',
    '^',
    'N',
    ':a',
    'ba',
  ],
];

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

const SQL = [
  ...[
    'select ',
    'SELECT ',
    'show ',
    'explain ',
    'with ',
    '1',
    'a',
    ' ',
    ',',
    '(',
    ')',
    "'",
    "'",
    '"',
    '`',
    ';',
    '--',
    '/*',
    '*/',
  ],
  ...[
    'from ',
    'where ',
    'delete ',
    'into ',
    'pg_sleep',
    'count',
    'analyze ',
    "'x'",
    '"y"',
    '*',
    '=',
    '\\',
    '$$',
    '@',
    '#',
    '::',
  ],
];

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
