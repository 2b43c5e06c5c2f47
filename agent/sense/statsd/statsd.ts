import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { StatsdSettings } from '../../drop-in/statsd.ts';
import { Lines } from '../logs/lines.ts';
import type { Reading, Sense } from '../sense.ts';
import { parseStatsd } from './parse.ts';
import { Totals } from './totals.ts';

/** Lines that are read in one second; more are counted unread: applications that send more should sample. */
const LINES_PER_S = 20_000;
const MAX_CLIENTS = 32;
/** The socket is for the host's own programs, whoever they run as. */
const SOCKET_MODE = 0o666;

/**
 * Numbers that applications send by themselves: StatsD and DogStatsD over UDP, and lines over a unix stream socket. Off
 * until the site declares where. Node has no datagrams over unix sockets, so that form is not heard.
 */
export class StatsdSense implements Sense {
  readonly name = 'statsd';
  readonly #declared: () => StatsdSettings;
  readonly #clock: () => number;
  readonly #totals = new Totals();
  #settings: StatsdSettings | null = null;
  #datagrams: Datagrams | null = null;
  #server: Server | null = null;
  readonly #clients = new Set<Socket>();
  #error: Error | null = null;
  #second = Number.NEGATIVE_INFINITY;
  #lines = 0;
  /** Lines that were no metric, and lines of a flood that were not read. */
  malformed = 0;
  skipped = 0;

  /** `clock` gives monotonic milliseconds. */
  constructor(declared: () => StatsdSettings, clock: () => number) {
    this.#declared = declared;
    this.#clock = clock;
  }

  get taken(): number {
    return this.#totals.taken;
  }

  get refused(): number {
    return this.#totals.refused;
  }

  sample(now: number): Reading[] {
    const settings = this.#declared();
    if (settings !== this.#settings) {
      this.close();
      this.#settings = settings;
      this.#open(settings);
    }
    if (this.#error !== null) {
      // Said once for each time that it happened; then it is tried again.
      const error = this.#error;
      this.close();
      throw error;
    }
    return this.#totals.readings(now);
  }

  close(): void {
    this.#datagrams?.close();
    this.#datagrams = null;
    for (const client of this.#clients) client.destroy();
    this.#server?.close();
    this.#server = null;
    this.#settings = null;
    this.#error = null;
  }

  #open({ udp, address, socket }: StatsdSettings): void {
    const failed = (error: Error): void => {
      this.#error ??= error;
    };
    if (udp > 0) {
      const datagrams = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      datagrams.on('error', failed);
      datagrams.on('message', (packet) => this.#hear(packet));
      datagrams.bind(udp, address);
      datagrams.unref();
      this.#datagrams = datagrams;
    }
    if (socket !== '') {
      removeStale(socket);
      const server = createServer((client) => this.#greet(client));
      server.maxConnections = MAX_CLIENTS;
      server.on('error', failed);
      server.listen(socket, () => {
        try {
          chmodSync(socket, SOCKET_MODE);
        } catch (error) {
          failed(error instanceof Error ? error : new Error(String(error)));
        }
      });
      server.unref();
      this.#server = server;
    }
  }

  #greet(client: Socket): void {
    const lines = new Lines();
    this.#clients.add(client);
    client.unref();
    client.on('data', (chunk: Buffer) => lines.feed(chunk, (line) => this.#hear(line)));
    client.on('error', () => client.destroy());
    client.on('close', () => this.#clients.delete(client));
  }

  /** A packet holds one line or several. */
  #hear(packet: Buffer): void {
    const now = this.#clock();
    if (now - this.#second >= 1_000) {
      this.#second = now;
      this.#lines = 0;
    }
    if (this.#lines >= LINES_PER_S) {
      this.skipped++;
      return;
    }
    for (const line of packet.toString('utf8').split('\n')) {
      if (line === '') continue;
      this.#lines++;
      const said = parseStatsd(line);
      if (said === null) this.malformed++;
      else this.#totals.add(said);
    }
  }
}

/** What an agent that was killed left behind; anything but a socket is somebody's, and stays. */
function removeStale(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path, { force: true });
}
