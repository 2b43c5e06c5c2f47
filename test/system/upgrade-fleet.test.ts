import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { chunksOf, releaseHash } from '../../broker/release.ts';
import type { Operator } from '../../broker/roster.ts';
import { seal } from '../../broker/signed.ts';
import { sshSign } from '../../broker/sshsig.ts';
import { ulid } from '../../broker/ulid.ts';
import { signUpgrade, type UpgradeOrder } from '../../broker/upgrade-messages.ts';
import { readAudit } from '../../hub/chain/audit.ts';
import type { Hub } from '../../hub/hub.ts';
import { type UpgradeAct, UpgradeDesk } from '../../hub/upgrade/acts.ts';
import { readRollout } from '../../hub/upgrade/rollout.ts';
import { Upgrades } from '../../hub/upgrade/upgrades.ts';
import { releaseOf } from '../agent/upgrade-fixtures.ts';
import { type TestAgent, testAgent, until } from '../broker/site.ts';
import { keys, openSmallHub, type SmallHub } from '../hub/small-hub.ts';
import { type Next, UpgradeAgent } from '../hub/upgrade-agent.ts';

const test = suite('upgrades of a fleet');
const file = releaseOf('0.1.1');

interface Fleet {
  readonly small: SmallHub;
  readonly hub: Hub;
  readonly hosts: ReadonlyMap<string, UpgradeAgent>;
  readonly begin: (change?: Partial<UpgradeOrder>, by?: string) => Promise<void>;
  readonly stateOf: (agent: string) => string | undefined;
  readonly close: () => Promise<void>;
}

const TIMES = { tick: 50, again: 500, sending: 20_000, ending: 20_000 };

async function fleet(next: Readonly<Record<string, Next>>): Promise<Fleet> {
  const agents = Object.keys(next).map((name): TestAgent => testAgent(name));
  const small = await openSmallHub(agents);
  const upgrades = new Upgrades(join(small.folder, 'upgrade'), TIMES);
  const hub: Hub = Object.assign(small.hub, { upgrades });
  upgrades.start(hub);
  const hosts = new Map(agents.map((one) => [one.name, new UpgradeAgent(small, one, next[one.name])]));
  for (const host of hosts.values()) await host.start();
  for (const { name } of agents) await until(`${name} is heard`, () => hub.store.births.get(name) !== undefined);
  return {
    ...{ small, hub, hosts },
    begin: async (change = {}, by = 'ann') => {
      const order: UpgradeOrder = {
        ...{ id: ulid(), site: 'local', release: releaseHash(file.message), version: '0.1.1', where: ['tag:edge'] },
        ...{ at_once: 2, within_s: 30, downgrade: false, by: 'ann', not_after: Date.now() + 3_600_000 },
        ...change,
      };
      const signed = await signUpgrade(order, async (message, namespace) => sshSign(message, namespace, keys.ann));
      // As the command line brings it.
      const desk = new UpgradeDesk();
      await desk.take(hub, admin(by), { tx: 1, verb: 'upgrade', step: 'release', payload: file.message });
      for (const payload of chunksOf(file.packed))
        await desk.take(hub, admin(by), { tx: 2, verb: 'upgrade', step: 'chunk', payload });
      await desk.take(hub, admin(by), { tx: 3, verb: 'upgrade', step: 'begin', ...signed });
    },
    stateOf: (agent) => readRollout(hub.store)?.hosts.find((one) => one.agent === agent)?.state,
    close: async () => {
      await upgrades.stop();
      for (const host of hosts.values()) await host.close();
      await small.close();
    },
  };
}

const admin = (name: string): Operator => ({ name, key: keys.ann.public, role: 'admin', scopes: [] });

const codeOf = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'taken',
    (error: Error & { code?: string }) => error.code ?? error.message,
  );
const audited = (hub: Hub): string[] =>
  [...hub.store.audit.getRange({})]
    .map(({ value }) => readAudit(value))
    .flatMap(({ kind, data }) =>
      kind.startsWith('upgrade.') ? [`${kind} ${String(data['state'] ?? '')}`.trim()] : [],
    );

