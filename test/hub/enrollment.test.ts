import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readJoined } from '../../agent/identity.ts';
import { joinSite, renew } from '../../agent/join.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { keyFile } from '../../broker/enroll.ts';
import { readJoinToken } from '../../broker/join-token.ts';
import { newKeyPair, readKeyPair, writeKeyPair } from '../../broker/keys.ts';
import { seal } from '../../broker/signed.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { readAudit } from '../../hub/chain/audit.ts';
import { Enrollment } from '../../hub/site/enrollment.ts';
import { openSiteCa, serverTls } from '../../hub/site/server-tls.ts';
import { isDue, LIFETIME } from '../../hub/site/site-ca.ts';
import { Tools } from '../../hub/tools/tools.ts';
import { tempFolder } from '../broker/site.ts';
import { makeSite, type OpenSite, openSite } from './made-site.ts';

const test = suite<{ folder: string; done: () => void; site: OpenSite; host: StateFolder }>('enrolment');
test.before.each(async (context) => {
  const { path, done } = tempFolder();
  context.folder = path;
  context.done = done;
  context.site = await openSite(await makeSite(path));
  context.host = stateFolder(join(path, 'web-1'));
});
test.after.each(async ({ site, done }) => {
  await site.close();
  done();
});

const code =
  (expected: string, says = /./) =>
  (error: unknown) =>
    error instanceof Error && 'code' in error && error.code === expected && says.test(error.message);
const refused = async (what: Promise<unknown>, expected: string, says?: RegExp) => {
  const outcome = await what.then(
    () => 'done',
    (error: unknown) => error,
  );
  assert.ok(code(expected, says)(outcome), `${expected}, not ${String(outcome)}`);
};
const tokenFor = async (site: OpenSite, agent = 'web-1', hours = 1) =>
  readJoinToken(await site.enrollment.issueToken(agent, site.at, hours, 'ann'));
const kinds = (site: OpenSite) => [...site.store.audit.getRange({})].map(({ value }) => readAudit(value).kind);

test('a host joins with its token: its own keys, a certificate in its name, the site root pinned', async ({
  site,
  host,
}) => {
  const token = await tokenFor(site);
  const joined = await joinSite(host, token, Date.now());
  const certificate = new X509Certificate(joined.certificate);
  assert.is(certificate.subject, 'CN=web-1');
  assert.ok(certificate.verify(new X509Certificate(joined.ca).publicKey));
  assert.is(joined.root, Buffer.from(site.site.root).toString('hex'));
  assert.is(joined.broker, 'mqtts://127.0.0.1:8883');
  for (const name of readdirSync(host.keys)) assert.is(statSync(join(host.keys, name)).mode & 0o777, 0o600, name);

  const known = site.agents.get('web-1');
  assert.equal([...(known?.key ?? [])], [...readKeyPair(keyFile.agent(host, 'web-1')).public]);
  assert.equal(known?.serials, [certificate.serialNumber]);
  assert.is(Buffer.from(known?.secretHash ?? []).toString('hex'), joined.mac);
  assert.equal(kinds(site), ['agent.token', 'agent.enrolled']);
  assert.equal(site.changed, ['web-1 in']);
  // The store keeps nothing that lets anybody in.
  const stored = JSON.stringify([site.store.tokens.get('web-1'), site.store.enrolled.get('web-1')]);
  for (const secret of [Buffer.from(token.secret).toString('hex'), joined.mac]) assert.not.match(stored, secret);
});

test('a token counts once: again for the host that used it, and for no other', async ({ site, host, folder }) => {
  const token = await tokenFor(site);
  const first = await joinSite(host, token, Date.now());
  assert.equal(await joinSite(host, token, Date.now()), first);
  assert.equal(kinds(site), ['agent.token', 'agent.enrolled']);
  // As if the answer had been lost: the same key is answered again.
  rmSync(join(host.keys, 'identity.json'));
  const second = await joinSite(host, token, Date.now());
  assert.is.not(second.certificate, first.certificate);
  await refused(joinSite(stateFolder(join(folder, 'thief')), token, Date.now()), 'E_JOIN_REFUSED', /E_TOKEN_USED/);
  assert.equal(site.agents.get('web-1')?.serials, [new X509Certificate(second.certificate).serialNumber]);
});

test('two hosts with one token at the same time: one of them is let in', async ({ site, folder }) => {
  const token = await tokenFor(site);
  const outcomes = await Promise.allSettled(
    ['a', 'b', 'c'].map((name) => joinSite(stateFolder(join(folder, name)), token, Date.now())),
  );
  assert.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.equal(kinds(site), ['agent.token', 'agent.enrolled']);
});

test('an expired token is refused by the host and by the hub', async ({ site, host }) => {
  const token = await tokenFor(site);
  await refused(joinSite(host, token, token.expires), 'E_TOKEN_EXPIRED');
  site.ahead = 2 * 3_600_000;
  await refused(joinSite(host, token, Date.now()), 'E_JOIN_REFUSED', /E_TOKEN_EXPIRED/);
  assert.not(site.agents.has('web-1'));
});

