import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { redact, redactArgv } from '../../agent/redact.ts';

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

test('any text comes back bounded, without control bytes, and soon', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), fc.integer({ min: 1, max: 600 }), (text, max) => {
      const out = redact(text, max);
      assert.ok(out.length <= max);
      assert.not.match(out, /\p{Cc}/u);
    }),
  );
  for (const evil of [
    'a://'.repeat(50_000),
    'password'.repeat(20_000),
    '-'.repeat(100_000),
    `token=${'"'.repeat(99_999)}`,
  ]) {
    const began = performance.now();
    redact(evil);
    assert.ok(performance.now() - began < 2_000);
  }
});
test.run();
