import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { sealHalt } from '../../broker/halts.ts';
import { newKeyPair } from '../../broker/keys.ts';
import { chunksOf } from '../../broker/release.ts';
import { seal } from '../../broker/signed.ts';
import { TestSite } from './order-fixtures.ts';
import { NEW, OLD, releaseOf, UpgradeHost, UpgradeWords } from './upgrade-fixtures.ts';

const test = suite<{ site: TestSite; host: UpgradeHost }>('upgrades');
test.before.each((context) => {
  context.site = new TestSite();
  context.host = new UpgradeHost(context.site);
});
test.after.each(({ host }) => host.close());

const refused = async (act: () => unknown): Promise<string> => {
  try {
    return JSON.stringify(await act());
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
};

/** All of it, up to the word that the version is being put over. */
async function brought(host: UpgradeHost, words: UpgradeWords): Promise<UpgradeWords> {
  assert.equal(host.upgrades().take(await words.offer(), true), { state: 'want', next: 0 });
  for (let i = 0; i < words.chunks; i++) {
    const last = i + 1 === words.chunks;
    const answer = host.upgrades().take(words.chunk(i), true);
    assert.equal(answer, last ? { state: 'switching' } : { state: 'want', next: i + 1 });
  }
  return words;
}

test('a release is brought in pieces, put over, heard by the hub, and stays', async ({ site, host }) => {
  const words = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  assert.ok(words.chunks > 2);
  // Laid down, and nothing that runs is touched yet: that is the guard's.
  assert.is(host.installed(), OLD);
  await host.guard(() => {
    assert.is(host.installed(), NEW);
    assert.equal(host.upgrades({ version: '0.1.1' }).take(words.confirm(), true), { state: 'confirmed' });
  });
  assert.is(host.installed(), NEW);
  assert.is(host.label(), '{"version":"0.1.1"}\n');
  assert.is(host.state.present(), null);
  assert.equal(host.audit, ['upgrade_taken', 'upgrade_switched', 'upgrade_confirmed']);
  // Told again, whatever comes: it is over, and does not begin again.
  for (const word of [await words.offer(), words.chunk(0), words.confirm()])
    assert.equal(host.upgrades({ version: '0.1.1' }).take(word, true), { state: 'confirmed' });
});

test('a version that its hub does not hear in time goes back, once and for all', async ({ site, host }) => {
  const words = await brought(host, new UpgradeWords(site, releaseOf('0.1.1'), { within_s: 10 }));
  const made = host.state.present()?.what;
  assert.is(made?.within_s, 10);
  // Nobody waits ten seconds here: the same switch with no time left.
  host.state.end();
  if (made !== undefined) host.state.begin({ ...made, within_s: 1 });
  const started: string[] = [];
  await host.guard(() => {
    started.push(host.label());
  });
  assert.equal(started, ['{"version":"0.1.1"}\n', '{"version":"0.1.0"}\n']);
  assert.is(host.installed(), OLD);
  assert.is(host.label(), '{"version":"0.1.0"}\n');
  assert.is(host.restarts, 2);
  assert.equal(host.audit, ['upgrade_taken', 'upgrade_switched', 'upgrade_returned']);
  const returned = { state: 'returned', code: 'E_UPGRADE_UNHEARD' };
  for (const word of [await words.offer(), words.chunk(0), words.confirm()])
    assert.equal(host.upgrades().take(word, true), returned);
  // Another order of the same release is another upgrade.
  await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
});

test('nothing is believed that the release key, an admin and the hub have not each signed', async ({ site, host }) => {
  const eve = newKeyPair();
  const good = new UpgradeWords(site, releaseOf('0.1.1'));
  const offered = (words: UpgradeWords) => refused(async () => host.upgrades().take(await words.offer(), true));
  const cases: readonly (readonly [code: string, said: Promise<string>])[] = [
    ['E_SIGNATURE', refused(async () => host.upgrades().take(await good.offer({}, eve), true))],
    ['E_SIGNATURE', offered(new UpgradeWords(site, releaseOf('0.1.1', NEW, eve)))],
    ['E_SIGNATURE', offered(new UpgradeWords(site, releaseOf('0.1.1'), {}, eve))],
    // The hub's own key, and that of one who may approve repairs, order no code.
    ['E_SIGNATURE', offered(new UpgradeWords(site, releaseOf('0.1.1'), {}, site.hub))],
    ['E_SIGNATURE', offered(new UpgradeWords(site, releaseOf('0.1.1'), { by: 'ann' }, site.ann))],
    ['E_SIGNATURE', offered(new UpgradeWords(site, releaseOf('0.1.1'), { site: 'other' }))],
    ['E_UPGRADE_ORDER', offered(new UpgradeWords(site, releaseOf('0.1.1'), { release: 'ab'.repeat(32) }))],
    ['E_UPGRADE_ORDER', offered(new UpgradeWords(site, releaseOf('0.1.1'), { version: '0.1.2' }))],
    ['E_UPGRADE_WHERE', offered(new UpgradeWords(site, releaseOf('0.1.1'), { where: ['host:web-2', 'tag:line'] }))],
    ['E_UPGRADE_WHERE', offered(new UpgradeWords(site, releaseOf('0.1.1'), { where: [] }))],
    ['E_UPGRADE_EXPIRED', offered(new UpgradeWords(site, releaseOf('0.1.1'), { not_after: Date.now() - 1 }))],
    [
      'E_UPGRADE_EXPIRED',
      offered(new UpgradeWords(site, releaseOf('0.1.1'), { not_after: Date.now() + 9 * 86_400_000 })),
    ],
    ['E_UPGRADE_OLD', offered(new UpgradeWords(site, releaseOf('0.1.0'), { version: '0.1.0' }))],
    ['E_UPGRADE_OLD', offered(new UpgradeWords(site, releaseOf('0.0.9'), { version: '0.0.9' }))],
    ['E_UPGRADE_AGENT', refused(async () => host.upgrades().take(await good.offer({ agent: 'db-1' }), true))],
    ['E_UPGRADE_AGENT', refused(async () => host.upgrades().take(await good.offer({ epoch: 1 }), true))],
    ['E_UPGRADE_UNKNOWN', refused(() => host.upgrades().take(good.chunk(0), true))],
    ['E_UPGRADE_UNKNOWN', refused(() => host.upgrades().take(good.confirm(), true))],
    ['E_UPGRADE_DRY', refused(async () => host.upgrades().take(await good.offer(), false))],
    ['E_UPGRADE_OFF', refused(async () => host.upgrades({ bundle: null }).take(await good.offer(), true))],
    [
      'E_UPGRADE_OFF',
      refused(async () => host.upgrades({ releaseKey: '/nonexistent' }).take(await good.offer(), true)),
    ],
    ['E_UPGRADE_OFF', refused(async () => host.upgrades({ releaseKey: host.bundle }).take(await good.offer(), true))],
    [
      'E_PATH',
      refused(async () =>
        host
          .upgrades({
            checkPath: (path) => {
              throw Object.assign(new Error(path), { code: 'E_PATH' });
            },
          })
          .take(await good.offer(), true),
      ),
    ],
    [
      'E_MESSAGE_SHAPE',
      refused(() => host.upgrades().take(seal('upgrade', encodeCbor({ upgrade: 7 }), site.hub), true)),
    ],
    ['E_CBOR', refused(() => host.upgrades().take(Uint8Array.of(0x9f, 1), true))],
  ];
  for (const [i, [code, said]] of cases.entries()) assert.is(await said, code, `case ${i}`);
  assert.is(host.installed(), OLD);
  assert.not.ok(existsSync(host.state.at('next.cjs')));
  // The halt holds for this as for every act.
  const halt = { site: 'local', epoch: 2, counter: 1, halted: true, at: 1, by: 'ann', reason: '' };
  site.trust.learnHalt(sealHalt(halt, site.hub));
  assert.is(await offered(good), 'E_HALTED');
});

test('pieces that are forged, lost, repeated or torn by a power cut change nothing of what comes out', async ({
  site,
  host,
}) => {
  const words = new UpgradeWords(site, releaseOf('0.1.1'));
  host.upgrades().take(await words.offer(), true);
  host.upgrades().take(words.chunk(0), true);
  const [first = new Uint8Array(), second = new Uint8Array()] = chunksOf(words.file.packed);
  const forged = Uint8Array.from(second, (byte, i) => (i === 9 ? byte ^ 1 : byte));
  for (const bytes of [forged, first, new Uint8Array(), second.subarray(1)])
    assert.is(await refused(() => host.upgrades().take(words.chunk(1, bytes), true)), 'E_UPGRADE_CHUNK');
  for (const index of [0, 2]) assert.equal(host.upgrades().take(words.chunk(index), true), { state: 'want', next: 1 });
  // Half a piece: it is asked for again, from its beginning.
  appendFileSync(host.state.at('part'), second.subarray(0, 500));
  assert.equal(host.upgrades().take(await words.offer(), true), { state: 'want', next: 1 });
  // A whole one that the disk has lost: found when all is there, and brought anew.
  truncateSync(host.state.at('part'), 0);
  appendFileSync(host.state.at('part'), Buffer.alloc(first.length));
  for (let i = 1; i + 1 < words.chunks; i++) host.upgrades().take(words.chunk(i), true);
  assert.is(await refused(() => host.upgrades().take(words.chunk(words.chunks - 1), true)), 'E_RELEASE');
  assert.is(host.state.present(), null);
  await brought(host, words);
});

test('what an admin takes back between two pieces is not put over', async ({ site, host }) => {
  const words = new UpgradeWords(site, releaseOf('0.1.1'), { not_after: Date.now() + 60_000 });
  const later = { now: () => Date.now() + 120_000 };
  host.upgrades().take(await words.offer(), true);
  assert.is(await refused(() => host.upgrades(later).take(words.chunk(0), true)), 'E_UPGRADE_EXPIRED');
  assert.is(await refused(() => host.upgrades().take(words.chunk(0), false)), 'E_UPGRADE_DRY');
});

test('a version that is not later takes the admin’s word for it, each time', async ({ site, host }) => {
  const back = new UpgradeWords(site, releaseOf('0.0.9'), { version: '0.0.9', downgrade: true });
  await brought(host, back);
  await host.guard(() => host.upgrades({ version: '0.0.9' }).take(back.confirm(), true));
  assert.is(host.installed(), NEW);
  // Another version is installed since, by hand: the old order does not bring this one back.
  writeFileSync(host.bundle, OLD);
  assert.equal(host.upgrades().take(await back.offer(), true), { state: 'confirmed' });
  assert.is(host.state.present(), null);
});

test('one at a time: another is refused until the first has ended', async ({ site, host }) => {
  const first = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  const other = new UpgradeWords(site, releaseOf('0.1.2'), { version: '0.1.2' });
  assert.is(await refused(async () => host.upgrades().take(await other.offer(), true)), 'E_UPGRADE_BUSY');
  assert.equal(host.upgrades().take(await first.offer(), true), { state: 'switching' });
  // Said before anything was put over: a hub that lies, or errs, ends nothing by it.
  assert.equal(host.upgrades().take(first.confirm(), true), { state: 'switching' });
});

test('the guard goes on from wherever it was killed', async ({ site, host }) => {
  const words = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  const killed = () => {
    const stop = new AbortController();
    return host.guard(() => stop.abort(), stop.signal);
  };
  await killed();
  assert.is(host.installed(), NEW);
  assert.is(host.state.present()?.stand, 'pending');
  // Killed after the word was decided, before anything followed from it.
  host.state.decide('returning');
  assert.not.ok(host.state.decide('confirmed'));
  assert.equal(host.upgrades({ version: '0.1.1' }).take(words.confirm(), true), { state: 'switching' });
  await host.guard();
  assert.is(host.installed(), OLD);
  assert.equal(host.state.entry(words.order.id)?.outcome, 'returned');

  const again = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  for (let start = 1; start <= 3; start++) await killed();
  assert.is(host.state.present()?.stand, 'pending');
  // A host that goes down with it time after time: the fourth start gives it up.
  await host.guard();
  assert.is(host.installed(), OLD);
  assert.equal(host.state.entry(again.order.id)?.outcome, 'returned');
});

test('what is not whole is not put over, and what somebody else installs meanwhile stays', async ({ site, host }) => {
  const damaged = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  writeFileSync(host.state.at('next.cjs'), NEW.slice(1));
  await host.guard();
  assert.is(host.installed(), OLD);
  assert.is(host.state.entry(damaged.order.id)?.code, 'E_UPGRADE_DAMAGED');

  const replaced = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  const stop = new AbortController();
  await host.guard(() => stop.abort(), stop.signal);
  writeFileSync(host.bundle, 'by dpkg');
  await host.guard();
  assert.is(readFileSync(host.bundle, 'utf8'), 'by dpkg');
  assert.is(host.state.entry(replaced.order.id)?.code, 'E_UPGRADE_REPLACED');

  // Between the record and the first file of the switch the power went: it is not begun again.
  const cut = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  host.state.end();
  assert.equal(host.upgrades().take(await cut.offer(), true), { state: 'returned', code: 'E_UPGRADE_UNKNOWN' });
});

test('what lay about until its order was over is not begun', async ({ site, host }) => {
  const words = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  const entry = host.state.entry(words.order.id);
  if (entry !== undefined) host.state.note({ ...entry, not_after: Date.now() - 1 }, 0);
  const started: string[] = [];
  const stop = new AbortController();
  await host.guard(() => {
    started.push(host.installed());
    stop.abort();
  }, stop.signal);
  assert.equal(started, [OLD]);
  assert.is(host.state.entry(words.order.id)?.outcome, 'returned');
});

test('an installation by hand at the same time keeps its draft, and is not taken for what runs', async ({
  site,
  host,
}) => {
  const words = new UpgradeWords(site, releaseOf('0.1.1'));
  const executor = host.upgrades();
  executor.take(await words.offer(), true);
  for (let i = 0; i + 1 < words.chunks; i++) executor.take(words.chunk(i), true);
  writeFileSync(host.bundle, 'the code of 0.3.0');
  assert.is(await refused(() => executor.take(words.chunk(words.chunks - 1), true)), 'E_UPGRADE_BUSY');
  assert.is(host.state.present(), null);

  writeFileSync(host.bundle, OLD);
  const draft = `${host.bundle}.new`;
  writeFileSync(draft, 'of install.sh');
  // What has come stays: nothing of it has to travel again.
  assert.equal(host.upgrades().take(await words.offer(), true), { state: 'switching' });
  await host.guard(() => host.upgrades({ version: '0.1.1' }).take(words.confirm(), true));
  assert.is(host.installed(), NEW);
  assert.is(readFileSync(draft, 'utf8'), 'of install.sh');
});

test('a guard that was killed between the code and its label puts the label over too', async ({ site, host }) => {
  const words = await brought(host, new UpgradeWords(site, releaseOf('0.1.1')));
  writeFileSync(host.bundle, NEW);
  await host.guard(() => host.upgrades({ version: '0.1.1' }).take(words.confirm(), true));
  assert.is(host.label(), '{"version":"0.1.1"}\n');
});

test('a private release key switches nothing on', async ({ site, host }) => {
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(host.keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const words = new UpgradeWords(site, releaseOf('0.1.1'));
  assert.is(await refused(async () => host.upgrades().take(await words.offer(), true)), 'E_UPGRADE_OFF');
});

test.run();
