import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile, makeLocalSite, readRoster, readSite } from '../../../broker/enroll.ts';
import { readKeyPair } from '../../../broker/keys.ts';
import { hubKeys } from '../../../broker/roster.ts';
import { claim, prepareFolder, type StateFolder, stateFolder } from '../../../broker/state-folder.ts';
import { checkBackup, FILES } from '../../../hub/backup/manifest.ts';
import { putBack } from '../../../hub/backup/put-back.ts';
import { refuseHalfRestored, restoringFile } from '../../../hub/backup/restoring.ts';
import { INSIDE, openFiles, sealFiles } from '../../../hub/backup/sealed-files.ts';
import { takeBackup } from '../../../hub/backup/take.ts';
import { appendAudit, auditHead, verifyAudit } from '../../../hub/chain/audit.ts';
import { Store } from '../../../hub/store/store.ts';
import { tempFolder } from '../../broker/site.ts';

const test = suite('backup and restore');
const PASSPHRASE = 'four words are enough';
const SECRET = 'hunter2-in-a-webhook';

/** A hub's state folder with keys, settings, and some records in its chain. */
async function hubOf(root: string, records = 3): Promise<StateFolder> {
  const state = stateFolder(root);
  prepareFolder(state);
  makeLocalSite(state, 'vm');
  mkdirSync(state.playbooks, { recursive: true });
  writeFileSync(join(state.playbooks, 'own.yaml'), 'id: own\n');
  writeFileSync(state.notify, `token: ${SECRET}\n`);
  chmodSync(state.notify, 0o600);
  writeFileSync(join(state.root, 'lock'), '{}');
  // Larger than all that a backup takes: it is pulled again.
  mkdirSync(state.models, { recursive: true });
  writeFileSync(join(state.models, 'large.gguf'), Buffer.alloc(9 * 2 ** 20));
  await append(state, records);
  return state;
}

async function append(state: StateFolder, records: number): Promise<void> {
  const store = new Store(state.store, 'write');
  const key = readKeyPair(keyFile.hub(state));
  await store.write(() => {
    for (let n = 0; n < records; n++)
      appendAudit(store, key, { kind: 'test', incident: null, actor: 'hub', data: { n } }, 1_000 + n);
  });
  await store.close();
}

async function countOf(state: StateFolder): Promise<number> {
  const store = new Store(state.store, 'read');
  try {
    assert.is(verifyAudit(store, hubKeys(readRoster(state, readSite(state)).roster)).ok, true);
    return auditHead(store).count;
  } finally {
    await store.close();
  }
}

const coded = (code: string) => (error: Error & { code?: string }) => {
  assert.is(error.code, code, error.message);
  return true;
};

async function refused(work: Promise<unknown>, code: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    coded(code)(error as Error);
    return;
  }
  assert.unreachable(`not refused with ${code}`);
}

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

test.run();
