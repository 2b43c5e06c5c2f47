import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { hubKeys } from '../../broker/roster.ts';
import { checkBackup } from '../../hub/backup/manifest.ts';
import { restoringFile } from '../../hub/backup/restoring.ts';
import { appendAudit, auditHead, verifyAudit } from '../../hub/chain/audit.ts';
import { Store } from '../../hub/store/store.ts';
import { FRONT_DOOR, kill, Site } from '../e2e/site.ts';

const test = suite('backup and restore, killed');
/** Kills spread over the time that the command takes when nobody kills it. */
const ROUNDS = 10;

test('a killed backup is none, a killed restore lets no hub start on half of it; both go well when run again', async () => {
  const site = new Site();
  try {
    const pass = join(site.dir, 'pass');
    writeFileSync(pass, 'four words are enough\n', { mode: 0o600 });
    const flags = ['--state', site.state.root, '--passphrase-file', pass];
    await site.startHub();
    if (site.hub !== null) await kill(site.hub, 'SIGTERM');
    let killed = 0;
    const append = async (records: number) => {
      const store = new Store(site.state.store, 'write');
      const key = readKeyPair(keyFile.hub(site.state));
      await store.write(() => {
        for (let n = 0; n < records; n++)
          appendAudit(store, key, { kind: 'test', incident: null, actor: 'hub', data: {} }, 1_000 + n);
      });
      await store.close();
    };
    const count = async () => {
      const store = new Store(site.state.store, 'read');
      assert.is(verifyAudit(store, hubKeys(readRoster(site.state, readSite(site.state)).roster)).ok, true);
      const { count } = auditHead(store);
      await store.close();
      return count;
    };
    const run = (argv: readonly string[], killAfter: number | null) => {
      const child = spawn(process.execPath, [FRONT_DOOR, ...argv, ...flags], { stdio: 'ignore' });
      const gone = new Promise<number | null>((resolve) =>
        child.once('exit', (code, signal) => {
          if (signal === 'SIGKILL') killed++;
          resolve(code);
        }),
      );
      if (killAfter !== null) void sleep(killAfter).then(() => child.kill('SIGKILL'));
      return gone;
    };
    await append(2_000);
    const backups = () => readdirSync(site.dir).filter((name) => /^sentinel-\w+Z$/.test(name));
    let began = performance.now();
    assert.is(await run(['backup', site.dir], null), 0);
    let takes = performance.now() - began;
    const [first = ''] = backups();
    const copied = (await checkBackup(join(site.dir, first), null)).audit.count;
    for (let round = 1; round <= ROUNDS; round++) {
      // Names are of a second each.
      await sleep(1_000);
      await run(['backup', site.dir], (takes * round) / ROUNDS);
      for (const name of backups()) assert.is((await checkBackup(join(site.dir, name), null)).audit.count, copied);
    }
    assert.ok(killed > 0, 'every kill came too late');

    await append(7);
    const restore = ['restore', join(site.dir, first), '--replace'];
    began = performance.now();
    assert.is(await run(restore, null), 0);
    takes = performance.now() - began;
    assert.is(await count(), copied);
    killed = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      await append(7);
      await run(restore, takes * (0.4 + (0.6 * round) / ROUNDS));
      if (existsSync(restoringFile(site.state))) {
        const { code, stderr } = await site.sentinel('hub');
        assert.is(code, 2);
        assert.match(stderr, /E_STATE_BROKEN.*run sentinel restore again/);
      } else assert.ok([copied, copied + 7].includes(await count()));
      assert.is(await run(restore, null), 0);
      assert.is(await count(), copied);
    }
    assert.ok(killed > 0, 'every kill came too late');
    await site.startHub();
  } finally {
    await site.close();
  }
});

test.run();
