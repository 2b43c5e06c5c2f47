import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { lineLog } from '../../broker/log.ts';
import { openRoster } from '../../broker/roster.ts';
import { claim, prepareFolder, stateFolder } from '../../broker/state-folder.ts';
import { checkBackup, FILES, sealManifest } from '../../hub/backup/manifest.ts';
import { putBack } from '../../hub/backup/put-back.ts';
import { refuseHalfRestored, restoringFile } from '../../hub/backup/restoring.ts';
import { INSIDE, openFiles, sealFiles } from '../../hub/backup/sealed-files.ts';
import { takeBackup } from '../../hub/backup/take.ts';
import { auditHead } from '../../hub/chain/audit.ts';
import { openHub } from '../../hub/open-hub.ts';
import { Store } from '../../hub/store/store.ts';
import { tempFolder } from '../broker/site.ts';
import { append, coded, countOf, hubOf, PASSPHRASE, refused, SECRET, signNext } from './backed-up-hub.ts';

const test = suite('backup and restore');

test('what a hub is comes back elsewhere as it was, while nothing secret lies open in the copy', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub-1'));
    const folder = join(path, 'copy');
    const manifest = await takeBackup(state, folder, PASSPHRASE, 5_000);
    assert.equal([manifest.site, manifest.audit.count, manifest.made], ['local', 3, 5_000]);
    const open = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name)));
    assert.is(open.length, 3);
    const secret = readFileSync(keyFile.hub(state), 'utf8').split('\n')[1] ?? '';
    for (const content of open) for (const hidden of [secret, SECRET]) assert.is(content.includes(hidden), false);
    // What came after the copy is not in it.
    await append(state, 2);
    const other = stateFolder(join(path, 'hub-2'));
    const back = await putBack(folder, other, { passphrase: PASSPHRASE, replace: false, now: 1 });
    assert.is(back.aside, null);
    assert.is(await countOf(other), 3);
    for (const name of [
      'site.json',
      'roster.cbor',
      'notify.yaml',
      'playbooks/own.yaml',
      'playbooks/lock.yaml',
      'keys/hub.pem',
      'keys/site-root.pem',
    ]) {
      const [from, to] = [join(state.root, name), join(other.root, name)];
      assert.is(readFileSync(to, 'utf8'), readFileSync(from, 'utf8'), name);
      assert.is(statSync(to).mode & 0o777, statSync(from).mode & 0o777, name);
    }
    assert.is(statSync(other.keys).mode & 0o777, 0o700);
    assert.is(statSync(join(folder, FILES.store)).mode & 0o777, 0o600);
    assert.is(statSync(join(other.store, 'data.mdb')).mode & 0o777, 0o640);
    assert.is(existsSync(join(other.root, 'lock')), false, 'nobody runs there');
    assert.is(existsSync(join(other.root, 'agent', 'boot-id')), false);
    assert.is(existsSync(other.models), false);
    await refused(takeBackup(state, folder, PASSPHRASE, 5_000), 'E_BACKUP_EXISTS');
    const both = ['a', 'b'].map(() => takeBackup(state, join(path, 'twice'), PASSPHRASE, 5_000));
    const ends = await Promise.allSettled(both);
    assert.equal(ends.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.equal(
      readdirSync(path).filter((name) => name.endsWith('.part')),
      [],
    );
    await checkBackup(join(path, 'twice'), null);
    rmSync(join(path, 'twice'), { recursive: true });
    for (const place of [join(path, 'not-mounted'), state.root, state.keys])
      await refused(takeBackup(state, join(place, 'copy'), PASSPHRASE, 5_000), 'E_BACKUP_FOLDER');
    assert.equal(readdirSync(path).sort(), ['copy', 'hub-1', 'hub-2']);
  } finally {
    done();
  }
});

test('a store that is there is moved aside, and only when that was asked for; never under a hub that runs', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub'));
    const folder = join(path, 'copy');
    await takeBackup(state, folder, PASSPHRASE, 5_000);
    await append(state, 2);
    const options = { passphrase: PASSPHRASE, replace: false, now: 7 };
    await refused(putBack(folder, state, options), 'E_BACKUP_STORE_THERE');
    assert.is(await countOf(state), 5);
    const release = claim(state.hub, 'a hub');
    await refused(putBack(folder, state, { ...options, replace: true }), 'E_RUNNING');
    release();
    const { aside } = await putBack(folder, state, { ...options, replace: true });
    assert.is(await countOf(state), 3);
    assert.is(aside, `${state.store}-before-7`);
    const old = new Store(aside ?? '', 'read');
    assert.is(auditHead(old).count, 5);
    await old.close();
  } finally {
    done();
  }
});

test('one changed byte anywhere, another passphrase, another site: each is refused, and nothing is changed', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub'));
    const folder = join(path, 'copy');
    await takeBackup(state, folder, PASSPHRASE, 5_000);
    const options = { passphrase: PASSPHRASE, replace: false, now: 7 };
    const to = stateFolder(join(path, 'to'));
    for (const name of Object.values(FILES)) {
      const file = join(folder, name);
      const good = readFileSync(file);
      for (const at of [0, good.length >> 1, good.length - 1]) {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ 1;
        writeFileSync(file, bad);
        await refused(checkBackup(folder, null), 'E_BACKUP_BROKEN');
        await refused(putBack(folder, to, options), 'E_BACKUP_BROKEN');
      }
      writeFileSync(file, good.subarray(0, good.length - 1));
      await refused(checkBackup(folder, null), 'E_BACKUP_BROKEN');
      writeFileSync(file, good);
    }
    await refused(putBack(folder, to, { ...options, passphrase: 'another passphrase' }), 'E_BACKUP_PASSPHRASE');
    assert.is(existsSync(to.root), false);
    const stranger = await hubOf(join(path, 'stranger'));
    await refused(putBack(folder, stranger, { ...options, replace: true }), 'E_BACKUP_OTHER_SITE');
    assert.is(await countOf(stranger), 3);
  } finally {
    done();
  }
});