test('a fleet gets another version over the mesh, one host first, and every host comes through', async () => {
  const site = await fleet({ 'web-1': 'works', 'web-2': 'works', 'web-3': 'works' });
  try {
    await site.begin();
    assert.is(await codeOf(site.begin()), 'E_UPGRADE_BUSY');
    await until('the end of it', () => readRollout(site.hub.store)?.state !== 'running');
    assert.is(readRollout(site.hub.store)?.why, '');
    for (const [name, one] of site.hosts) {
      await one.settled();
      const { host, version } = one;
      assert.equal([site.stateOf(name), version, host.label()], ['done', '0.1.1', '{"version":"0.1.1"}\n'], name);
      assert.equal(host.audit, ['upgrade_taken', 'upgrade_switched', 'upgrade_confirmed']);
    }
    const [begun, ...records] = audited(site.hub);
    assert.is(begun, 'upgrade.begun');
    assert.is(records.at(-1), 'upgrade.ended done');
    // The first one was alone until it had come through.
    assert.equal(records.slice(0, 3), ['upgrade.host sending', 'upgrade.host switching', 'upgrade.host done']);
    assert.is(records.filter((one) => one === 'upgrade.host done').length, 3);
    await site.begin();
    await until('nothing to do', () => readRollout(site.hub.store)?.state === 'done');
    assert.equal(['web-1', 'web-2', 'web-3'].map(site.stateOf), ['same', 'same', 'same']);
  } finally {
    await site.close();
  }
});

test('the first host that goes back is the last one that is begun', async () => {
  const site = await fleet({ 'web-1': 'is mute', 'web-2': 'works' });
  try {
    await site.begin({ within_s: 10 });
    const mute = site.hosts.get('web-1');
    await until('the new version is put over', () => mute?.version === '0.1.1');
    assert.is(site.stateOf('web-2'), 'waiting');
    // Nobody waits ten seconds here: its time is over.
    mute?.host.state.decide('returning');
    await until('the end of it', () => readRollout(site.hub.store)?.state === 'stopped');
    assert.is(readRollout(site.hub.store)?.why, 'web-1: returned, E_UPGRADE_UNHEARD');
    assert.equal(['web-1', 'web-2'].map(site.stateOf), ['returned', 'left']);
    assert.is(mute?.version, '0.1.0');
    assert.is(site.hosts.get('web-2')?.answers.length, 0);
  } finally {
    await site.close();
  }
});

test('an upgrade that is stopped is forgotten by the host that was receiving it', async () => {
  const site = await fleet({ 'web-1': 'works', 'web-2': 'works' });
  try {
    await site.begin();
    await site.hub.upgrades?.halt(site.hub, 'ann');
    const host = site.hosts.get('web-1');
    await until('it has heard so', () => host?.answers.at(-1)?.code === 'E_UPGRADE_STOPPED');
    assert.equal(['web-1', 'web-2'].map(site.stateOf), ['left', 'left']);
    assert.is(host?.host.state.stand(), null);
  } finally {
    await site.close();
  }
});

