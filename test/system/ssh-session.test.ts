import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FRONT_DOOR, kill, PATIENCE_MS, Site } from '../e2e/site.ts';
import { Screen } from '../tui/screen.ts';
import { needsPackages } from './debian.ts';

const test = suite('a session through sshd');
const SSHD = '/usr/sbin/sshd';
/** Longer than a dialog settles. */
const SETTLED_MS = 450;

const runs = (program: string, ...argv: readonly string[]): boolean => {
  try {
    execFileSync(program, argv, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** A real OpenSSH server on loopback, with keys of its own, for the user who runs the tests. */
class Sshd {
  readonly #dir = mkdtempSync('/var/tmp/sentinel-test-sshd-');
  readonly #port: number;
  readonly #child: ChildProcess;

  private constructor(port: number) {
    this.#port = port;
    // Debian's sshd wants its place for unprivileged children, which its service file makes.
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    for (const name of ['host', 'user'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(this.#dir, name)]);
    writeFileSync(join(this.#dir, 'authorized'), readFileSync(join(this.#dir, 'user.pub')));
    chmodSync(this.#dir, 0o700);
    const config = join(this.#dir, 'config');
    writeFileSync(
      config,
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${join(this.#dir, 'host')}`,
        `AuthorizedKeysFile ${join(this.#dir, 'authorized')}`,
        `PidFile ${join(this.#dir, 'pid')}`,
        'StrictModes no',
        'UsePAM yes',
        'PermitRootLogin prohibit-password',
        'PasswordAuthentication no',
        '',
      ].join('\n'),
    );
    this.#child = spawn(SSHD, ['-D', '-E', join(this.#dir, 'log'), '-f', config], { stdio: 'ignore' });
  }

  static async open(): Promise<Sshd> {
    const port = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
      });
    });
    const sshd = new Sshd(port);
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(50)) {
      const listens = await new Promise<boolean>((resolve) => {
        const socket = createConnection(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
        socket.once('connect', () => socket.destroy());
      });
      if (listens) return sshd;
      if (Date.now() > deadline) throw new Error('sshd does not listen');
    }
  }

  /** The command in a terminal of that server's, as a person would start it from another machine. */
  session(command: string): Screen {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'IdentitiesOnly=yes',
    ];
    const argv = ['-tt', '-p', String(this.#port), '-i', join(this.#dir, 'user')];
    return new Screen('ssh', [...argv, ...options.flatMap((one) => ['-o', one]), '127.0.0.1', '--', command], {
      cols: 120,
      rows: 40,
    });
  }

  /** Ends every session's server process at once, as a link that breaks or a bastion that reboots would. */
  cut(): void {
    const children = execFileSync('pgrep', ['-P', String(this.#child.pid)], { encoding: 'utf8' });
    for (const pid of children.trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
  }

  async close(): Promise<void> {
    await kill(this.#child, 'SIGTERM');
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

test('cut in the middle of an approval nothing is approved, nothing stays behind, and the next session goes on', async () => {
  needsPackages(['openssh-server', 'openssh-client', 'procps'], () => runs(SSHD, '-V') || runs('test', '-x', SSHD));
  const site = new Site();
  const sshd = await Sshd.open();
  const screens: Screen[] = [];
  const open = async () => {
    const screen = sshd.session(`LANG=C.UTF-8 ${process.execPath} ${FRONT_DOOR} tui --state ${site.state.root}`);
    screens.push(screen);
    await screen.until((text) => /folder over its quota/.test(text), PATIENCE_MS);
    screen.type('/quota\r');
    await screen.until((text) => /esc clears/.test(text), PATIENCE_MS);
    screen.type('\r');
    await screen.until((text) => /incidents › .*quota/.test(text), PATIENCE_MS);
    return screen;
  };
  /** Up to the host's name, which is the last thing but one before it is signed. */
  const approve = async (screen: Screen) => {
    screen.type('a');
    await screen.until((text) => /approve on /.test(text), PATIENCE_MS);
    await sleep(SETTLED_MS);
    screen.type('1');
    await screen.until((text) => /included by you/.test(text), PATIENCE_MS);
    await sleep(SETTLED_MS);
    screen.type('Y');
    await screen.until((text) => /name: ▌/.test(text), PATIENCE_MS);
    await sleep(SETTLED_MS);
    for (let length = 1; length <= site.agent.length; length++) {
      await sleep(60);
      screen.type(site.agent.slice(length - 1, length));
      await screen.until((text) => text.includes(`name: ${site.agent.slice(0, length)}`), PATIENCE_MS);
    }
    await sleep(SETTLED_MS);
  };
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const { id } = await site.reaches('proposed');
    const first = await open();
    await approve(first);
    sshd.cut();
    await first.ended(PATIENCE_MS);
    await site.until(() => !runs('pgrep', '-f', `tui --state ${site.state.root}`), 'the screen’s process to end');
    const [incident] = site.incidents();
    assert.equal([incident?.id, incident?.state, incident?.approval], [id, 'proposed', null]);
    assert.is(site.hub?.exitCode, null, 'the hub lives');

    const second = await open();
    await approve(second);
    second.type('Y');
    await second.until((text) => /Signed/.test(text), PATIENCE_MS);
    assert.is((await site.reaches('resolved')).id, id);
    second.type('\x03');
    await second.ended(PATIENCE_MS);
    assert.is(second.exit?.code, 0);
    assert.not.ok(second.alternate, 'the alternate screen is left');
  } finally {
    for (const one of screens) one.close();
    await sshd.close();
    await site.close();
  }
});

test.run();
