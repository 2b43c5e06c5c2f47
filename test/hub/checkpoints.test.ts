import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile, makeLocalSite, readRoster, readSite } from '../../broker/enroll.ts';
import { openFormerCheckpoint } from '../../broker/halts.ts';
import { newKeyPair, readKeyPair } from '../../broker/keys.ts';
import { lineLog } from '../../broker/log.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { appendAudit, auditHead } from '../../hub/chain/audit.ts';
import { readSeen } from '../../hub/chain/checkpoint-file.ts';
import { growTree, TREE_SLICE, treeRootAt } from '../../hub/chain/checkpoint-tree.ts';
import { Checkpoints, keptCheckpoints } from '../../hub/chain/checkpoints.ts';
import { GrowingTree } from '../../hub/chain/merkle.ts';
import { openedPlaces, readAuditPlaces } from '../../hub/chain/places.ts';
import { auditCommand } from '../../hub/commands/audit.ts';
import type { Hub } from '../../hub/hub.ts';
import { Store } from '../../hub/store/store.ts';
import { tempFolder, until } from '../broker/site.ts';
import { ran } from './made-site.ts';

interface Made {
  readonly folder: string;
  readonly done: () => void;
  readonly state: StateFolder;
  readonly store: Store;
  readonly hub: Hub;
  readonly published: Uint8Array[];
  readonly told: string[];
  /** What is added to the hub's clock. */
  ahead: number;
}

const test = suite<Made>('checkpoints');

