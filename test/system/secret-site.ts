import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyFile } from '../../broker/enroll.ts';
import { PASSPHRASE_FILE } from '../../broker/kept-passphrase.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { privateKeyIn } from '../../broker/sealed-pem.ts';
import { FRONT_DOOR, kill, Site } from '../e2e/site.ts';
import { type ChatServer, openChatServer, says } from '../hub/endpoint/server.ts';
import { openReceiver, type Receiver } from '../hub/notify/receiver.ts';
import { Planted } from './planted.ts';

/** Reads a file of the watched folder, whose lines hold secrets, and then heals what is wrong there. */
const PLAYBOOK = `version: 1
id: folder-full
title: Reads a setting and clears temporary files
class: disk
match:
  signals: [folder.space]
  description: a watched folder is over its quota
pre_checks: []
steps:
  - run: grep -rh "" {folder} --include=app.conf
    why: Shows the settings.
    rollback: null
  - run: find {folder} -xdev -type f -name '*.tmp' -delete
    why: Removes only regular files that end in .tmp, inside this folder and on this file system.
    rollback: null
verify:
  within: 60s
  post_checks: []
idempotent: true
concurrency: host
max_wait: 60s
`;

/** Ends a process by an error that nobody has foreseen, when the test says so. */
const CRASH = `import { isMainThread } from 'node:worker_threads';
if (isMainThread) process.on('SIGUSR2', () => { throw new Error('made by the test'); });
`;

/**
 * A hub and the agent of another host, both with every secret that they can be given; the host has its own, in command
 * lines, environments, logs and files. What holds them by right lies in `vault`, and the rest in the folders of the two sites.
 */
export class SecretSite {
  readonly planted = new Planted();
  readonly vault = mkdtempSync('/var/tmp/s-');
  readonly hub = new Site();
  readonly host = new Site();
  /** Everything that any process of ours has printed, by what it was. */
  readonly said: (readonly [string, string])[] = [];
  #receiver: Receiver | null = null;
  #chat: ChatServer | null = null;
  #workload: ChildProcess | null = null;
  #token = '';
  #ports: readonly string[] = [];

  constructor() {
    process.env[PASSPHRASE_FILE] = this.keep('keys.pass', this.planted.text('passphrase'));
    this.keep('root.pass', this.planted.text('root'));
    this.hub.playbook('folder-full', PLAYBOOK);
    writeFileSync(join(this.vault, 'crash.mjs'), CRASH);
    this.#watch();
  }