test('a guessed secret, a token of another host, one that a newer replaced: refused alike', async ({ site, host }) => {
  const old = await tokenFor(site);
  const token = await tokenFor(site);
  const guess = { ...token, secret: new Uint8Array(32).fill(7) };
  for (const wrong of [old, guess, { ...token, agent: 'db-1' }, { ...token, site: 'plant-8' }]) {
    await refused(joinSite(host, wrong, Date.now()), 'E_JOIN_REFUSED', /E_ENROLL_REFUSED/);
  }
  assert.is(readJoined(host), null);
  await joinSite(host, token, Date.now());
});

test('a false hub at the address learns nothing: the pinned CA is not its own', async ({ site, host, folder }) => {
  const token = await tokenFor(site);
  const other = await openSite(await makeSite(folder, 'plant-8'));
  try {
    await other.enrollment.issueToken('web-1', other.at, 1, 'ann');
    await refused(joinSite(host, { ...token, at: other.at }, Date.now()), 'E_JOIN_CA');
    assert.equal(kinds(other), ['agent.token']);
    assert.is(readJoined(host), null);
    // Nor does one that has the CA's certificate, which is public, but none of its keys.
    const copied = { ...token, ca: token.ca, at: other.at };
    await refused(joinSite(host, { ...copied, root: other.site.root }, Date.now()), 'E_JOIN_CA');
  } finally {
    await other.close();
  }
});

test('a hub whose roster the pinned root did not sign is not joined', async ({ site, host }) => {
  const token = await tokenFor(site);
  await refused(joinSite(host, { ...token, root: newKeyPair().public }, Date.now()), 'E_SIGNATURE');
  assert.is(readJoined(host), null);
});

test('a certificate is renewed over a good one; the old stays good until the next', async ({ site, host }) => {
  const joined = await joinSite(host, await tokenFor(site), Date.now());
  const serialOf = (pem: string) => new X509Certificate(pem).serialNumber;
  const second = await renew(host, joined);
  assert.equal(readJoined(host), second);
  assert.equal(
    site.agents.get('web-1')?.serials,
    [joined, second].map(({ certificate }) => serialOf(certificate)),
  );
  assert.is(second.mac, joined.mac);
  const third = await renew(host, second);
  assert.equal(
    site.agents.get('web-1')?.serials,
    [second, third].map(({ certificate }) => serialOf(certificate)),
  );
  await refused(renew(host, joined), 'E_JOIN_REFUSED', /E_CERTIFICATE_REVOKED/);
  assert.equal(kinds(site).slice(2), ['agent.renewed', 'agent.renewed']);
});

test('a stolen certificate does not renew: that takes the agent’s signing key too', async ({ site, host, folder }) => {
  const joined = await joinSite(host, await tokenFor(site), Date.now());
  const thief = stateFolder(join(folder, 'thief'));
  await joinSite(thief, await tokenFor(site, 'db-1'), Date.now());
  writeKeyPair(keyFile.agent(thief, 'web-1'), newKeyPair());
  await refused(renew(thief, joined), 'E_JOIN_REFUSED', /E_ENROLL_KEY/);
  // Nor does one's own certificate renew in another's name, whatever key signs.
  const own = readJoined(thief);
  assert.ok(own !== null);
  writeKeyPair(keyFile.agent(thief, 'web-1'), readKeyPair(keyFile.agent(host, 'web-1')));
  await refused(renew(thief, { ...own, agent: 'web-1' }), 'E_JOIN_REFUSED', /E_CERTIFICATE_REVOKED/);
});

test('who is revoked has no good certificate, and may be enrolled anew', async ({ site, host }) => {
  const joined = await joinSite(host, await tokenFor(site), Date.now());
  const mac = site.agents.get('web-1')?.secretHash;
  await site.enrollment.revoke('web-1', 'ann');
  assert.not(site.agents.has('web-1'));
  assert.equal(site.changed, ['web-1 in', 'web-1 out']);
  await refused(renew(host, joined), 'E_JOIN_REFUSED', /E_CERTIFICATE_REVOKED/);
  await refused(site.enrollment.revoke('web-1', 'ann'), 'E_ENROLL_AGENT');
  await refused(site.enrollment.revoke('hub-host', 'ann'), 'E_ENROLL_AGENT');
  rmSync(host.keys, { recursive: true });
  await joinSite(host, await tokenFor(site), Date.now());
  assert.is.not(Buffer.from(site.agents.get('web-1')?.secretHash ?? []).compare(mac ?? new Uint8Array()), 0);
  assert.equal(kinds(site).slice(2), ['agent.revoked', 'agent.token', 'agent.enrolled']);
});