test('a chain that is not whole is no backup to go back to, though its hub signed it', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub'));
    const store = new Store(state.store, 'write');
    await store.write(() => void store.audit.remove(2));
    await store.close();
    const folder = join(path, 'copy');
    await takeBackup(state, folder, PASSPHRASE, 5_000);
    const to = stateFolder(join(path, 'to'));
    await refused(putBack(folder, to, { passphrase: PASSPHRASE, replace: false, now: 7 }), 'E_BACKUP_BROKEN');
    assert.equal(readdirSync(to.hub), ['store']);
    assert.equal(readdirSync(to.store), []);
  } finally {
    done();
  }
});

test('a restore that was cut short lets no hub start, and the same one goes on from there', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub'));
    const folder = join(path, 'copy');
    await takeBackup(state, folder, PASSPHRASE, 5_000);
    const to = stateFolder(join(path, 'to'));
    prepareFolder(to);
    writeFileSync(restoringFile(to), '');
    assert.throws(() => refuseHalfRestored(to), coded('E_STATE_BROKEN'));
    await putBack(folder, to, { passphrase: PASSPHRASE, replace: false, now: 7 });
    refuseHalfRestored(to);
    assert.is(await countOf(to), 3);
  } finally {
    done();
  }
});

test('no sealed name leaves the folder', () => {
  for (const name of ['../x', 'a/../../x', '/etc/x', 'keys/..', 'a\\b', '', 'a\0b', '.'])
    assert.not.match(name, INSIDE);
  for (const name of ['keys/a..b.pem', 'site.json', 'playbooks/deep/er/x.yaml']) assert.match(name, INSIDE);
  const sealed = sealFiles([{ name: '../x', mode: 0o600, content: new Uint8Array() }], PASSPHRASE);
  assert.throws(() => openFiles(sealed, PASSPHRASE), coded('E_BACKUP_BROKEN'));
});

test('a store that others have signed is not put beside the keys that the passphrase opens', async () => {
  const { path, done } = tempFolder();
  try {
    const folder = join(path, 'copy');
    const good = await takeBackup(await hubOf(join(path, 'hub')), folder, PASSPHRASE, 5_000);
    // Who has the medium and not the passphrase: another store, and a manifest that is whole by their own keys.
    const stranger = await hubOf(join(path, 'stranger'));
    const theirs = join(path, 'theirs');
    const made = await takeBackup(stranger, theirs, 'a passphrase of theirs', 5_000);
    cpSync(join(folder, FILES.sealed), join(theirs, FILES.sealed));
    const files = [
      ...made.files.filter(({ name }) => name === FILES.store),
      ...good.files.filter(({ name }) => name === FILES.sealed),
    ];
    const forged = sealManifest({ ...made, files }, readKeyPair(keyFile.hub(stranger)));
    writeFileSync(join(theirs, FILES.manifest), forged);
    await checkBackup(theirs, null);
    const to = stateFolder(join(path, 'to'));
    await refused(putBack(theirs, to, { passphrase: PASSPHRASE, replace: false, now: 7 }), 'E_BACKUP_BROKEN');
    assert.is(existsSync(to.root), false);
  } finally {
    done();
  }
});

test('a roster that is newer than the backup’s stays, with its order key; a site that can’t be read comes back', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub'));
    const folder = join(path, 'copy');
    await takeBackup(state, folder, PASSPHRASE, 5_000);
    const options = { passphrase: PASSPHRASE, replace: true, now: 7 };
    assert.is((await putBack(folder, state, options)).keptRoster, null);
    signNext(state, { versions: 2 });
    const site = readFileSync(state.site);
    writeFileSync(state.site, '');
    writeFileSync(state.notify, 'changed since\n');
    const { keptRoster } = await putBack(folder, state, { ...options, now: 8 });
    const { root } = readSite(state);
    assert.is(keptRoster, 3);
    assert.is(openRoster(new Uint8Array(readFileSync(state.roster)), root).version, 3);
    assert.equal(readFileSync(state.site), site);
    assert.match(readFileSync(state.notify, 'utf8'), SECRET);
    // One whose order key is gone is no use.
    rmSync(keyFile.hub(state));
    assert.is((await putBack(folder, state, { ...options, now: 9 })).keptRoster, null);
    assert.is(readRoster(state, readSite(state)).roster.version, 1);
  } finally {
    done();
  }
});

test('a hub that is started while a restore is at work is told that, and not to restore again', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub'));
    const options = { state, host: '127.0.0.1', port: 0, live: false, log: lineLog('hub', () => {}) };
    writeFileSync(restoringFile(state), '');
    const release = claim(state.hub, 'a hub');
    await refused(openHub(options), 'E_RUNNING');
    release();
    await refused(openHub(options), 'E_STATE_BROKEN');
    assert.is(existsSync(join(state.hub, 'lock')), false);
  } finally {
    done();
  }
});

test.run();
