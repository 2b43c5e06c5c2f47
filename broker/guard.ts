import type { Duplex } from 'node:stream';
import { BROKER } from './broker-limits.ts';
import type { MeshCounters } from './mesh.ts';
import { PacketScanner } from './packet-scanner.ts';

/** Credit that grows with time up to a ceiling, and may be overdrawn once: then it has to be waited for. */
class Bucket {
  private credit: number;
  private readonly perMs: number;
  private readonly most: number;
  private seen: number;

  constructor(perSecond: number, most: number, now: number) {
    this.perMs = perSecond / 1_000;
    this.most = most;
    this.credit = most;
    this.seen = now;
  }

  /** Milliseconds until there is credit; 0 when there is. */
  wait(now: number): number {
    this.credit = Math.min(this.most, this.credit + (now - this.seen) * this.perMs);
    this.seen = now;
    return this.credit > 0 ? 0 : Math.ceil(-this.credit / this.perMs) + 1;
  }

  spend(amount: number): void {
    this.credit -= amount;
  }
}

/**
 * Stands between a connection (TCP or TLS) and the broker, which reads it by `readable` and `read()`: passes on one
 * chunk a turn, within this client's budget of packets and bytes, and nothing while too many of its messages wait for
 * the disk. What the broker does not read stays in the kernel, and TCP slows the sender down.
 */
export class Guard {
  private readonly conn: Duplex;
  private readonly take: (size?: number) => Buffer | null;
  private readonly scanner: PacketScanner;
  private readonly counters: MeshCounters;
  private readonly packets: Bucket;
  private readonly bytes: Bucket;
  private rest: Buffer | null = null;
  private inFlight = 0;
  /** Messages that were passed on without their payload, and have not reached their handler. */
  private tooLong = 0;
  private timer: NodeJS.Timeout | undefined;
  private turn: NodeJS.Immediate | undefined;

  constructor(conn: Duplex, counters: MeshCounters) {
    this.conn = conn;
    this.counters = counters;
    const now = performance.now();
    this.packets = new Bucket(BROKER.packetsPerSecond, BROKER.packetsBurst, now);
    this.bytes = new Bucket(BROKER.bytesPerSecond, BROKER.bytesBurst, now);
    this.scanner = new PacketScanner(() => this.tooLong++);
    this.take = conn.read.bind(conn);
    // Node itself calls read(0) to ask for more: that takes nothing out, and must not here.
    conn.read = (size?: number) => (size === 0 ? this.take(0) : this.read());
    conn.once('close', () => {
      clearTimeout(this.timer);
      clearImmediate(this.turn);
      this.rest = null;
    });
  }

  /** The broker has accepted its CONNECT. */
  letIn(): void {
    this.scanner.letIn();
    this.wake();
  }

  /** A message of this client was handed over, and is not durable yet. */
  began(): void {
    this.inFlight++;
  }

  ended(): void {
    if (this.inFlight-- === BROKER.inFlight) this.wake();
  }

  /** Whether this empty message had a payload that was cut off. */
  wasTooLong(): boolean {
    if (this.tooLong === 0) return false;
    this.tooLong--;
    return true;
  }

  private read(): Buffer | null {
    for (;;) {
      if (this.scanner.held || this.inFlight >= BROKER.inFlight || this.mustWait()) return null;
      const chunk = this.rest ?? this.take(Math.min(this.conn.readableLength, BROKER.chunkBytes) || undefined);
      this.rest = null;
      if (chunk === null) return null;
      const passed = this.look(chunk);
      if (this.conn.destroyed) return null;
      if (passed !== null) return passed;
    }
  }

  private look(chunk: Buffer): Buffer | null {
    try {
      const { passed, rest, ended } = this.scanner.scan(chunk);
      this.rest = rest;
      this.bytes.spend(chunk.length - (rest?.length ?? 0));
      this.packets.spend(ended);
      // The broker reads on when it is done with a packet: with none in the chunk, it has to be told.
      if (passed !== null && ended === 0) this.wake();
      return passed;
    } catch {
      this.counters.malformed++;
      this.conn.destroy();
      return null;
    }
  }

  private mustWait(): boolean {
    const now = performance.now();
    const ms = Math.max(this.packets.wait(now), this.bytes.wait(now));
    if (ms === 0) return false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wake(), ms);
    return true;
  }

  private wake(): void {
    clearImmediate(this.turn);
    this.turn = setImmediate(() => this.conn.emit('readable'));
  }
}
