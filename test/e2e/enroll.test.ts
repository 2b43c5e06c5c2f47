import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, connectAsync } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile } from '../../broker/enroll.ts';
import { Site } from './site.ts';

/** A site of two hosts as people make it: init, enroll, join over TLS; then a key is rotated and a host is revoked. */
const test = suite('several hosts');

/** One command of the front door that must do what it is told. */
async function done(site: Site, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await site.sentinel(...argv);
  assert.is(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

test('a host joins by a token and obeys: over a killed hub, over a new order key, until it is revoked', async () => {
  const site = new Site();
  const host = new Site();
  const rootKey = join(site.dir, 'root.pem');
  const passphrase = join(site.dir, 'passphrase');
  const passphraseFlags = ['--passphrase-file', passphrase];
  try {
    writeFileSync(passphrase, 'correct horse battery\n');
    const names = ['--name', 'plant-7', '--address', '127.0.0.1', '--operator', 'ann', '--id', 'hub-host'];
    await done(site, 'init', ...names, '--root-key', rootKey, ...passphraseFlags);
    assert.is((await site.sentinel('init', ...names, '--root-key', rootKey, ...passphraseFlags)).code, 2);

    const tls = ['--tls-host', '127.0.0.1', '--live'];
    await site.startHub(...tls, '--tls-port', '0', '--enroll-port', '0');
    const [, tlsPort = '', enrollPort = ''] = /tls_port=(\d+) enrol_at=127\.0\.0\.1:(\d+)/.exec(site.log) ?? [];
    const token = await done(site, 'enroll', 'web-1');
    await host.startAgent('--live', '--broker', `mqtts://127.0.0.1:${tlsPort}`, '--join', token);
    await site.until(() => site.log.includes('agent is here agent=web-1'), 'the agent');
    assert.not(existsSync(host.state.site), 'the host holds nothing of the site but its own identity');

    // The hub is killed; the next one knows who was enrolled.
    await site.restartHub(...tls, '--tls-port', tlsPort, '--enroll-port', enrollPort);
    host.fill();
    const proposed = await site.reaches('proposed');
    assert.is(proposed.host, 'web-1');

    // Another order key, signed where the root key is, put in while hub and agent run.
    const before = readFileSync(keyFile.hub(site.state), 'utf8');
    const key = await done(site, 'roster', 'new-key');
    const roster = join(site.dir, 'new.cbor');
    await done(site, 'roster', 'sign', '--root-key', rootKey, ...passphraseFlags, '--hub-key', key, '--out', roster);
    await done(site, 'roster', 'install', roster);
    assert.is.not(readFileSync(keyFile.hub(site.state), 'utf8'), before);
    await done(site, 'incident', 'approve', proposed.id, '--reviewed', 'all', '--yes');
    const resolved = await site.reaches('resolved');
    assert.ok(resolved.results.every(({ state }) => state === 'done'));
    assert.is(host.runs('full'), 0, 'the files are really gone');
    await done(site, 'audit', 'verify');

    await done(site, 'enroll', '--revoke', 'web-1');
    await site.until(() => /no link to .*not authorized/i.test(host.log), 'the refusal');
    const [listed] = (await done(site, 'enroll', '--list', '--json')).split('\n');
    assert.is(JSON.parse(listed ?? '').state, 'revoked');
    const exported = join(site.dir, 'audit.jsonl');
    await done(site, 'audit', 'verify', '--export', exported);
    const kinds = readFileSync(exported, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).kind);
    for (const kind of ['agent.token', 'agent.enrolled', 'roster.changed', 'agent.revoked'])
      assert.ok(kinds.includes(kind), kind);
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
      message: `${String(error)}\n${site.told()}\n-- host\n${host.log}`,
    });
  } finally {
    await host.close();
    await site.close();
  }
});

test('a tool of a site with a CA is told where other hosts reach the hub, and gets in there by its certificate', async () => {
  const site = new Site();
  const rootKey = join(site.dir, 'root.pem');
  const passphrase = join(site.dir, 'passphrase');
  try {
    writeFileSync(passphrase, 'correct horse battery\n');
    // A name, so that it is not what an address of this machine alone would look like.
    const names = ['--name', 'plant-7', '--address', 'localhost', '--operator', 'ann', '--id', 'hub-host'];
    await done(site, 'init', ...names, '--root-key', rootKey, '--passphrase-file', passphrase);
    await site.startHub('--tls-host', '127.0.0.1', '--tls-port', '0', '--enroll-port', '0');
    const [, tlsPort] = /tls_port=(\d+)/.exec(site.log) ?? [];
    const out = join(site.dir, 'wall.json');
    await done(site, 'enroll', '--tool', 'wall', '--out', out);
    const { broker, username, password, key, cert, ca } = JSON.parse(readFileSync(out, 'utf8'));
    assert.is(broker, `mqtts://localhost:${tlsPort}`);
    const asked = { clientId: 'wall/1', username, password, protocolVersion: 4, reconnectPeriod: 0 } as const;
    const client = await connectAsync(broker, { ...asked, key, cert, ca });
    const answered = new Promise<string>((resolve) => client.once('message', (_topic, body) => resolve(`${body}`)));
    await client.subscribeAsync('hub/res/wall/+', { qos: 1 });
    await client.publishAsync('hub/req/wall/agents', '{"tx":"x"}', { qos: 1 });
    assert.match(await answered, /"status":"ok"/);
    await client.endAsync(true);
    const stranger = connect(broker, { ...asked, ca });
    const refusal = await new Promise<Error>((resolve) => stranger.once('error', resolve));
    assert.match(refusal.message, /certificate required/, 'its password alone opens nothing there');
    stranger.end(true);
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
      message: `${String(error)}\n${site.told()}`,
    });
  } finally {
    await site.close();
  }
});

test.run();
