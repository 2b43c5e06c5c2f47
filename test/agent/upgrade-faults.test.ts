import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ExecLink } from '../../agent/exec/exec-link.ts';
import { type Carrier, ExecServer } from '../../agent/exec/exec-server.ts';
import { endsUpgrade } from '../../agent/exec/upgrades.ts';
import { lineLog } from '../../broker/log.ts';
import { ExecSite, planned } from './exec-fixtures.ts';
import { inShort, programOf, TestSite } from './order-fixtures.ts';
import { NEW, OLD, releaseOf, UpgradeHost, UpgradeWords } from './upgrade-fixtures.ts';

/** What goes wrong between hub, executor and guard: words that come late or again, orders in between, disks and files that fail. */
const test = suite<{ site: TestSite; host: UpgradeHost }>('faults of upgrades');
test.before.each((context) => {
  context.site = new TestSite();
  context.host = new UpgradeHost(context.site);
});
test.after.each(({ host }) => host.close());

async function codeOf(act: () => unknown): Promise<string> {
  try {
    return JSON.stringify(await act());
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

async function brought(site: TestSite, host: UpgradeHost): Promise<UpgradeWords> {
  const words = new UpgradeWords(site, releaseOf('0.1.1'));
  host.upgrades().take(await words.offer(), true);
  for (let i = 0; i < words.chunks; i++) host.upgrades().take(words.chunk(i), true);
  assert.is(host.state.stand(), 'pending');
  return words;
}

/** A guard that is killed as soon as it has started what is installed. */
async function killed(host: UpgradeHost): Promise<void> {
  const stop = new AbortController();
  await host.guard(() => stop.abort(), stop.signal);
}

test('a word that was held back for longer than it counts does nothing', async ({ site, host }) => {
  const words = new UpgradeWords(site, releaseOf('0.1.1'));
  const old = { until: Date.now() - 1 };
  assert.is(await codeOf(async () => host.upgrades().take(await words.offer(old), true)), 'E_UPGRADE_EXPIRED');
  host.upgrades().take(await words.offer(), true);
  for (let i = 0; i + 1 < words.chunks; i++) host.upgrades().take(words.chunk(i), true);
  const last = words.chunks - 1;
  for (const until of [old.until, 0])
    assert.is(
      await codeOf(() => host.upgrades().take(words.chunk(last, undefined, { until }), true)),
      'E_UPGRADE_EXPIRED',
    );
  assert.is(host.state.stand(), null);
  assert.equal(host.upgrades().take(words.chunk(last), true), { state: 'switching' });
});

test('what an admin has stopped does not come again from whoever has kept its pieces', async ({ site, host }) => {
  const words = new UpgradeWords(site, releaseOf('0.1.1'));
  assert.is(await codeOf(() => host.upgrades().take(words.stop(), true)), 'E_UPGRADE_UNKNOWN');
  host.upgrades().take(await words.offer(), true);
  host.upgrades().take(words.chunk(0), true);
  const other = new UpgradeWords(site, releaseOf('0.1.1'));
  assert.is(await codeOf(() => host.upgrades().take(other.stop(), true)), 'E_UPGRADE_UNKNOWN');
  assert.ok(existsSync(host.state.at('part')));
  const stopped = { state: 'returned', code: 'E_UPGRADE_STOPPED' };
  for (const word of [words.stop(), words.stop(), await words.offer(), words.chunk(0), words.chunk(1)])
    assert.equal(host.upgrades().take(word, true), stopped);
  assert.not.ok(existsSync(host.state.at('part')) || existsSync(host.state.at('offer')));
  assert.equal(host.audit, ['upgrade_stopped']);
  await brought(site, host);
});

test('an earlier offer that is brought again takes nothing away of the one that followed', async ({ site, host }) => {
  const first = new UpgradeWords(site, releaseOf('0.1.1'));
  const second = new UpgradeWords(site, releaseOf('0.1.2'), { version: '0.1.2' });
  const until = Date.now() + 60_000;
  host.upgrades().take(await first.offer({ until }), true);
  host.upgrades().take(first.chunk(0), true);
  assert.equal(host.upgrades().take(await second.offer({ until: until + 1 }), true), { state: 'want', next: 0 });
  host.upgrades().take(second.chunk(0), true);
  assert.is(await codeOf(async () => host.upgrades().take(await first.offer({ until }), true)), 'E_UPGRADE_EXPIRED');
  const again = await second.offer({ until: until + 2 });
  assert.equal(host.upgrades().take(again, true), { state: 'want', next: 1 });
});

test('the end of an upgrade waits for no order; an order that is not begun is left to the executor that comes', async ({
  site,
  host,
}) => {
  const words = new UpgradeWords(site, releaseOf('0.1.1'));
  let end: (wasCarried: boolean) => void = () => {};
  const order = new Promise<boolean>((resolve) => {
    end = resolve;
  });
  let begins = () => {};
  const begun = new Promise<void>((resolve) => {
    begins = resolve;
  });
  const carrier: Carrier = {
    hello: { version: 1, agent: 'web-1', live: true, privileged: false },
    carry: () => {
      begins();
      return order;
    },
    hear: () => {},
    halt: () => {},
    upgrade: ({ upgrade }) => ({ state: endsUpgrade(upgrade) ? 'confirmed' : 'switching' }),
    waits: ({ upgrade }) => !endsUpgrade(upgrade),
    stop: () => {},
    busy: () => false,
  };
  const server = new ExecServer(
    carrier,
    lineLog('exec', () => {}),
  );
  const path = join(host.dir, 's');
  await server.listen({ path });
  const link = new ExecLink(path);
  const none = new Uint8Array();
  const handed = link.hand({ order: none, roster: none, dry: false }, () => {});
  await begun;
  const said = (upgrade: Uint8Array) => link.upgrade({ upgrade, roster: none, dry: false });
  const piece = said(words.chunk(0));
  assert.equal(await said(words.confirm()), { state: 'confirmed' });
  end(false);
  assert.equal(await piece, { state: 'switching' });
  assert.equal(await handed, { end: 'lost', sent: true });
  await server.close();
});

test('an order that comes while a version is put over is begun by the executor that stays', async () => {
  const exec = new ExecSite();
  try {
    const made = () => readdirSync(exec.dir).filter((name) => name.startsWith('ran.')).length;
    const now = join(exec.state, 'exec', 'upgrade', 'now');
    await exec.start('--live');
    writeFileSync(join(now, 'pending'), '{}');
    const plan = [planned('step', 1, programOf(['mktemp', '-p', exec.dir, 'ran.XXXXXX']))];
    const order = exec.site.order(exec.approval(plan), plan);
    const first = exec.hand(order, { ack: exec.ack() });
    for (let asked = 0; asked < 3; asked++) assert.ok((await exec.link.ask())?.live);
    await exec.kill('SIGTERM');
    assert.equal((await first).handed, { end: 'lost', sent: true });
    assert.is(made(), 0);
    rmSync(join(now, 'pending'));
    await exec.start('--live');
    assert.equal(inShort((await exec.hand(order)).reports), ['step 1 done']);
    assert.is(made(), 1);
  } finally {
    await exec.close();
  }
});

test('a site that was halted meanwhile begins no switch, and takes none back that waits for its hub', async ({
  site,
  host,
}) => {
  const first = await brought(site, host);
  host.isHalted = true;
  await host.guard();
  assert.is(host.installed(), OLD);
  assert.is(host.state.entry(first.order.id)?.code, 'E_HALTED');

  host.isHalted = false;
  const second = await brought(site, host);
  await killed(host);
  host.isHalted = true;
  await host.guard(() => host.upgrades({ version: '0.1.1' }).take(second.confirm(), true));
  assert.is(host.installed(), NEW);
  assert.is(host.state.entry(second.order.id)?.outcome, 'confirmed');
});

test('a disk that takes nothing keeps no host from going back, and nothing is started time and again for it', async ({
  site,
  host,
}) => {
  const { order } = await brought(site, host);
  await killed(host);
  assert.is(host.installed(), NEW);
  // No file can be written: what each write begins with can't be made.
  const inTheWay = [
    `${host.bundle}.upgrade`,
    join(host.dir, 'RELEASE.json.upgrade'),
    ...['starts', 'ledger'].map((name) => join(host.state.folder, `${name}.${process.pid}.new`)),
  ];
  for (const path of inTheWay) mkdirSync(path);
  const stop = new AbortController();
  let restarts = 0;
  const guarding = host.guard(() => {
    restarts++;
    setImmediate(() => stop.abort());
  }, stop.signal);
  await guarding;
  assert.equal([host.installed(), restarts, host.state.stand()], [OLD, 1, 'returning']);
  for (const path of inTheWay) rmSync(path, { recursive: true });
  await host.guard();
  assert.equal([host.state.stand(), host.label()], [null, '{"version":"0.1.0"}\n']);
  assert.is(host.state.entry(order.id)?.outcome, 'returned');
  assert.not.ok(existsSync(`${host.bundle}.before`));

  const second = await brought(site, host);
  mkdirSync(`${host.bundle}.upgrade`);
  await host.guard();
  rmSync(`${host.bundle}.upgrade`, { recursive: true });
  assert.is(host.installed(), OLD);
  assert.is(host.state.entry(second.order.id)?.code, 'E_UPGRADE_DISK');
});

test('a file of the switch that can’t be read ends it: what nobody has confirmed goes, what was confirmed stays', async ({
  site,
  host,
}) => {
  const damaged = (name: string) => writeFileSync(join(host.state.folder, name), '{"version":1,');
  await brought(site, host);
  await killed(host);
  damaged('now/pending');
  const restarts = host.restarts;
  await host.guard();
  assert.equal([host.installed(), host.state.stand(), host.restarts], [OLD, null, restarts + 1]);
  assert.ok(existsSync(join(host.state.folder, 'damaged')));

  // The folder has lost the copy of what ran too: what is put back is what ran.
  await brought(site, host);
  await killed(host);
  damaged('now/pending');
  writeFileSync(host.state.at('before.cjs'), '');
  await host.guard();
  assert.equal([host.installed(), host.state.stand()], [OLD, null]);

  await brought(site, host);
  await killed(host);
  host.state.decide('confirmed');
  damaged('now/confirmed');
  await host.guard();
  assert.equal([host.installed(), host.state.stand()], [NEW, null]);
  writeFileSync(host.bundle, OLD);

  const words = await brought(site, host);
  damaged('ledger');
  await host.guard();
  assert.equal([host.installed(), host.state.stand()], [OLD, null]);
  // What was ordered before is not known any more, so nothing is taken.
  assert.is(await codeOf(async () => host.upgrades().take(await words.offer(), true)), 'E_STATE_BROKEN');
});

test.run();
