import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Framed } from '../../broker/framed.ts';
import { within } from '../../broker/lifetime.ts';
import type { Log } from '../../broker/log.ts';
import type { UpgradeAnswer } from '../../broker/upgrade-messages.ts';
import type { StepReport } from '../execute.ts';
import {
  type Answer,
  type HaltRequest,
  type Hello,
  haltRequest,
  type Request,
  request,
  type UpgradeRequest,
  upgradeRequest,
  type WordRequest,
  wordRequest,
} from './protocol.ts';

/** One agent asks, and asks again after a loss; more is nobody of ours. */
const CONNECTIONS_MAX = 8;
/** Orders that wait their turn: an agent hands them over one at a time. */
const WAITING_MAX = 4;
/** Who connects and then says nothing is cut off. */
const SILENT_MS = 30_000;
/** At the end a command that runs is waited for: killed in the middle, its outcome would be unknown for ever. */
const COMMAND_END_MS = 30_000;

/** What carries out a request; throws a coded error when it is no order that may be looked at. */
export interface Carrier {
  readonly hello: Hello;
  /** Resolves false when it goes away and has not begun it, or not carried it through. */
  carry(asked: Request, report: (report: StepReport) => void): Promise<boolean>;
  /** Takes a new roster and what is revoked; throws when nobody who may has signed it. */
  hear(word: WordRequest): void;
  /** Takes a halt, and ends what runs; throws when nobody who may has signed it. */
  halt(asked: HaltRequest): void;
  /** Takes a word about another version; throws a coded error when it may not be taken. */
  upgrade(asked: UpgradeRequest): UpgradeAnswer;
  /** Whether that word has to wait for the order that runs: one that ends an upgrade has not. */
  waits(asked: UpgradeRequest): boolean;
  stop(): void;
  /** Something that a command left behind still runs. */
  busy(): boolean;
}

/** Serves the sensing agent: one order at a time, whoever asks, and no faster than they end. */
export class ExecServer {
  private readonly carrier: Carrier;
  private readonly log: Log;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private orders: Promise<void> = Promise.resolve();
  private waiting = 0;
  private lastUse = performance.now();

  constructor(carrier: Carrier, log: Log) {
    this.carrier = carrier;
    this.log = log;
    this.server = createServer((socket) => this.greet(socket));
    this.server.maxConnections = CONNECTIONS_MAX;
    this.server.on('error', () => {
      // One connection that could not be accepted (no descriptor left) must not end what runs.
    });
  }

  /** Listens on a socket that was handed over, or on one of its own that only its user and group may open. */
  async listen(at: { readonly fd: number } | { readonly path: string }): Promise<void> {
    if ('path' in at) rmSync(at.path, { force: true });
    const own = process.umask(0o117);
    try {
      await new Promise<void>((resolve, fail) => {
        this.server.once('error', fail);
        this.server.listen(at, () => resolve());
      });
    } finally {
      process.umask(own);
    }
    if ('path' in at) chmodSync(at.path, 0o660);
  }

  /** Monotonic milliseconds for which nobody was here and nothing ran. */
  get idle(): number {
    return this.sockets.size > 0 || this.waiting > 0 || this.carrier.busy() ? 0 : performance.now() - this.lastUse;
  }

  /** Lets the present command end, begins no other, and says goodbye to everyone. */
  async close(): Promise<void> {
    this.carrier.stop();
    await within(COMMAND_END_MS, this.orders);
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private greet(socket: Socket): void {
    this.sockets.add(socket);
    const link = new Framed(socket);
    const say = (what: Answer | Hello) => {
      if (!socket.destroyed) link.send(what);
    };
    let asked = false;
    const late = setTimeout(() => socket.destroy(), SILENT_MS);
    link.on('close', () => {
      clearTimeout(late);
      this.sockets.delete(socket);
      this.lastUse = performance.now();
    });
    link.on('message', (value) => {
      clearTimeout(late);
      // A connection carries one order: what follows on it has not waited for the answer.
      if (asked) return socket.destroy();
      asked = true;
      void this.take(value, say).finally(() => socket.end());
    });
    say(this.carrier.hello);
  }

  private async take(value: unknown, say: (what: Answer) => void): Promise<void> {
    try {
      if (isHalt(value)) {
        this.carrier.halt(haltRequest(value, ''));
        return say({ kind: 'end' });
      }
      if (isUpgrade(value)) {
        const wanted = upgradeRequest(value, '');
        // In the orders' turn: no version is put over in the middle of one.
        const take = async () => this.carrier.upgrade(wanted);
        return say({ kind: 'end', upgrade: await (this.carrier.waits(wanted) ? this.queued(take) : take()) });
      }
      if (isWord(value)) {
        this.carrier.hear(wordRequest(value, ''));
        return say({ kind: 'end' });
      }
      const wanted = request(value, '');
      const wasCarried = await this.queued(() =>
        this.carrier.carry(wanted, (report) => say({ kind: 'report', report })),
      );
      // Nothing is said of one that was not carried through: whoever asked hands it to the executor that comes.
      if (wasCarried) say({ kind: 'end' });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL';
      const message = error instanceof Error ? error.message.slice(0, 1_024) : 'failed';
      this.log.warn('refused a request', { code, why: message });
      say({ kind: 'refused', code, message });
    }
    this.lastUse = performance.now();
  }

  /** One after the other, and no more than a few that wait. */
  private async queued<T>(work: () => Promise<T>): Promise<T> {
    if (this.waiting >= WAITING_MAX) throw Object.assign(new Error('too many wait'), { code: 'E_ORDER_FLOOD' });
    this.waiting++;
    const turn = this.orders.then(() => work().finally(() => this.waiting--));
    this.orders = turn.then(
      () => {},
      () => {},
    );
    return await turn;
  }
}

const isUpgrade = (value: unknown): boolean => typeof value === 'object' && value !== null && 'upgrade' in value;

const isHalt = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'halt' in value && !('order' in value);

const isWord = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'roster' in value && !('order' in value);