test('a hub that is started again knows who is enrolled and who is not any more', async ({ site, host, folder }) => {
  await joinSite(host, await tokenFor(site), Date.now());
  await joinSite(stateFolder(join(folder, 'db-1')), await tokenFor(site, 'db-1'), Date.now());
  await site.enrollment.revoke('db-1', 'ann');
  const ca = await openSiteCa(site.state);
  assert.ok(ca !== null);
  const agents = new Map(site.site.agents);
  const macSecret = new Uint8Array(Buffer.from(readFileSync(keyFile.macSecret(site.state), 'utf8'), 'hex'));
  const key = readKeyPair(keyFile.hub(site.state));
  new Enrollment({ store: site.store, site: site.site, agents, ca, macSecret, key, now: Date.now, changed: () => {} });
  assert.equal([...agents.keys()].sort(), ['hub-host', 'web-1']);
  assert.equal(agents.get('web-1'), site.agents.get('web-1'));
});

test('no token for a host that has the name of a tool', async ({ site }) => {
  const tool = { name: 'dash', secret_sha256: 'ab'.repeat(32), evidence: false, sys: false, since: 1, by: 'ann' };
  const tools = new Tools({
    store: site.store,
    key: () => readKeyPair(keyFile.hub(site.state)),
    now: Date.now,
    isAgent: () => false,
  });
  await tools.put(tool);
  await refused(site.enrollment.issueToken('dash', site.at, 1, 'ann'), 'E_ENROLL_AGENT', /is a tool/);
  await tools.remove('dash', 'ann');
  assert.ok(await site.enrollment.issueToken('dash', site.at, 1, 'ann'));
});

test('no token for the hub, its own host, or what is no name', async ({ site }) => {
  for (const agent of ['hub', 'hub-host', 'Web 1', '', '../x']) {
    await refused(site.enrollment.issueToken(agent, site.at, 1, 'ann'), 'E_ENROLL_AGENT');
  }
});

test('a key that is not on P-256, or a request that another key signed, gets no certificate', async ({ site }) => {
  const token = await tokenFor(site);
  const key = newKeyPair();
  const spki = (pair: { publicKey: { export: (how: { format: 'der'; type: 'spki' }) => Buffer } }) =>
    new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }));
  const ask = (tls_key: Uint8Array, by = key) =>
    site.enrollment.join(
      token.secret,
      seal('enroll', encodeCbor({ site: 'plant-7', agent: 'web-1', key: key.public, tls_key }), by),
    );
  const good = spki(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  await refused(ask(spki(generateKeyPairSync('ed25519'))), 'E_CERTIFICATE_KEY');
  await refused(ask(spki(generateKeyPairSync('ec', { namedCurve: 'P-384' }))), 'E_CERTIFICATE_KEY');
  await refused(ask(good.slice(0, 60)), 'E_CERTIFICATE_KEY');
  await refused(ask(good, newKeyPair()), 'E_SIGNATURE');
  await ask(good);
});

test('TLS 1.2, plain TCP and garbage are turned away, and the door stays open', async ({ site, host }) => {
  const token = await tokenFor(site);
  const { port } = site.door;
  const old = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
  const outcome = await new Promise<unknown>((resolve) => {
    old.on('error', resolve);
    old.on('secureConnect', () => resolve('let in'));
  });
  assert.match(String(outcome), /protocol version/i);
  const closed = (socket: NodeJS.EventEmitter) =>
    new Promise<void>((resolve) => {
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
  const plain = connectPlain(port, '127.0.0.1', () => plain.write('GET / HTTP/1.1\r\n\r\n'));
  await closed(plain);
  for (const bytes of [Buffer.alloc(64, 0xff), Buffer.from([0, 0, 0, 1, 0xff])]) {
    const rude = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => rude.write(bytes));
    await closed(rude);
  }
  await joinSite(host, token, Date.now());
});

test('what is no token is refused with the way out', async () => {
  for (const line of ['', 'sentinel-join-1.', 'sentinel-join-1.AAAA', 'x'.repeat(5_000)]) {
    assert.throws(() => readJoinToken(line), code('E_JOIN_TOKEN', /sentinel enroll/));
  }
});

test('the hub’s own certificate is kept until its last third, and made anew for another address', async ({ site }) => {
  const ca = await openSiteCa(site.state);
  assert.ok(ca !== null);
  const at = (now: number, addresses = site.site.addresses) =>
    serverTls(site.state, { ...site.site, addresses }, ca, now).then(({ cert }) => cert);
  const now = Date.now();
  const first = await at(now);
  assert.is(await at(now + LIFETIME.server / 2), first);
  const second = await at(now, ['127.0.0.1', 'hub.plant.example']);
  assert.is.not(second, first);
  assert.is(new X509Certificate(second).checkHost('hub.plant.example'), 'hub.plant.example');
  const due = now + LIFETIME.server * 0.9;
  assert.ok(isDue(now, now + LIFETIME.server, due) && !isDue(now, now + LIFETIME.server, now));
  assert.is.not(await at(due), second);
});

test('a broken identity file is named, not passed over', async ({ site, host }) => {
  const token = await tokenFor(site);
  await joinSite(host, token, Date.now());
  writeFileSync(join(host.keys, 'identity.json'), '{');
  assert.throws(() => readJoined(host), code('E_STATE_BROKEN'));
  await refused(joinSite(host, token, Date.now()), 'E_STATE_BROKEN');
});

test.run();
