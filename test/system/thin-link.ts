import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ROOT_PATH } from './debian.ts';

/** A modem of old, or a satellite's cheapest plan. */
const BITS_PER_S = 9_600;
/** One way. */
const LATENCY_MS = 2_000;
/** What the link takes at once. */
const PIECE_BYTES = 120;
/** What may wait at its entrance before the sender has to. */
const QUEUE_BYTES = 2_048;

/** Networks of four addresses each in 10.231.0.0/16. */
const NETWORKS = 2 ** 14;

/**
 * A namespace that reaches the host over a pair of virtual cards which drop a tenth of all packets, each way. Its network
 * is its own: two with the same one, or the card that a killed run has left, take the answers from each other.
 */
export class LossyNamespace {
  readonly name = `sentinel-${process.pid}`;
  /** The host's end. */
  readonly address = addressOf(process.pid % NETWORKS, 1);
  private readonly card = `sth${process.pid}`;

  constructor() {
    const { name, card } = this;
    sweep();
    run('ip', 'netns', 'add', name);
    run('ip', 'link', 'add', card, 'type', 'veth', 'peer', 'name', 'link0', 'netns', name);
    run('ip', 'addr', 'add', `${this.address}/30`, 'dev', card);
    run('ip', 'link', 'set', card, 'up');
    for (const argv of [
      ['addr', 'add', `${addressOf(process.pid % NETWORKS, 2)}/30`, 'dev', 'link0'],
      ['link', 'set', 'link0', 'up'],
      ['link', 'set', 'lo', 'up'],
    ]) {
      run('ip', '-n', name, ...argv);
    }
    for (const rule of [
      ['add', 'table', 'inet', 'loss'],
      ['add', 'chain', 'inet', 'loss', 'out', '{ type filter hook output priority 0; }'],
      ['add', 'chain', 'inet', 'loss', 'in', '{ type filter hook input priority 0; }'],
      ['add', 'rule', 'inet', 'loss', 'out', 'oifname', 'link0', 'numgen', 'random', 'mod', '10', '==', '0', 'drop'],
      ['add', 'rule', 'inet', 'loss', 'in', 'iifname', 'link0', 'numgen', 'random', 'mod', '10', '==', '0', 'drop'],
    ]) {
      run('ip', 'netns', 'exec', name, 'nft', ...rule);
    }
  }

  /** A command line that runs inside. */
  inside(argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...argv];
  }

  close(): void {
    spawnSync('ip', ['netns', 'del', this.name], { env: { PATH: ROOT_PATH } });
    spawnSync('ip', ['link', 'del', this.card], { env: { PATH: ROOT_PATH } });
  }
}

const addressOf = (network: number, host: number): string => `10.231.${network >> 6}.${(network & 63) * 4 + host}`;

/** Takes away what runs that were killed have left. A namespace that still has a process lives on until that ends. */
function sweep(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { env: { PATH: ROOT_PATH }, encoding: 'utf8' });
  for (const [, pid = ''] of stdout.matchAll(/^sentinel-(\d+)\b/gm)) {
    if (existsSync(`/proc/${pid}`)) continue;
    spawnSync('ip', ['netns', 'del', `sentinel-${pid}`], { env: { PATH: ROOT_PATH } });
    spawnSync('ip', ['link', 'del', `sth${pid}`], { env: { PATH: ROOT_PATH } });
  }
}

/** The thin link itself: what goes through it is slowed down and late, in each direction by itself, and arrives in order. */
export class ThinProxy {
  port = 0;
  /** Bytes that went through, up to the hub. */
  up = 0;
  down = 0;
  private readonly target: number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(target: number) {
    this.target = target;
    this.server = createServer((near) => this.join(near));
  }

  listen(address: string): Promise<void> {
    return new Promise((resolve) => {
      this.server.listen(0, address, () => {
        const at = this.server.address();
        if (typeof at === 'object' && at !== null) this.port = at.port;
        resolve();
      });
    });
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    carry(near, far, (bytes) => {
      this.up += bytes;
    });
    carry(far, near, (bytes) => {
      this.down += bytes;
    });
  }
}

function carry(from: Socket, to: Socket, count: (bytes: number) => void): void {
  let free = 0;
  let waiting = 0;
  from.on('data', (chunk) => {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES);
      free = Math.max(Date.now(), free) + (piece.length * 8_000) / BITS_PER_S;
      waiting += piece.length;
      setTimeout(() => {
        waiting -= piece.length;
        if (waiting < QUEUE_BYTES) from.resume();
      }, free - Date.now());
      setTimeout(
        () => {
          count(piece.length);
          if (!to.destroyed) to.write(piece);
        },
        free + LATENCY_MS - Date.now(),
      );
    }
    if (waiting >= QUEUE_BYTES) from.pause();
  });
}

function run(command: string, ...argv: readonly string[]): void {
  const { status, stderr } = spawnSync(command, argv, { env: { PATH: ROOT_PATH }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${argv.join(' ')}: ${stderr}`);
}
