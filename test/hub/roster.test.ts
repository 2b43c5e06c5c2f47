import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile, readRoster } from '../../broker/enroll.ts';
import { newKeyPair, readKeyPair } from '../../broker/keys.ts';
import { hubKeys, openRoster, sealRoster } from '../../broker/roster.ts';
import { open, seal } from '../../broker/signed.ts';
import { claim } from '../../broker/state-folder.ts';
import { appendAudit, auditHead, verifyAudit } from '../../hub/chain/audit.ts';
import { rosterCommand } from '../../hub/commands/roster.ts';
import { noteRoster, RosterKeeper } from '../../hub/site/roster-keeper.ts';
import { Store } from '../../hub/store/store.ts';
import { tempFolder } from '../broker/site.ts';
import { type MadeSite, makeSite, ran } from './made-site.ts';

const test = suite<{ folder: string; done: () => void; made: MadeSite }>('roster');
test.before.each(async (context) => {
  const { path, done } = tempFolder();
  context.folder = path;
  context.done = done;
  context.made = await makeSite(path);
});
test.after.each(({ done }) => done());

const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;
const bytesOf = (file: string) => new Uint8Array(readFileSync(file));

/** `sentinel roster` on the made site; `sign` with its root key. */
const roster = ({ state }: MadeSite, ...argv: string[]) => ran(rosterCommand, ...argv, '--state', state.root);
const sign = (made: MadeSite, ...argv: string[]) =>
  roster(made, 'sign', '--root-key', made.rootKey, '--passphrase-file', made.passphraseFile, ...argv);

test('the root key is not in the state folder, and is encrypted with the passphrase', ({ made }) => {
  const pem = readFileSync(made.rootKey, 'utf8');
  assert.match(pem, 'BEGIN ENCRYPTED PRIVATE KEY');
  assert.not(existsSync(keyFile.siteRoot(made.state)));
  assert.throws(() => readKeyPair(made.rootKey), code('E_KEY_FILE'));
  assert.throws(() => readKeyPair(made.rootKey, 'a wrong passphrase'), code('E_KEY_FILE'));
  assert.equal([...readKeyPair(made.rootKey, 'correct horse battery').public], [...made.site.root]);
});

test('the order key is rotated: signed by the root, in force at once, and the old one is obeyed no more', async ({
  made,
  folder,
}) => {
  const { state, site } = made;
  const store = new Store(state.store, 'write');
  try {
    const keeper = new RosterKeeper(state, site);
    const { key } = keeper;
    const old = keeper.roster.hub_key;
    const record = (kind: string) =>
      store.write(() => appendAudit(store, key, { kind, incident: null, actor: 'hub', data: {} }, Date.now()));
    await record('before');
    const out = join(folder, 'new.cbor');
    const { lines } = await roster(made, 'new-key');
    assert.is((await sign(made, '--hub-key', lines[0] ?? '', '--out', out)).code, 0);
    keeper.install(bytesOf(out));
    await noteRoster(store, keeper, 'ann', Date.now());
    await record('after');

    // Who took hold of the key before signs with the new one now.
    const message = seal('ack', new Uint8Array([1]), key);
    assert.equal([...open('ack', message, keeper.roster.hub_key)], [1]);
    assert.throws(() => open('ack', message, old), code('E_SIGNATURE'));
    assert.is(keeper.roster.version, 2);
    // The chain holds over the change, with both keys in their order and with no other.
    assert.equal(verifyAudit(store, hubKeys(keeper.roster)), { ok: true, head: auditHead(store) });
    assert.is(auditHead(store).count, 3);
    assert.equal(verifyAudit(store, [keeper.roster.hub_key]).ok, false);
    assert.equal(verifyAudit(store, [...hubKeys(keeper.roster)].reverse()).ok, false);
    // As after a restart, and after one that was killed before the new key was taken up.
    assert.equal([...new RosterKeeper(state, site).key.public], [...keeper.roster.hub_key]);
  } finally {
    await store.close();
  }
});

test('what a retired key signs after its day is found in the chain', async ({ made }) => {
  const store = new Store(made.state.store, 'write');
  try {
    const [first, second] = [newKeyPair(), newKeyPair()];
    for (const key of [first, second, first]) {
      const entry = { kind: 'test', incident: null, actor: 'hub', data: {} };
      await store.write(() => appendAudit(store, key, entry, Date.now()));
    }
    const finding = verifyAudit(store, [first.public, second.public]);
    assert.ok(!finding.ok && finding.record === 3);
  } finally {
    await store.close();
  }
});

