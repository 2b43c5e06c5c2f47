import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readIdentity, readJoined } from '../../agent/identity.ts';
import { joinSite } from '../../agent/join.ts';
import { keyFile, makeLocalSite, readSite } from '../../broker/enroll.ts';
import { readJoinToken } from '../../broker/join-token.ts';
import { PASSPHRASE_FILE } from '../../broker/kept-passphrase.ts';
import { isSealed, readKeyPair } from '../../broker/keys.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { localOperator } from '../../hub/acts/client.ts';
import { keysCommand } from '../../hub/commands/keys.ts';
import { rosterCommand } from '../../hub/commands/roster.ts';
import { nextKeyFile, RosterKeeper } from '../../hub/site/roster-keeper.ts';
import { openSiteCa } from '../../hub/site/server-tls.ts';
import { tempFolder } from '../broker/site.ts';
import { makeSite, openSite, ran } from './made-site.ts';

const PASSPHRASE = 'a long enough passphrase';
const test = suite<{ folder: string; done: () => void; state: StateFolder }>('keys at rest');
test.before.each((context) => {
  const { path: folder, done } = tempFolder();
  const state = stateFolder(join(folder, 'state'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  Object.assign(context, { folder, done, state });
});
test.after.each(({ done }) => {
  delete process.env[PASSPHRASE_FILE];
  delete process.env['CREDENTIALS_DIRECTORY'];
  done();
});

/** As systemd gives a unit its credentials. */
function credential(folder: string, passphrase: string): void {
  const credentials = join(folder, 'credentials');
  mkdirSync(credentials, { recursive: true });
  writeFileSync(join(credentials, 'sentinel-keys'), `${passphrase}\n`);
  process.env['CREDENTIALS_DIRECTORY'] = credentials;
}
const refused = (act: () => unknown): string => {
  try {
    act();
    return 'not refused';
  } catch (error) {
    return String(error instanceof Error && 'code' in error ? `${error.code} ${error.message}` : error);
  }
};
const keys = (state: StateFolder, verb: string) => ran(keysCommand, verb, '--state', state.root);

test('sealed keys sign for who has the passphrase, and are of no use to who has the disk', async ({
  folder,
  state,
}) => {
  const own = [keyFile.hub(state), keyFile.operator(state, readSite(state).localOperator)];
  const before = own.map((file) => readKeyPair(file).public);
  assert.equal(own.map(isSealed), [false, false]);
  credential(folder, PASSPHRASE);
  assert.equal((await keys(state, 'seal')).lines.filter((line) => line.startsWith('encrypted')).length, 4);
  assert.ok(isSealed(keyFile.agent(state, 'web-1')));
  assert.equal(readIdentity(state, 'web-1').key.public, readSite(state).agents.get('web-1')?.key);
  for (const file of own) {
    assert.is(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  }
  assert.equal(
    own.map((file) => readKeyPair(file).public),
    before,
  );
  assert.equal(new RosterKeeper(state, readSite(state)).key.public, before[0]);
  assert.equal(localOperator(state).name, readSite(state).localOperator);

  delete process.env['CREDENTIALS_DIRECTORY'];
  assert.match(
    refused(() => new RosterKeeper(state, readSite(state))),
    /^E_KEY_FILE .*encrypted.*sentinel-keys/,
  );
  const file = join(folder, 'passphrase');
  writeFileSync(file, 'another passphrase');
  process.env[PASSPHRASE_FILE] = file;
  assert.match(
    refused(() => readKeyPair(own[0] ?? '')),
    /^E_KEY_FILE/,
  );
  const sealed = own.map((one) => readFileSync(one));
  await keys(state, 'open').then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /hub\.pem/),
  );
  assert.equal(
    own.map((one) => readFileSync(one)),
    sealed,
    'a wrong passphrase changes nothing',
  );
  writeFileSync(file, `${PASSPHRASE}\nnot this line\n`);
  await keys(state, 'open');
  assert.equal(own.map(isSealed), [false, false]);
  assert.equal(
    own.map((one) => readKeyPair(one).public),
    before,
  );
});

test('keys that are made while a passphrase is known are sealed from the start', async ({ folder, state }) => {
  credential(folder, PASSPHRASE);
  await ran(rosterCommand, 'new-key', '--state', state.root);
  assert.ok(isSealed(nextKeyFile(state)));
  const other = stateFolder(join(folder, 'other'));
  prepareFolder(other);
  makeLocalSite(other, 'web-2');
  for (const file of [keyFile.hub(other), keyFile.siteRoot(other)]) assert.ok(isSealed(file), file);
});

test('of a site with a CA: its key and the hub’s TLS key are sealed and opened with the others, and a host’s when it joins', async ({
  folder,
}) => {
  const made = await makeSite(folder);
  const { state } = made;
  const tls = [keyFile.siteCa(state), keyFile.server(state)];
  const before = tls.map((file) => readFileSync(file, 'utf8'));
  credential(folder, PASSPHRASE);
  await keys(state, 'seal');
  const sealed = tls.map((file) => readFileSync(file, 'utf8'));
  for (const [i, pem] of sealed.entries()) {
    assert.match(pem, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    assert.is(statSync(tls[i] ?? '').mode & 0o777, 0o600);
    assert.ok(
      before[i]?.endsWith(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))),
      'the certificate stands as it did',
    );
  }
  const site = await openSite(made);
  const host = stateFolder(join(folder, 'host'));
  try {
    const token = readJoinToken(await site.enrollment.issueToken('db-1', site.at, 1, 'ann'));
    const joined = await joinSite(host, token, Date.now());
    const kept = JSON.parse(readFileSync(join(host.keys, 'identity.json'), 'utf8'));
    assert.match(kept.tls_key, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    assert.ok(isSealed(keyFile.agent(host, 'db-1')));
    assert.equal(readJoined(host), joined, 'who has the passphrase has it as it was');
    delete process.env['CREDENTIALS_DIRECTORY'];
    assert.match(
      refused(() => readJoined(host)),
      /^E_KEY_FILE .*identity\.json: it is encrypted/,
    );
    assert.match(String(await openSiteCa(state).catch((error: unknown) => error)), /site-ca\.pem: it is encrypted/);
  } finally {
    await site.close();
  }
  credential(folder, PASSPHRASE);
  await keys(state, 'open');
  assert.equal(
    tls.map((file) => readFileSync(file, 'utf8')),
    before,
  );
});

test('no passphrase, or a short one, seals nothing', async ({ folder, state }) => {
  for (const passphrase of [undefined, 'short']) {
    if (passphrase !== undefined) credential(folder, passphrase);
    const copy = join(folder, 'before');
    copyFileSync(keyFile.hub(state), copy);
    const said = await keys(state, 'seal').catch((error: unknown) => String(error));
    assert.match(String(said), /at least 12 characters/);
    assert.equal(readFileSync(keyFile.hub(state)), readFileSync(copy));
  }
});

test.run();