test.before.each((context) => {
  const { path: folder, done } = tempFolder();
  const state = stateFolder(join(folder, 'state'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const site = readSite(state);
  const store = new Store(state.store, 'write');
  const [published, told]: [Uint8Array[], string[]] = [[], []];
  const publish = async (_topic: string, payload: Uint8Array) => void published.push(payload);
  Object.assign(context, { folder, done, state, store, published, told, ahead: 0 });
  const hub = {
    store,
    site,
    roster: readRoster(state, site).roster,
    key: readKeyPair(keyFile.hub(state)),
    mesh: { publish },
    log: lineLog('hub', (line) => told.push(line)),
    now: () => 1_700_000_000_000 + context.ahead,
  };
  Object.assign(context, { hub: hub as unknown as Hub });
});
test.after.each(async ({ store, done }) => {
  await store.close();
  done();
});

const grow = ({ hub: { store, key } }: Pick<Made, 'hub'>, records: number): Promise<void> =>
  store.write(() => {
    for (let n = 0; n < records; n++)
      appendAudit(store, key, { kind: 'test.said', incident: null, actor: 'hub', data: { n } }, n);
  });
const rootOf = (store: Store): Buffer => {
  const tree = new GrowingTree();
  for (const { value } of store.audit.getRange({})) tree.add(Buffer.from(value.hash, 'hex'));
  return Buffer.from(tree.root());
};
const read = ({ hub }: Pick<Made, 'hub'>, message: Uint8Array | undefined) =>
  openFormerCheckpoint(message ?? new Uint8Array(), [hub.key.public]);
const verify = ({ state }: Pick<Made, 'state'>, ...argv: string[]) =>
  ran(auditCommand, 'verify', '--state', state.root, ...argv);

test('a checkpoint says the head and the root of the chain, is published and kept, and is made again only as it grows', async (made) => {
  const { hub, store, published } = made;
  const checkpoints = new Checkpoints(hub);
  await grow(made, 5);
  await checkpoints.make();
  await checkpoints.make();
  assert.is(published.length, 1);
  const said = read(made, published[0]);
  assert.equal(said.audit_head, auditHead(store));
  assert.ok(rootOf(store).equals(said.root ?? new Uint8Array()));
  await grow(made, 6);
  await checkpoints.end();
  assert.is(read(made, published[1]).audit_head.count, 11);
  assert.equal(
    keptCheckpoints(store).map(({ count }) => count),
    [5, 11],
  );
});

test('a hub that was followed by another says nothing any more', async (made) => {
  await grow(made, 1);
  const checkpoints = new Checkpoints(made.hub, [], () => true);
  await checkpoints.make();
  await checkpoints.end();
  assert.is(made.published.length, 0);
});

test('a chain that was there before there was a tree is taken in beside the work, and then has a root', async (made) => {
  const { hub, store, published } = made;
  await grow(made, 2 * TREE_SLICE + 100);
  const checkpoints = new Checkpoints(hub);
  await checkpoints.start();
  assert.is(read(made, published[0]).root, undefined);
  await until('a checkpoint with a root', () => published.length === 2);
  assert.ok(rootOf(store).equals(read(made, published[1]).root ?? new Uint8Array()));
  await checkpoints.end();
});

test('a tree that was spoilt in the store, or lags behind, gives no root of another chain', async (made) => {
  const { store } = made;
  await grow(made, 9);
  await store.write(() => void store.meta.put('audit_tree', { count: 5, peaks: 'none' }));
  assert.ok(rootOf(store).equals(treeRootAt(store, 9) ?? new Uint8Array()));
  assert.is(treeRootAt(store, 8), null);
  assert.is(await store.write(() => growTree(store)), 9);
});

test('of the checkpoints in the store one an hour stays, and the newest', async (made) => {
  const checkpoints = new Checkpoints(made.hub);
  for (let minute = 0; minute < 150; minute += 10) {
    made.ahead = minute * 60_000;
    await grow(made, 1);
    await checkpoints.make();
  }
  const minutes = keptCheckpoints(made.store).map(
    ({ message }) => (read(made, message).now - 1_700_000_000_000) / 60_000,
  );
  assert.equal(minutes, [0, 60, 120, 140]);
});

test('audit verify: the checkpoints of a cut store find nothing, one from outside does, and without one it says so', async (made) => {
  const { folder, hub, store, published } = made;
  const checkpoints = new Checkpoints(hub);
  await grow(made, 4);
  await checkpoints.make();
  const plain = await verify(made);
  assert.is(plain.code, 0, plain.lines.join());
  assert.match(plain.lines.join('\n'), /can’t be proved/);
  const file = join(folder, 'ckpt.cbor');
  // As a tool prints it that ends what it prints with a line feed.
  writeFileSync(file, Buffer.concat([published[0] ?? new Uint8Array(), Buffer.from('\n')]));
  const held = await verify(made, '--checkpoint', file);
  assert.match(held.lines.join('\n'), /first 4 records are those that were seen outside/);
  assert.is(JSON.parse((await verify(made, '--json', '--quick', '--checkpoint', file)).lines[0] ?? '').seen_outside, 4);

  await store.write(() => {
    const three = store.audit.get(3);
    void store.audit.remove(4);
    for (const { count } of keptCheckpoints(store)) void store.checkpoints.remove(count);
    void store.meta.put('audit_head', { count: 3, hash: three?.hash });
  });
  assert.is((await verify(made)).code, 0, 'nothing in the store says that it ended later');
  for (const quick of [[], ['--quick']]) {
    const cut = await verify(made, '--checkpoint', file, ...quick);
    assert.is(cut.code, 1);
    assert.match(cut.lines.join(), /^record 4: the chain ends at 3, and the checkpoint of .* has seen 4 records/);
  }
  const memory = join(folder, 'trust.json');
  writeFileSync(memory, JSON.stringify({ roster_version: 1, audit: { count: 4, hash: 'ab'.repeat(32) } }));
  assert.match((await verify(made, '--checkpoint', memory)).lines.join(), /^record 4: .*the agent whose memory/);
});

test('a checkpoint in the store that the hub did not sign, or that is of another chain, is named', async (made) => {
  const { hub, store } = made;
  await grow(made, 4);
  await new Checkpoints(hub).make();
  await store.write(() => void store.checkpoints.put(2, keptCheckpoints(store)[0]?.message ?? new Uint8Array()));
  assert.match((await verify(made)).lines.join(), /^record 2: the checkpoint over it .* it is of 4 records/);
  const stranger = { ...hub, key: newKeyPair() } as unknown as Hub;
  await new Checkpoints(stranger).make();
  await store.write(() => void store.checkpoints.remove(2));
  assert.match((await verify(made)).lines.join(), /^record 4: the checkpoint over it .* not a checkpoint signed by/);
});

test('what is no checkpoint is refused by the file and its line', async (made) => {
  const { folder, hub } = made;
  const keys = [hub.key.public];
  const refused = (content: string | Uint8Array): string => {
    const file = join(folder, 'seen');
    writeFileSync(file, content);
    try {
      readSeen(file, keys, 'local');
      return 'not refused';
    } catch (error) {
      return String(error instanceof Error && 'code' in error ? `${error.code} ${error.message}` : error);
    }
  };
  await grow(made, 1);
  await new Checkpoints(hub).make();
  const message = Buffer.from(made.published[0] ?? new Uint8Array());
  const line = JSON.stringify({ message: message.toString('base64') });
  assert.is(refused(`${line}\n${line}\n`), 'not refused');
  assert.is(refused(`${line}\n{"message":"cut sho`), 'not refused', 'a line that was being written');
  assert.is(refused(`${line}\n{"message":"cut sho\n${line}\n`), 'not refused', 'one that was cut short');
  assert.match(refused(`${line}\nnot ours\n${line}\n`), /^E_CHECKPOINT_FILE .*seen:2: /);
  assert.match(refused(`${line}\n{"message":1}\n`), /^E_CHECKPOINT_FILE .*seen:2: it has no message/);
  assert.match(refused('{"audit":{"count":"x"}}'), /^E_CHECKPOINT_FILE .*audit.count/);
  for (const odd of ['', '\n', 'text', new Uint8Array([0xff, 1, 2]), message.subarray(0, 40)])
    assert.match(refused(odd), /^E_CHECKPOINT_FILE .*seen/);
  message[message.length - 1] = (message.at(-1) ?? 0) ^ 1;
  assert.match(refused(message), /not a checkpoint signed by the expected key/);
});

test('checkpoints are written where the site says: lines are added to a file, and a socket of syslog is told', async (made) => {
  const { folder, hub, state, told } = made;
  const file = join(folder, 'worm', 'checkpoints.jsonl');
  const socket = join(folder, 'log.sock');
  writeFileSync(state.audit, `version: 1\ncheckpoints:\n  file: ${file}\n  syslog: ${socket}\n`);
  const heard: string[] = [];
  const daemon = createServer((connection) => connection.on('data', (data) => heard.push(String(data))));
  const checkpoints = new Checkpoints(hub, openedPlaces(state, hub.log));
  await grow(made, 2);
  await checkpoints.make();
  assert.is(told.filter((line) => /E_CHECKPOINT_PLACE/.test(line)).length, 2);
  await grow(made, 2);
  await checkpoints.make();
  assert.is(told.filter((line) => /E_CHECKPOINT_PLACE/.test(line)).length, 2, 'said once');
  mkdirSync(join(folder, 'worm'));
  writeFileSync(file, '');
  await new Promise<void>((resolve) => daemon.listen(socket, resolve));
  for (const _ of [1, 2]) {
    await grow(made, 2);
    await checkpoints.make();
  }
  daemon.close();
  assert.is(told.filter((line) => /written again/.test(line)).length, 2);
  const seen = readSeen(file, [hub.key.public], 'local');
  assert.equal(
    seen.map(({ count }) => count),
    [6, 8],
  );
  await until('syslog to be told', () => heard.length === 2);
  assert.match(heard[0] ?? '', /^<109>1 \S+ \S+ sentinel-hub \d+ checkpoint - \{"site":"local".*"records":6,.*\}\n$/);
  assert.is((await verify(made, '--checkpoint', file)).code, 0);
});

test('half a line, which a power cut left, spoils neither the next one nor those before', async (made) => {
  const { folder, hub, state } = made;
  const file = join(folder, 'checkpoints.jsonl');
  writeFileSync(state.audit, `version: 1\ncheckpoints: { file: ${file} }\n`);
  const checkpoints = new Checkpoints(hub, openedPlaces(state, hub.log));
  for (const cut of ['', '{"site":"local","at":"2026-']) {
    await grow(made, 2);
    appendFileSync(file, cut);
    await checkpoints.make();
  }
  assert.equal(
    readSeen(file, [hub.key.public], 'local').map(({ count }) => count),
    [2, 4],
  );
});

test('a link in place of the file is not followed', async (made) => {
  const { folder, hub, state, told } = made;
  const [file, behind] = [join(folder, 'ckpt'), join(folder, 'behind')];
  writeFileSync(behind, 'as it was');
  symlinkSync(behind, file);
  writeFileSync(state.audit, `version: 1\ncheckpoints: { file: ${file} }\n`);
  await grow(made, 1);
  await new Checkpoints(hub, openedPlaces(state, hub.log)).make();
  assert.match(told.join(), /same mount/);
  assert.match(told.join(), /E_CHECKPOINT_PLACE/);
  assert.is(readFileSync(behind, 'utf8'), 'as it was');
});

test('a mistake in audit.yaml is named by its line', ({ state }) => {
  const refused = (text: string): string => {
    writeFileSync(state.audit, text);
    try {
      readAuditPlaces(state.audit);
      return 'not refused';
    } catch (error) {
      return String(error);
    }
  };
  assert.is(refused('version: 1\n'), 'not refused');
  assert.match(refused('version: 1\ncheckpoints:\n  file: relative.jsonl\n'), /audit\.yaml:3: .*absolute path/);
  assert.match(refused('version: 1\ncheckpoints:\n  fil: /x\n'), /audit\.yaml:\d: /);
  assert.match(refused('version: 2\n'), /audit\.yaml:1: .*version: 1/);
});

test.run();