  get receiver(): Receiver {
    if (this.#receiver === null) throw new Error('no receiver yet');
    return this.#receiver;
  }

  get chat(): ChatServer {
    if (this.#chat === null) throw new Error('no endpoint yet');
    return this.#chat;
  }

  /** A file that holds a secret by right, which its owner alone may read. */
  keep(name: string, content: string): string {
    const file = join(this.vault, name);
    writeFileSync(file, `${content}\n`, { mode: 0o600 });
    return file;
  }

  /** What the host's own people have written: settings with secrets, logs with secrets, and what the agent is to watch. */
  #watch(): void {
    const { vault, host, planted } = this;
    mkdirSync(join(vault, 'log'));
    writeFileSync(this.log, 'begins\n');
    const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
    planted.add('the key in a setting', pem.subarray(-32));
    writeFileSync(
      join(host.spool, 'app.conf'),
      `db_password=${planted.text('setting')}
DATABASE_URL=postgres://app:${planted.text('address')}@db.plant.lan/plant
-----BEGIN PRIVATE KEY-----
${pem.toString('base64')}
-----END PRIVATE KEY-----
workers=4
`,
    );
    writeFileSync(
      join(host.state.watch, 'more.yaml'),
      `version: 1
groups:
  - { name: historian, pgid_file: ${vault}/historian.pgid, memory_mib: 16 }
  - { name: own, pgid_file: ${vault}/agent.pgid, memory_mib: 8 }
logs:
  - { name: app, glob: '${vault}/log/*.log', learn_hours: 0.000001 }
databases:
  - { name: cache, kind: redis, host: 127.0.0.1, port: 1, password_file: ${this.keep('redis.secret', planted.text('redis'))} }
endpoints:
  - { name: exporter, url: 'http://127.0.0.1:1/metrics?token=${planted.text('query')}', metrics: [up] }
`,
      { mode: 0o600 },
    );
  }

  get log(): string {
    return join(this.vault, 'log', 'app.log');
  }

  /** Files of the two sites' folders that hold a secret since a person has written it there. */
  get written(): readonly string[] {
    const { hub, host } = this;
    return [
      hub.state.notify,
      join(host.spool, 'app.conf'),
      ...['more.yaml', 'broken.yaml'].map((name) => join(host.state.watch, name)),
    ];
  }

  /** One command of the hub's; what it prints is kept, and answered. */
  async run(...argv: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    const ran = await this.hub.sentinel(...argv);
    this.said.push([argv.slice(0, 3).join(' '), ran.stdout + ran.stderr]);
    return ran;
  }

  /** Makes the site and its settings, and starts hub, agent and what the agent is to see. */
  async start(): Promise<void> {
    const { hub, planted, vault } = this;
    this.#receiver = await openReceiver();
    this.#chat = await openChatServer(says('no plan at all'));
    const hook = new URL(this.receiver.url);
    writeFileSync(
      hub.state.notify,
      `version: 1
channels:
  - { name: desk, kind: webhook, url: '${hook.href}', token_file: ${this.keep('desk.token', planted.text('desk'))} }
  - { name: chat, kind: slack, url: '${hook.origin}/hooks/${planted.text('hook')}' }
`,
      { mode: 0o600 },
    );
    const endpoint = this.keep('endpoint.token', planted.text('endpoint'));
    writeFileSync(
      hub.state.endpoint,
      `version: 1\nname: plant-llm\nurl: http://127.0.0.1:${this.chat.port}/v1\nmodel: m\ntoken_file: ${endpoint}\n`,
    );
    const root = ['--root-key', join(vault, 'root.pem'), '--passphrase-file', join(vault, 'root.pass')];
    const made = await this.run(
      'init',
      '--name',
      'plant-7',
      '--address',
      '127.0.0.1',
      '--operator',
      'ann',
      '--id',
      'hub-host',
      ...root,
    );
    if (made.code !== 0) throw new Error(made.stderr);
    this.#ports = ['--tls-port', '0', '--enroll-port', '0'];
    await this.startHub();
    const [, tls = '', enroll = ''] = /tls_port=(\d+) enrol_at=127\.0\.0\.1:(\d+)/.exec(hub.log) ?? [];
    this.#ports = ['--tls-port', tls, '--enroll-port', enroll];
    this.#token = (await hub.sentinel('enroll', 'web-1')).stdout.trim();
    planted.add('the join token', Buffer.from(this.#token.slice(0, 48)));
    planted.add('the end of the join token', Buffer.from(this.#token.slice(-48)));
    await this.startAgent();
    await hub.until(() => hub.log.includes('agent is here agent=web-1'), 'the agent');
  }

  async startHub(): Promise<void> {
    const { hub, vault, planted } = this;
    const flags = ['--tls-host', '127.0.0.1', '--live', ...this.#ports, '--metrics', '0', '--json-views'];
    const token = this.keep('webhooks.token', planted.text('webhooks'));
    process.env['NODE_OPTIONS'] =
      `--import=${vault}/crash.mjs --report-uncaught-exception --report-directory=${hub.dir}`;
    try {
      await hub.startHub(...flags, '--webhooks', '0', '--webhooks-token', token);
    } finally {
      delete process.env['NODE_OPTIONS'];
    }
  }

  async startAgent(): Promise<void> {
    const { host, vault } = this;
    const flags = ['--live', '--interval', '0.25', '--join', this.#token];
    process.env['NODE_OPTIONS'] = `--import=${vault}/crash.mjs`;
    try {
      // In a process group of its own, so that the agent watches itself: the token is among its arguments.
      await host.startAgentBy(['setsid', process.execPath], ...flags);
      writeFileSync(join(vault, 'agent.pgid'), String(host.watcher?.pid));
    } finally {
      delete process.env['NODE_OPTIONS'];
    }
  }

  /** A program of the host with secrets in its arguments and in its environment, which takes more memory than it may. */
  startWorkload(): void {
    const { planted, vault } = this;
    const held = 'const held = Buffer.alloc(64 << 20, 1); setInterval(() => held.length, 1000);';
    const argv = [`--password=${planted.text('flag')}`, '--token', planted.text('word')];
    const url = `--store=redis://:${planted.text('argument')}@cache/0`;
    this.#workload = spawn(process.execPath, ['-e', held, '--', ...argv, url], {
      stdio: 'ignore',
      detached: true,
      env: { PATH: '/usr/bin', DB_PASSWORD: planted.text('environment') },
    });
    writeFileSync(join(vault, 'historian.pgid'), String(this.#workload.pid));
  }

  /** Lines of a program that logs what it should not. */
  logs(): void {
    const { planted } = this;
    for (let n = 0; n < 4; n++)
      appendFileSync(
        this.log,
        `ERROR cannot log in with password=${planted.text('log')} at postgres://app:${planted.text('logged')}@db/plant\n`,
      );
  }

  /** Ends hub or agent by an error that nobody has foreseen; what it then prints is in the log. */
  async crash(child: ChildProcess | null): Promise<void> {
    if (child === null) throw new Error('nothing to crash');
    await kill(child, 'SIGUSR2');
  }

  /** One line after another to the desk without a screen. */
  async plain(...lines: string[]): Promise<string> {
    const argv = [FRONT_DOOR, 'tui', '--plain', '--state', this.hub.state.root];
    const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.stdin.end(`${lines.join('\n')}\nquit\n`);
    await ended;
    this.said.push(['tui --plain', text]);
    return text;
  }

  /** The secret halves of the keys that the two sites have made, which are sealed, and what lies in `keys/` as it is. */
  addOwnKeys(): void {
    const { hub, host, planted, vault } = this;
    const joined = JSON.parse(readFileSync(join(host.state.keys, 'identity.json'), 'utf8'));
    planted.add('sealed: the root key', secretHalf(readKeyPair(join(vault, 'root.pem'), planted.text('root')).secret));
    for (const [name, file] of [
      ['the order key', keyFile.hub(hub.state)],
      ['the operator’s key', keyFile.operator(hub.state, 'ann')],
      ['the agent’s key', keyFile.agent(host.state, 'web-1')],
    ] as const)
      planted.add(`sealed: ${name}`, secretHalf(readKeyPair(file).secret));
    for (const file of [keyFile.siteCa(hub.state), keyFile.server(hub.state)])
      planted.add(`sealed: ${file}`, secretHalf(privateKeyIn(readFileSync(file, 'utf8'), file)));
    planted.add('sealed: the agent’s TLS key', secretHalf(privateKeyIn(joined.tls_key, 'identity.json')));
    planted.add('the agent’s MAC key', Buffer.from(joined.mac, 'hex'));
    planted.add('the hub’s MAC key', Buffer.from(readFileSync(keyFile.macSecret(hub.state), 'utf8').trim(), 'hex'));
    const { password } = JSON.parse(readFileSync(join(hub.state.keys, 'tool-watch.json'), 'utf8'));
    planted.add('a tool’s password', Buffer.from(password));
  }

  async close(): Promise<void> {
    delete process.env[PASSPHRASE_FILE];
    if (this.#workload !== null) await kill(this.#workload, 'SIGKILL');
    await this.host.close();
    await this.hub.close();
    await this.#receiver?.close();
    await this.#chat?.close();
    rmSync(this.vault, { recursive: true, force: true });
  }
}

const secretHalf = (key: KeyObject): Buffer => Buffer.from(String(key.export({ format: 'jwk' }).d), 'base64url');