test('a roster that a killed hub had written but not taken up is taken up at the next start', async ({ made }) => {
  const { state, site } = made;
  const { lines } = await roster(made, 'new-key');
  const root = readKeyPair(made.rootKey, 'correct horse battery');
  const key = new Uint8Array(Buffer.from(lines[0] ?? '', 'hex'));
  const present = readRoster(state, site).roster;
  writeFileSync(state.roster, sealRoster({ ...present, version: 2, hub_key: key, retired: [present.hub_key] }, root));
  assert.equal([...new RosterKeeper(state, site).key.public], [...key]);
  assert.equal([...readKeyPair(keyFile.hub(state)).public], [...key]);
});

test('refused: another root’s, an older one, the same again, another site’s, an ended epoch, a key that is not here', ({
  made,
}) => {
  const keeper = new RosterKeeper(made.state, made.site);
  const root = readKeyPair(made.rootKey, 'correct horse battery');
  const next = { ...keeper.roster, version: 5, epoch: 3 };
  keeper.install(sealRoster(next, root));
  const before = bytesOf(made.state.roster);
  for (const [change, by, expected] of [
    [{ version: 6 }, newKeyPair(), 'E_SIGNATURE'],
    [{ version: 4 }, root, 'E_ROSTER_OLD'],
    [{ version: 5 }, root, 'E_ROSTER_OLD'],
    [{ version: 6, site: 'plant-8' }, root, 'E_ROSTER_REFUSED'],
    [{ version: 6, epoch: 2 }, root, 'E_ROSTER_REFUSED'],
    [{ version: 6, hub_key: newKeyPair().public }, root, 'E_ROSTER_REFUSED'],
  ] as const) {
    assert.throws(() => keeper.install(sealRoster({ ...next, ...change }, by)), code(expected), JSON.stringify(change));
  }
  assert.equal(keeper.roster.version, 5);
  assert.equal(bytesOf(made.state.roster), before);
});

test('a new epoch needs a new key; a key does not come twice; neither version nor epoch is chosen', async ({
  made,
  folder,
}) => {
  const out = join(folder, 'out.cbor');
  const fails = (...argv: string[]) =>
    sign(made, '--out', out, ...argv).then(
      () => '',
      (error: unknown) => String(error),
    );
  assert.match(await fails('--next-epoch'), /--hub-key/);
  const own = Buffer.from(readRoster(made.state, made.site).roster.hub_key).toString('hex');
  assert.match(await fails('--hub-key', own), /new key/);
  assert.match(await fails('--hub-key', 'abc'), /new key/);
  assert.not(existsSync(out));
  const { lines } = await roster(made, 'new-key');
  await sign(made, '--out', out, '--hub-key', lines[0] ?? '', '--next-epoch');
  const signed = openRoster(bytesOf(out), made.site.root);
  assert.equal([signed.version, signed.epoch, signed.retired?.length], [2, 2, 1]);
  // With no hub running it goes into the folder.
  assert.is((await roster(made, 'install', out)).code, 0);
  assert.is(readRoster(made.state, made.site).roster.version, 2);
  const shown = await roster(made, 'show', '--json');
  assert.is(JSON.parse(shown.lines[0] ?? '').hub_key, lines[0]);
});

test('with no hub running a roster is refused as the hub would: by one that came meanwhile, and for a key that is not here', async ({
  made,
  folder,
}) => {
  const { state, site } = made;
  const root = readKeyPair(made.rootKey, 'correct horse battery');
  const present = readRoster(state, site).roster;
  const [slow, newest] = [join(folder, 'slow.cbor'), sealRoster({ ...present, version: 3 }, root)];
  writeFileSync(slow, sealRoster({ ...present, version: 2 }, root));
  const refused = (file: string) =>
    roster(made, 'install', file).then(
      () => '',
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
    );
  const slower = refused(slow);
  // It has looked at the roster in force, and now asks whether a hub is there.
  writeFileSync(state.roster, newest);
  assert.is(await slower, 'E_ROSTER_OLD');
  assert.equal(bytesOf(state.roster), newest);
  const foreign = join(folder, 'foreign.cbor');
  writeFileSync(foreign, sealRoster({ ...present, version: 4, hub_key: newKeyPair().public }, root));
  assert.is(await refused(foreign), 'E_ROSTER_REFUSED');
  assert.equal(bytesOf(state.roster), newest);
  assert.equal([...new RosterKeeper(state, site).key.public], [...present.hub_key]);
  // Refused or not, the folder is free again.
  claim(state.hub, 'a hub')();
});

test.run();
