import fs, {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stateFolder } from '../../broker/state-folder.ts';
import { FILES } from '../../hub/backup/manifest.ts';
import { putBack } from '../../hub/backup/put-back.ts';
import { takeBackup } from '../../hub/backup/take.ts';
import { tempFolder } from '../broker/site.ts';
import { hubOf, PASSPHRASE, refused, signNext } from './backed-up-hub.ts';

const test = suite('backup and restore on a disk that does what it likes');

test('a link, a roster that changes meanwhile: no copy that only looks whole', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub'));
    const folder = join(path, 'copy');
    const elsewhere = join(path, 'notify.yaml');
    renameSync(state.notify, elsewhere);
    symlinkSync(elsewhere, state.notify);
    await refused(takeBackup(state, folder, PASSPHRASE, 5_000), 'E_BACKUP_LINK');
    renameSync(elsewhere, state.notify);
    const deep = join(state.playbooks, 'a/b/c/d/e/f');
    mkdirSync(deep, { recursive: true });
    await refused(takeBackup(state, folder, PASSPHRASE, 5_000), 'E_BACKUP_TOO_LARGE');
    rmSync(join(state.playbooks, 'a'), { recursive: true });
    const taking = takeBackup(state, folder, PASSPHRASE, 5_000);
    signNext(state, { versions: 1 });
    await refused(taking, 'E_BACKUP_BROKEN');
    assert.equal(readdirSync(path), ['hub']);
    await takeBackup(state, folder, PASSPHRASE, 5_000);
  } finally {
    done();
  }
});

test('what a medium made of the copy, its modes or a link, does not come into the store', async () => {
  const { path, done } = tempFolder();
  try {
    const folder = join(path, 'copy');
    await takeBackup(await hubOf(join(path, 'hub')), folder, PASSPHRASE, 5_000);
    const file = join(folder, FILES.store);
    renameSync(file, join(path, 'elsewhere.mdb'));
    symlinkSync(join(path, 'elsewhere.mdb'), file);
    for (const mode of [0o444, 0o777]) {
      chmodSync(file, mode);
      const to = stateFolder(join(path, `to-${mode}`));
      await putBack(folder, to, { passphrase: PASSPHRASE, replace: false, now: 7 });
      const restored = lstatSync(join(to.store, 'data.mdb'));
      assert.is(restored.isFile(), true);
      assert.is(restored.mode & 0o777, 0o640);
    }
  } finally {
    done();
  }
});

/** Runs `work` with another function in the place of one of node:fs, for whoever imports it. */
async function withFs(change: Partial<typeof fs>, work: () => Promise<unknown>): Promise<void> {
  const before = Object.fromEntries(Object.entries(fs).filter(([name]) => name in change));
  Object.assign(fs, change);
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    Object.assign(fs, before);
    syncBuiltinESMExports();
  }
}

test('the copy of a store is on the disk before it has the name that says so', async () => {
  const { path, done } = tempFolder();
  try {
    const state = await hubOf(join(path, 'hub'));
    const folder = join(path, 'copy');
    const to = stateFolder(join(path, 'to'));
    const { fsyncSync, renameSync: rename } = fs;
    const flushed: string[] = [];
    const seen: Record<string, readonly string[]> = {};
    const change = {
      fsyncSync: (fd: number) => {
        flushed.push(readlinkSync(`/proc/self/fd/${fd}`));
        fsyncSync(fd);
      },
      renameSync: (from: fs.PathLike, target: fs.PathLike) => {
        seen[String(target)] = flushed
          .filter((one) => one.startsWith(String(from)))
          .map((one) => one.slice(String(from).length));
        rename(from, target);
      },
    };
    await withFs(change, async () => {
      await takeBackup(state, folder, PASSPHRASE, 5_000);
      await putBack(folder, to, { passphrase: PASSPHRASE, replace: false, now: 7 });
    });
    assert.ok(seen[folder]?.includes('/store/data.mdb') && seen[folder]?.includes('/store'));
    assert.ok(seen[to.store]?.includes('/data.mdb') && seen[to.store]?.includes(''));
  } finally {
    done();
  }
});

test('a disk that is full leaves no half copy; bytes that change after they were checked are seen', async () => {
  const { path, done } = tempFolder();
  try {
    const folder = join(path, 'copy');
    await takeBackup(await hubOf(join(path, 'hub')), folder, PASSPHRASE, 5_000);
    const options = { passphrase: PASSPHRASE, replace: false, now: 7 };
    const to = stateFolder(join(path, 'to'));
    const full = (_: fs.PathLike, target: fs.PathLike) => {
      writeFileSync(target, 'a part of it');
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    await withFs({ copyFileSync: full }, () => refused(putBack(folder, to, options), 'ENOSPC'));
    assert.equal(readdirSync(to.hub), ['store']);
    const { copyFileSync: copy } = fs;
    const other = (from: fs.PathLike, target: fs.PathLike) => {
      copy(from, target);
      writeFileSync(target, 'x', { flag: 'a' });
    };
    await withFs({ copyFileSync: other }, () => refused(putBack(folder, to, options), 'E_BACKUP_BROKEN'));
    assert.equal(readdirSync(to.hub), ['store']);
  } finally {
    done();
  }
});

test.run();
