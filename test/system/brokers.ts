import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { kill } from '../e2e/site.ts';
import { ROOT_PATH } from './debian.ts';

/** No broker takes so long to listen, not even on a busy machine. */
const READY_MS = 120_000;

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Somebody else's broker as Debian has it, on a free port of loopback and in a folder of its own. */
export interface DebianBroker {
  readonly port: number;
  /** Ends it without a chance to save anything. */
  kill(): Promise<void>;
  /** Starts it on the same port, after `kill`. */
  start(): Promise<void>;
  /** One after the other. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

async function run(
  command: string,
  argv: readonly string[],
  port: number,
  env: NodeJS.ProcessEnv = { PATH: ROOT_PATH },
): Promise<ChildProcess> {
  // What a broker drops where it stands (Erlang its crash dumps) stays among its own files.
  const child = spawn(command, argv, { env, cwd: env['HOME'] ?? '/', stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const deadline = Date.now() + READY_MS;
  while (!(await listens(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${command} does not listen on ${port}:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return child;
}

/** What `start` starts, and starts again. */
async function brokerOf(port: number, start: () => Promise<ChildProcess>): Promise<DebianBroker> {
  let child = await start();
  const die = () => kill(child, 'SIGKILL');
  const begin = async () => {
    child = await start();
  };
  return {
    port,
    kill: die,
    start: begin,
    crash: async () => {
      await die();
      await begin();
    },
    stop: () => kill(child, 'SIGTERM'),
  };
}

/** mosquitto with names, secrets and the given rules; what is queued or retained lies in its memory alone. */
export async function startMosquitto(folder: string, logins: readonly Login[], acl: string): Promise<DebianBroker> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  writeFileSync(file('acl'), acl);
  writeFileSync(file('passwords'), '');
  for (const { user, password } of logins) {
    const made = spawnSync('mosquitto_passwd', ['-b', file('passwords'), user, password], { env: { PATH: ROOT_PATH } });
    if (made.status !== 0) throw new Error(String(made.stderr));
  }
  const conf = [
    'user root',
    `listener ${port} 127.0.0.1`,
    'allow_anonymous false',
    `password_file ${file('passwords')}`,
    `acl_file ${file('acl')}`,
  ];
  writeFileSync(file('mosquitto.conf'), `${conf.join('\n')}\n`);
  return brokerOf(port, () => run('mosquitto', ['-c', file('mosquitto.conf')], port));
}

/** nats-server with MQTT, which needs JetStream. */
export async function startNats(folder: string, logins: readonly Login[]): Promise<DebianBroker> {
  const port = await freePort();
  const own = await freePort();
  mkdirSync(folder, { recursive: true });
  const users = logins.map(({ user, password }) => `{ user: "${user}", password: "${password}" }`);
  const conf = `
    server_name: sentinel-test
    listen: "127.0.0.1:${own}"
    jetstream { store_dir: "${folder}/js" }
    mqtt { listen: "127.0.0.1:${port}" }
    authorization { users: [${users.join(', ')}] }`;
  writeFileSync(join(folder, 'nats.conf'), conf);
  return brokerOf(port, () => run('nats-server', ['-c', join(folder, 'nats.conf')], port));
}

/** RabbitMQ with its MQTT plugin: a node of its own, with its own epmd, beside whatever else runs on the machine. */
export async function startRabbit(folder: string, logins: readonly Login[]): Promise<DebianBroker> {
  const [port, own, distribution, epmd] = [await freePort(), await freePort(), await freePort(), await freePort()];
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const everything = { vhost: '/', configure: '.*', write: '.*', read: '.*' };
  const definitions = {
    vhosts: [{ name: '/' }],
    users: logins.map(({ user, password }) => ({ name: user, password_hash: rabbitHash(password), tags: '' })),
    permissions: logins.map(({ user }) => ({ user, ...everything })),
  };
  writeFileSync(file('definitions.json'), JSON.stringify(definitions));
  writeFileSync(file('enabled_plugins'), '[rabbitmq_mqtt].\n');
  const conf = [
    `listeners.tcp.default = 127.0.0.1:${own}`,
    `mqtt.listeners.tcp.default = 127.0.0.1:${port}`,
    'mqtt.allow_anonymous = false',
    `load_definitions = ${file('definitions.json')}`,
    'disk_free_limit.absolute = 10MB',
  ];
  writeFileSync(file('rabbitmq.conf'), `${conf.join('\n')}\n`);
  const env = {
    PATH: ROOT_PATH,
    HOME: folder,
    RABBITMQ_NODENAME: `sentinel-${port}@localhost`,
    RABBITMQ_MNESIA_BASE: file('mnesia'),
    RABBITMQ_LOG_BASE: file('log'),
    RABBITMQ_CONFIG_FILE: file('rabbitmq'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  const broker = await brokerOf(port, () => run('/usr/lib/rabbitmq/bin/rabbitmq-server', [], port, env));
  return {
    ...broker,
    stop: async () => {
      await broker.stop();
      // Erlang's name server stays behind every node; this one is ours, by its port.
      spawnSync('epmd', ['-kill'], { env });
    },
  };
}

/** A password as RabbitMQ keeps it: four bytes of salt, and SHA-256 over these and the password. */
function rabbitHash(password: string): string {
  const salt = randomBytes(4);
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password).digest()]).toString('base64');
}
