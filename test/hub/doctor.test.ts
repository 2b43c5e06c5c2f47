import { createHash } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile, makeLocalSite, readRoster, readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { lineLog } from '../../broker/log.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { appendAudit } from '../../hub/chain/audit.ts';
import { Checkpoints } from '../../hub/chain/checkpoints.ts';
import { lookAtCheckpoints } from '../../hub/doctor/checkpoints.ts';
import { guarded } from '../../hub/doctor/finding.ts';
import { lookAtChosenModel } from '../../hub/doctor/models.ts';
import type { Hub } from '../../hub/hub.ts';
import { fileOf, writeManifest } from '../../hub/models/manifest.ts';
import { Store } from '../../hub/store/store.ts';
import { tempFolder } from '../broker/site.ts';

interface Made {
  readonly done: () => void;
  readonly state: StateFolder;
  readonly store: Store;
  readonly hub: Hub;
}

const test = suite<Made>('what the doctor looks at');
const START = 1_700_000_000_000;

test.before.each((context) => {
  const { path, done } = tempFolder();
  const state = stateFolder(join(path, 'state'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const site = readSite(state);
  const store = new Store(state.store, 'write');
  const key = readKeyPair(keyFile.hub(state));
  const { roster } = readRoster(state, site);
  const mesh = { publish: async () => {} };
  const hub = { store, site, roster, key, mesh, log: lineLog('hub', () => {}), now: () => START };
  Object.assign(context, { done, state, store, hub: hub as unknown as Hub });
});
test.after.each(async ({ store, done }) => {
  await store.close();
  done();
});

const grow = ({ hub: { store, key } }: Made, records: number): Promise<void> =>
  store.write(() => {
    for (let n = 0; n < records; n++)
      appendAudit(store, key, { kind: 'test.said', incident: null, actor: 'hub', data: { n } }, START);
  });

const look = ({ store, state, hub }: Made, minutes: number, isUp = true) =>
  lookAtCheckpoints(store, state, { keys: [hub.key.public], isUp, now: START + minutes * 60_000 });

test('a checkpoint covers the chain, is late where a hub runs and makes none, and may be so where none runs', async (made) => {
  assert.match(look(made, 0)[0]?.what ?? '', /^no checkpoint yet/);
  await grow(made, 5);
  await new Checkpoints(made.hub).make();
  assert.equal(look(made, 60), [
    { check: 'audit', ok: true, what: 'the checkpoint of 2023-11-14T22:13:20.000Z covers 5 records', todo: '' },
  ]);
  await grow(made, 2);
  assert.ok(look(made, 4)[0]?.ok);
  assert.ok(look(made, 6, false)[0]?.ok);
  const [late] = look(made, 6);
  assert.not.ok(late?.ok);
  assert.match(late?.what ?? '', /2 records came after it$/);
});

test('a chain that was cut, or has another record, is not what its checkpoint says', async (made) => {
  const { store } = made;
  await grow(made, 5);
  await new Checkpoints(made.hub).make();
  const last = store.audit.get(5);
  if (last === undefined) throw new Error('nothing was kept');
  await store.write(() => void store.audit.remove(5));
  assert.match(look(made, 0)[0]?.what ?? '', /is of 5 records, and the chain has others or fewer$/);
  await store.write(() => void store.audit.put(5, { ...last, hash: 'ab'.repeat(32) }));
  assert.not.ok(look(made, 0)[0]?.ok);
});

test('a place of audit.yaml that is gone is a finding', async (made) => {
  const place = join(made.state.root, 'worm', 'checkpoints.jsonl');
  writeFileSync(made.state.audit, `version: 1\ncheckpoints:\n  file: ${place}\n`);
  const bad = () => look(made, 0).filter(({ ok }) => !ok);
  assert.match(bad()[0]?.what ?? '', `can’t be written to ${place}`);
  mkdirSync(join(made.state.root, 'worm'));
  assert.equal(bad(), []);
});

test('the model that the hub takes: what ships, what was pulled, what is gone', async ({ state }) => {
  assert.equal(await lookAtChosenModel(state), [
    { check: 'model', ok: true, what: 'the one that ships is what was packed', todo: '' },
  ]);
  mkdirSync(state.models, { recursive: true });
  const content = 'GGUF and more';
  const sha256 = createHash('sha256').update(content).digest('hex');
  const pulled = { name: 'small', bytes: content.length, sha256, from: 'stick', added: START };
  writeManifest(state.models, { version: 1, models: [pulled], use: 'small' });
  const file = fileOf(state.models, 'small');
  writeFileSync(file, content);
  assert.match((await lookAtChosenModel(state))[0]?.what ?? '', `small is what was pulled, SHA-256 ${sha256}`);
  writeFileSync(file, content.toUpperCase());
  assert.match((await lookAtChosenModel(state))[0]?.what ?? '', /^small: was [0-9a-f]{64}, is /);
  truncateSync(file, 4);
  const [cut] = await lookAtChosenModel(state);
  assert.is(cut?.what, 'small has 4 bytes instead of 13');
  assert.match(cut?.todo ?? '', 'sentinel model pull FILE --name small');
  writeManifest(state.models, { version: 1, models: [], use: 'small' });
  assert.match((await lookAtChosenModel(state))[0]?.what ?? '', 'is not there any more');
  writeManifest(state.models, { version: 1, models: [], use: 'none' });
  assert.ok((await lookAtChosenModel(state))[0]?.ok);
});

test('what may not be read is for the hub’s own user to look at', async () => {
  const refused = async (code: string) => {
    const [found] = await guarded('keys', () => {
      throw Object.assign(new Error(`${code}: no`), { code });
    });
    return found?.todo;
  };
  assert.is(await refused('EACCES'), 'look as the user whom the hub runs as');
  assert.is(await refused('ENOENT'), 'mend what the message names, then ask again');
});

test.run();
