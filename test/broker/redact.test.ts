import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { redact, redactArgv, redactLines } from '../../broker/redact.ts';

const S = 'S3cr3tV4lue';
const test = suite('redact');

const texts: readonly string[] = [
  `password=${S}`,
  `DB_PASSWORD="${S} with blanks"`,
  `{"api_key": "${S}", "x": 1}`,
  `token: ${S}`,
  `Authorization: Bearer ${S}.abc`,
  `authorization: Basic ${S}==`,
  `postgres://app:${S}@db.local:5432/x`,
  `redis://:${S}@10.0.0.1/0`,
  `amqp://u:${S}p@ss@host`,
  `eyJhbGciOi${S}.eyJzdWIiOi${S}.${S}`,
  `ghp_${S}abcdefghijklmnop`,
  `ALTER USER x IDENTIFIED BY '${S}'`,
  `-----BEGIN RSA PRIVATE KEY-----\n${S}\n-----END`,
  `$6$saltsalt$${S}aaaaaaaaaaaa`,
  `Cookie: sid=${S}`,
  `aws_secret_access_key = ${S}`,
];
for (const text of texts) {
  test(`hides the secret in ${JSON.stringify(text.slice(0, 40))}`, () => {
    const out = redact(text);
    assert.not.match(out, new RegExp(S));
    assert.match(out, /\[redacted\]/);
  });
}

const lines: readonly (readonly string[])[] = [
  ['/usr/bin/psql', '--password', S],
  ['app', `--db-password=${S}`, '-v'],
  ['app', '--token', S],
  ['mysql', '-u', 'root', `-p${S}`],
  ['curl', '-u', `me:${S}`, 'https://x'],
  ['curl', '-H', `Authorization: Bearer ${S}`],
  ['redis-cli', '-a', S],
  ['sshpass', '-p', S, 'ssh', 'host'],
  ['env', `AWS_SECRET_ACCESS_KEY=${S}`, 'run'],
  ['java', `-Dspring.datasource.password=${S}`],
];
for (const argv of lines) {
  test(`hides the secret of ${argv.slice(0, 2).join(' ')}`, () => {
    assert.not.match(redactArgv(argv), new RegExp(S));
  });
}

test('leaves ordinary text alone', () => {
  for (const text of [
    'nginx: worker process',
    'node dist/sentinel.js up --headless',
    'GET /users/12 200 3 ms',
    'https://example.com/a?b=c',
  ]) {
    assert.is(redact(text), text);
  }
  assert.is(redactArgv(['tar', '-p', 'x']), 'tar -p x');
});

test('any text comes back bounded and without control bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), fc.integer({ min: 1, max: 600 }), (text, max) => {
      const out = redact(text, max);
      assert.ok(out.length <= max);
      assert.not.match(out, /\p{Cc}/u);
    }),
  );
});

/** What makes a careless pattern begin again at every character, or look to the end from every place. */
const EVIL = [
  'a://b:',
  'token="',
  'a-',
  'eyJ-',
  'sk-',
  '-----BEGIN PRIVATE KEY-----',
  'bearer ',
  'password is ',
  'name="secret" value=',
  'cookie: a=b;',
  'curl -u a:',
  'a:b@',
  'a=',
];

test('a megabyte of hostile text is read in linear time: a quadratic look would outlast the runner', () => {
  const MEGABYTE = 1_048_576;
  for (const part of EVIL) {
    const out = redact(part.repeat(Math.ceil(MEGABYTE / part.length)), MEGABYTE);
    assert.ok(out.length <= MEGABYTE);
  }
});

test('a private key is hidden over several lines, and only the key', () => {
  const key = ['-----BEGIN EC PRIVATE KEY-----', 'MHcCAQEEIA', 'oUQDQgAE', '-----END EC PRIVATE KEY-----'];
  assert.equal(redactLines(['before', ...key, 'after']), [
    'before',
    '-----BEGIN EC PRIVATE KEY-----[redacted]',
    '[redacted]',
    '[redacted]',
    '-----END EC PRIVATE KEY-----',
    'after',
  ]);
});
test.run();
