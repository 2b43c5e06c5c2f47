import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { joinSite } from '../../agent/join.ts';
import { exportAcl } from '../../broker/acl-export.ts';
import { keyFile } from '../../broker/enroll.ts';
import { readJoinToken } from '../../broker/join-token.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { openSiteCa } from '../../hub/site/server-tls.ts';
import { newTlsKey, pemOf } from '../../hub/site/site-ca.ts';
import { isGranted, isLetIn, isTaken, tempFolder, until } from '../broker/site.ts';
import { kill } from '../e2e/site.ts';
import { makeSite, type OpenSite, openSite } from '../hub/made-site.ts';
import { hasCommand, needsPackages } from './debian.ts';

/**
 * Real brokers with the exported rules and the site's own certificates: what a stolen agent certificate may not do there
 * either. Both run on loopback, from a folder of their own.
 */
interface Broker {
  readonly name: string;
  /** Writes the configuration; answers the command line. */
  readonly configure: (files: Files, acl: string, port: number) => readonly string[];
  readonly kind: 'mosquitto' | 'nats';
}
interface Files {
  readonly folder: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const BROKERS: readonly Broker[] = [
  {
    name: 'mosquitto',
    kind: 'mosquitto',
    configure: ({ folder, ca, cert, key }, acl, port) => {
      const config = join(folder, 'mosquitto.conf');
      writeFileSync(join(folder, 'acl'), acl, { mode: 0o600 });
      const lines = [
        'per_listener_settings false',
        'user root',
        `listener ${port} 127.0.0.1`,
        `cafile ${ca}`,
        `certfile ${cert}`,
        `keyfile ${key}`,
        ...acl.split('\n').flatMap((line) => /^# {3}((?:tls_version|require|use_|allow_).*)$/.exec(line)?.[1] ?? []),
        `acl_file ${join(folder, 'acl')}`,
      ];
      writeFileSync(config, `${lines.join('\n')}\n`);
      return ['/usr/sbin/mosquitto', '-c', config];
    },
  },
  {
    name: 'nats-server',
    kind: 'nats',
    configure: ({ folder, ca, cert, key }, acl, port) => {
      const config = join(folder, 'nats.conf');
      const tls = `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify_and_map: true }`;
      const lines = [
        'server_name: sentinel-test',
        'listen: "127.0.0.1:-1"',
        `jetstream { store_dir: "${join(folder, 'js')}" }`,
        `mqtt { listen: "127.0.0.1:${port}", ${tls} }`,
        acl,
      ];
      writeFileSync(config, lines.join('\n'));
      return ['/usr/sbin/nats-server', '-c', config];
    },
  },
];

for (const broker of BROKERS) {
  const test = suite<{
    site: OpenSite;
    done: () => void;
    port: number;
    child: ChildProcess;
    as: (name: string) => MqttClient;
    stop: () => Promise<void>;
  }>(`exported rules in ${broker.name}`);

  test.before(async (context) => {
    needsPackages([broker.name], () => hasCommand(broker.name));
    const { path, done } = tempFolder();
    chmodSync(path, 0o755);
    const site = await openSite(await makeSite(path));
    const ca = await openSiteCa(site.state);
    assert.ok(ca !== null);
    const files = join(path, 'broker');
    mkdirSync(files);
    const write = (name: string, content: string) => {
      writeFileSync(join(files, name), content, { mode: 0o600 });
      return join(files, name);
    };
    const server = readFileSync(keyFile.server(site.state), 'utf8');
    const logins = new Map<string, { ca: string; cert: string; key: string }>();
    for (const name of ['web-1', 'db-1']) {
      const token = readJoinToken(await site.enrollment.issueToken(name, site.at, 1, 'ann'));
      const { certificate, tls_key } = await joinSite(stateFolder(join(path, name)), token, Date.now());
      logins.set(name, { ca: ca.certificate, cert: certificate, key: tls_key });
    }
    for (const name of ['hub', 'grafana']) {
      const pair = newTlsKey();
      const spki = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }));
      const { pem } = await ca.issueAgent(name, spki, Date.now());
      logins.set(name, { ca: ca.certificate, cert: pem, key: pemOf(pair.privateKey) });
    }
    const port = await freePort();
    const acl = exportAcl(broker.kind, { agents: ['web-1', 'db-1'], tools: ['grafana'] });
    const [command = '', ...args] = broker.configure(
      {
        folder: files,
        ca: write('ca.pem', ca.certificate),
        cert: write('cert.pem', server),
        key: write('key.pem', server),
      },
      acl,
      port,
    );
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk));
    const clients = new Map<string, MqttClient>();
    // One connection a name, as one's id is one's identity: a second would end the first.
    const as = (name: string) => {
      const present = clients.get(name);
      if (present !== undefined && !present.disconnected) return present;
      const client = connect(`mqtts://127.0.0.1:${port}`, {
        ...logins.get(name),
        clientId: name,
        protocolVersion: 4,
        reconnectPeriod: 0,
        connectTimeout: 10_000,
      });
      client.on('error', () => {});
      client.on('close', () => clients.delete(name));
      client.setMaxListeners(0);
      clients.set(name, client);
      return client;
    };
    for (let tries = 0; !(await isLetIn(as('web-1'))); tries++) {
      assert.ok(tries < 200 && child.exitCode === null, `${broker.name} does not let in an agent:\n${said}`);
      await sleep(50);
    }
    Object.assign(context, {
      site,
      port,
      child,
      as,
      done,
      stop: () => {
        for (const client of clients.values()) client.end(true);
        // It writes into its folder to its end.
        return kill(child, 'SIGTERM');
      },
    });
  });
  test.after(async ({ stop, site, done }) => {
    await stop();
    await site.close();
    done();
  });

  /** What a client hears when it asks for these filters and the hub and another agent say something everywhere. */
  async function hears(as: (name: string) => MqttClient, filters: readonly string[]): Promise<string[]> {
    const heard: string[] = [];
    const listener = as('web-1');
    listener.on('message', (topic) => heard.push(topic));
    for (const filter of filters) await isGranted(listener, filter);
    assert.ok(await isTaken(as('db-1'), 's/1/db-1/e', 'x'));
    for (const topic of ['s/1/db-1/c', 's/1/db-1/ack', 's/1/web-1/c', 's/1/web-1/ack', 's/1/hub/site']) {
      assert.ok(await isTaken(as('hub'), topic, 'x'));
    }
    return heard;
  }

  test('an agent hears its own orders and the hub, and with a stolen certificate nothing of its neighbours', async ({
    as,
  }) => {
    const foreign = ['#', 's/#', 's/1/+/c', 's/1/+/e', 's/1/db-1/c', 's/1/db-1/ack', 's/1/db-1/e'];
    const stolen = await hears(as, foreign);
    const own = ['s/1/hub/site', 's/1/web-1/ack', 's/1/web-1/c'];
    const honest = await hears(as, own);
    await until('what is for it', () => own.every((topic) => honest.includes(topic)));
    // What a wildcard brings of its own topics is its own; of its neighbours it brings nothing.
    assert.equal(
      [...stolen, ...honest].filter((topic) => !own.includes(topic)),
      [],
    );
  });

  test('an agent can neither give an order nor speak for another or for the hub', async ({ as }) => {
    const filters = ['s/1/db-1/c', 's/1/db-1/ack', 's/1/hub/site', 's/1/hub/halt'];
    const victim = as('db-1');
    const heard: string[] = [];
    victim.on('message', (topic, payload) => heard.push(`${topic} ${payload}`));
    for (const filter of filters) assert.ok(await isGranted(victim, filter), filter);
    const hub = as('hub');
    hub.on('message', (topic, payload) => heard.push(`hub heard ${topic} ${payload}`));
    assert.ok(await isGranted(hub, 's/1/+/e'));
    for (const topic of [...filters, 's/1/web-1/c', 's/1/db-1/e', 's/1/db-1/b'])
      await isTaken(as('web-1'), topic, 'forged');
    // Behind it what is allowed still comes, and nothing forged came before.
    assert.ok(await isTaken(as('web-1'), 's/1/web-1/e', 'own'));
    assert.ok(await isTaken(hub, 's/1/db-1/c', 'order'));
    await until('both honest messages', () => heard.length >= 2);
    assert.equal(heard.sort(), ['hub heard s/1/web-1/e own', 's/1/db-1/c order']);
  });

  test('a tool reads and asks, and gives no order', async ({ as }) => {
    const tool = as('grafana');
    const heard: string[] = [];
    tool.on('message', (topic) => heard.push(topic));
    for (const filter of ['view/1/#', 's/1/+/e']) assert.ok(await isGranted(tool, filter), filter);
    const hub = as('hub');
    for (const filter of ['hub/req/+/+', 's/1/+/r']) assert.ok(await isGranted(hub, filter), filter);
    const asked: string[] = [];
    hub.on('message', (topic) => asked.push(topic));
    assert.ok(await isTaken(hub, 'view/1/web-1/state', 'x'));
    assert.ok(await isTaken(tool, 'hub/req/grafana/agents', 'x'));
    await until('view and request', () => heard.length > 0 && asked.length > 0);
    for (const topic of ['hub/req/other/agents', 's/1/web-1/c', 's/1/web-1/r'])
      await isTaken(as('grafana'), topic, 'forged');
    assert.ok(await isTaken(as('web-1'), 's/1/web-1/r', 'own'));
    await until('the honest result', () => asked.length >= 2);
    assert.equal(asked, ['hub/req/grafana/agents', 's/1/web-1/r']);
  });

  test('nobody comes in without a certificate of the site, or under another name than its own', async ({
    port,
    as,
  }) => {
    const anonymous = connect(`mqtts://127.0.0.1:${port}`, {
      clientId: 'web-1',
      rejectUnauthorized: false,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
    });
    anonymous.on('error', () => {});
    assert.not(await isLetIn(anonymous));
    anonymous.end(true);
    assert.ok(await isTaken(as('web-1'), 's/1/web-1/e', 'still here'));
  });

  test.run();
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
