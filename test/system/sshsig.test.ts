import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { signApproval } from '../../broker/approvals.ts';
import { makeLocalSite } from '../../broker/enroll.ts';
import { newKeyPair } from '../../broker/keys.ts';
import { sshLineOf } from '../../broker/operator-key.ts';
import { NAMESPACES, sshVerify } from '../../broker/sshsig.ts';
import { prepareFolder, stateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../../hub/acts/acting.ts';
import { operatorCommand } from '../../hub/commands/operator.ts';
import { approval } from '../broker/samples.ts';
import { tempFolder, until } from '../broker/site.ts';
import { SoftToken } from '../broker/soft-token.ts';
import { ran } from '../hub/made-site.ts';
import { armor, sshPublicKey } from './ssh-files.ts';

/** The yardstick is OpenSSH itself: what it verifies, any operator can verify without us. */
const test = suite<{ path: string; done: () => void }>('ssh-keygen');
const KEYGEN = '/usr/bin/ssh-keygen';
test.before(() => {
  if (spawnSync(KEYGEN, ['-?']).error === undefined) return;
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'openssh-client'], { stdio: 'inherit' });
});
test.before.each((context) => void Object.assign(context, tempFolder()));
test.after.each(({ done }) => done());

const ann = newKeyPair();
const signed = signApproval(approval, ann);

function isVerified(
  folder: string,
  change: {
    readonly message?: Uint8Array;
    readonly key?: Uint8Array;
    readonly namespace?: string;
    readonly armored?: string;
  } = {},
): boolean {
  const [signers, signature] = [join(folder, 'signers'), join(folder, 'signature')];
  writeFileSync(signers, `ann ${sshPublicKey(change.key ?? ann.public)}\n`);
  writeFileSync(signature, change.armored ?? armor(signed.signature));
  const run = spawnSync(
    KEYGEN,
    ['-Y', 'verify', '-f', signers, '-I', 'ann', '-n', change.namespace ?? NAMESPACES.approval, '-s', signature],
    { input: change.message ?? signed.payload },
  );
  assert.is(run.error, undefined);
  return run.status === 0;
}

test('it verifies our signature over an approval’s bytes', ({ path }) => {
  assert.ok(isVerified(path));
});

test('it refuses another message, key, namespace, or a changed signature', ({ path }) => {
  const message = signed.payload.slice();
  message[20] = (message[20] ?? 0) ^ 1;
  assert.not(isVerified(path, { message }));
  assert.not(isVerified(path, { key: newKeyPair().public }));
  assert.not(isVerified(path, { namespace: NAMESPACES.session }));
  const changed = signed.signature.slice();
  const last = changed.length - 1;
  changed[last] = (changed[last] ?? 0) ^ 1;
  assert.not(isVerified(path, { armored: armor(changed) }));
});

test('it verifies what our software token signs, and not for another application', ({ path }) => {
  const token = new SoftToken();
  const blob = token.sign(signed.payload, NAMESPACES.approval);
  const verified = (sk: string) => {
    const [signers, signature] = [join(path, `signers-${sk.length}`), join(path, 'token.sig')];
    writeFileSync(signers, `ann ${sshLineOf(token.pair.public, sk)}\n`);
    writeFileSync(signature, armor(blob));
    const flags = ['-Y', 'verify', '-f', signers, '-I', 'ann', '-n', NAMESPACES.approval, '-s', signature];
    return spawnSync(KEYGEN, flags, { input: signed.payload }).status === 0;
  };
  assert.ok(verified('ssh:'));
  assert.not(verified('ssh:other'));
  sshVerify(signed.payload, blob, NAMESPACES.approval, token.pair.public, 'ssh:');
});

test('we verify what it signs with a key of its own, and only for that message', ({ path }) => {
  const key = join(path, 'key');
  const message = join(path, 'message');
  assert.is(spawnSync(KEYGEN, ['-q', '-t', 'ed25519', '-N', '', '-f', key]).status, 0);
  writeFileSync(message, signed.payload);
  assert.is(spawnSync(KEYGEN, ['-Y', 'sign', '-f', key, '-n', NAMESPACES.approval, message]).status, 0);
  const line = spawnSync(KEYGEN, ['-y', '-f', key], { encoding: 'utf8' }).stdout;
  const publicKey = new Uint8Array(Buffer.from(line.split(' ')[1] ?? '', 'base64').subarray(-32));
  const armored = spawnSync('/bin/cat', [`${message}.sig`], { encoding: 'utf8' }).stdout;
  const blob = new Uint8Array(Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64'));
  sshVerify(signed.payload, blob, NAMESPACES.approval, publicKey);
  assert.throws(() => sshVerify(signed.payload.slice(1), blob, NAMESPACES.approval, publicKey));
});

test('its key file signs for us, and so does its agent, which alone opens one with a passphrase', async ({ path }) => {
  const state = stateFolder(join(path, 'site'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const keys = ['plain', 'locked', 'other'].map((name) => join(path, name));
  const [plain = '', locked = '', other = ''] = keys;
  for (const file of keys) {
    const passphrase = file === locked ? 'correct horse battery' : '';
    assert.is(spawnSync(KEYGEN, ['-q', '-t', 'ed25519', '-N', passphrase, '-f', file]).status, 0);
  }
  for (const file of [plain, locked]) {
    const name = basename(file);
    const added = await ran(operatorCommand, 'add', name, '--key', `${file}.pub`, '--state', state.root);
    assert.is(added.code, 0, added.errors.join());
    // What we print is what people compare with.
    const listed = await ran(operatorCommand, 'list', '--state', state.root);
    const said = spawnSync(KEYGEN, ['-l', '-f', `${file}.pub`], { encoding: 'utf8' }).stdout.split(' ')[1] ?? '';
    assert.ok(
      listed.lines.some((line) => line.startsWith(name) && line.includes(said)),
      said,
    );
  }
  const socket = join(path, 'agent.sock');
  const agent = spawn('/usr/bin/ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  try {
    await until('the agent listens', () => existsSync(socket));
    const ask = join(path, 'ask');
    writeFileSync(ask, '#!/bin/sh\necho correct horse battery\n', { mode: 0o700 });
    const env = { SSH_AUTH_SOCK: socket };
    const add = (file: string) => {
      const asking = { ...env, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: 'force', PATH: '/usr/bin:/bin' };
      const run = spawnSync('/usr/bin/ssh-add', [file], { env: asking, encoding: 'utf8' });
      assert.is(run.status, 0, run.stderr);
    };
    add(other);
    await actingOperator(state, locked, env).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, 'ssh-add'),
    );
    add(locked);
    for (const [file, by] of [
      [plain, 'plain'],
      [locked, 'locked'],
      [`${locked}.pub`, 'locked'],
    ] as const) {
      const operator = await actingOperator(state, file, env);
      assert.is(operator.name, by);
      const message = new TextEncoder().encode('a plan');
      const signature = join(path, 'made');
      writeFileSync(signature, armor(await operator.sign(message, NAMESPACES.approval)));
      writeFileSync(join(path, 'made.signers'), `${by} ${readFileSync(`${file.replace(/\.pub$/, '')}.pub`, 'utf8')}`);
      const verify = ['-Y', 'verify', '-f', join(path, 'made.signers'), '-I', by, '-n', NAMESPACES.approval];
      assert.is(spawnSync(KEYGEN, [...verify, '-s', signature], { input: message }).status, 0, file);
    }
  } finally {
    agent.kill();
  }
});

test.run();