test('a hub that is started again goes on, and one without the release says so', async () => {
  const site = await fleet({ 'web-1': 'works' });
  try {
    // A hub that was killed right after it had written that it begins.
    const { hub } = site;
    const folder = join(site.small.folder, 'upgrade');
    await hub.upgrades?.stop();
    const first = new Upgrades(folder, { ...TIMES, tick: 1_000_000 });
    const signed = await signUpgrade(
      {
        ...{ id: ulid(), site: 'local', release: releaseHash(file.message), version: '0.1.1', where: ['host:web-1'] },
        ...{ at_once: 1, within_s: 30, downgrade: false, by: 'ann', not_after: Date.now() + 3_600_000 },
      },
      async (message, namespace) => sshSign(message, namespace, keys.ann),
    );
    await first.begin(hub, 'ann', file, signed);
    await first.stop();
    assert.is(site.stateOf('web-1'), 'sending');
    const second = new Upgrades(folder, TIMES);
    Object.assign(hub, { upgrades: second });
    second.start(hub);
    await until('the end of it', () => readRollout(hub.store)?.state === 'done');
    await second.stop();
    assert.is(site.hosts.get('web-1')?.version, '0.1.1');

    const present = readRollout(hub.store);
    assert.ok(present !== null);
    await hub.store.write(() => void hub.store.meta.put('upgrade', { ...present, state: 'running' }));
    const third = new Upgrades(join(site.small.folder, 'elsewhere'), TIMES);
    third.start(hub);
    await until('it has stopped', () => readRollout(hub.store)?.state === 'stopped');
    assert.match(readRollout(hub.store)?.why ?? '', /release can't be read/);
    await third.stop();
  } finally {
    await site.close();
  }
});

test('what no admin has signed, or what a hub may not bring, is not begun; a report that is another’s changes nothing', async () => {
  const site = await fleet({ 'web-1': 'works' });
  const { hub } = site;
  try {
    assert.is(await codeOf(site.begin({ by: 'vic' })), 'E_SIGNATURE');
    assert.is(await codeOf(site.begin({}, 'bob')), 'E_UPGRADE_ORDER');
    assert.is(await codeOf(site.begin({ release: 'ab'.repeat(32) })), 'E_UPGRADE_ORDER');
    assert.is(await codeOf(site.begin({ not_after: 1 })), 'E_UPGRADE_EXPIRED');
    assert.is(await codeOf(site.begin({ where: ['tag:nobody'] })), 'E_UPGRADE_WHERE');
    assert.is(await codeOf(site.begin({ where: ['nobody'] })), 'E_MESSAGE_SHAPE');
    assert.is(readRollout(hub.store), null);
    assert.equal(audited(hub), []);
    const desk = new UpgradeDesk();
    const take = (step: UpgradeAct['step'], payload?: Uint8Array, by = admin('ann')) =>
      codeOf(desk.take(hub, by, { tx: 1, verb: 'upgrade', step, ...(payload === undefined ? {} : { payload }) }));
    const [first, second] = chunksOf(file.packed);
    assert.is(await take('release', file.message, { ...admin('ann'), role: 'approver' }), 'E_ACT_ROLE');
    assert.is(await take('chunk', first), 'E_UPGRADE_UNKNOWN');
    assert.is(await take('release'), 'E_ACT_MISMATCH');
    assert.is(await take('release', Uint8Array.of(1, 2)), 'E_CBOR');
    assert.is(await take('release', file.message), 'taken');
    assert.is(await take('chunk', second), 'E_UPGRADE_CHUNK');
    assert.is(await take('chunk', first), 'taken');
    assert.is(await take('chunk', second, admin('bob')), 'E_UPGRADE_UNKNOWN');
    assert.is(await take('begin', first), 'E_UPGRADE_CHUNK');
    assert.is(readRollout(hub.store), null);
    assert.is(await codeOf(hub.upgrades?.halt(hub, 'ann') ?? Promise.resolve()), 'E_UPGRADE_UNKNOWN');

    const eve = testAgent('eve');
    const report = { agent: 'web-1', boot: '0123456789abcdef', upgrade: ulid(), state: 'confirmed' };
    const heard = (key = eve.key) =>
      codeOf(hub.upgrades?.hear(hub, 'web-1', seal('upgrade_report', encodeCbor(report), key)) ?? Promise.resolve());
    assert.is(await heard(), 'E_SIGNATURE');
  } finally {
    await site.close();
  }
});

test('hosts that have it off, or are dry run, are passed over, and said to be', async () => {
  const site = await fleet({ 'web-1': 'works' });
  try {
    const host = site.hosts.get('web-1');
    const before = site.hub.store.births.get('web-1')?.boot;
    await host?.start({});
    await until('it is heard again', () => site.hub.store.births.get('web-1')?.boot !== before);
    await site.begin();
    assert.is(site.stateOf('web-1'), 'cannot');
    assert.is(readRollout(site.hub.store)?.state, 'done');
    assert.is(host?.answers.length, 0);
    assert.ok(chunksOf(file.packed).length > 2);
  } finally {
    await site.close();
  }
});

test.run();
