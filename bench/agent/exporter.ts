import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const BINARY = '/usr/bin/prometheus-node-exporter';
/** Installing, and the first answer: generous, as nothing is measured yet. */
const INSTALL_MS = 300_000;
const READY_MS = 30_000;

/** prometheus-node-exporter with its default collectors, on a port of ours, and one scrape of it. */
export class Exporter {
  readonly process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, port: number) {
    this.process = process;
    this.#url = `http://127.0.0.1:${port}/metrics`;
  }

  /** Null where it is not there and can't be installed; `say` is told why. */
  static async start(say: (line: string) => void): Promise<Exporter | null> {
    if (!existsSync(BINARY) && !install(say)) return null;
    const port = await freePort();
    const child = spawn(BINARY, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    const exporter = new Exporter(child, port);
    const deadline = performance.now() + READY_MS;
    while (performance.now() < deadline) {
      if (await exporter.scrape().catch(() => 0)) return exporter;
      await sleep(100);
    }
    child.kill('SIGKILL');
    say('prometheus-node-exporter does not answer');
    return null;
  }

  /** One scrape; its size in bytes. */
  async scrape(): Promise<number> {
    return (await (await fetch(this.#url)).text()).length;
  }
}

function install(say: (line: string) => void): boolean {
  if (process.geteuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    say('prometheus-node-exporter is not here: as root on Debian this bench installs it');
    return false;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['install', '-y', '-qq', '--no-install-recommends', 'prometheus-node-exporter'];
  const run = spawnSync('apt-get', options, { env, timeout: INSTALL_MS, stdio: 'ignore' });
  if (run.status !== 0) say('apt-get can not install prometheus-node-exporter');
  return run.status === 0;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
