import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { signApproval } from '../../broker/approvals.ts';
import { newKeyPair } from '../../broker/keys.ts';
import { NAMESPACES, sshVerify } from '../../broker/sshsig.ts';
import { approval } from '../broker/samples.ts';
import { tempFolder } from '../broker/site.ts';
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

test.run();
