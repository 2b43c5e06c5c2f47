import type { Duplex } from 'node:stream';
import { BROKER } from './broker-limits.ts';
import type { LoopTurns } from './loop-turns.ts';
import type { MeshCounters } from './mesh.ts';
import { PacketScanner } from './packet-scanner.ts';
import { Pubacks } from './pubacks.ts';
import { Shortcut, type TelemetryPath } from './shortcut.ts';
import { TokenBucket } from './token-bucket.ts';

/**
 * Stands between a connection (TCP or TLS) and the broker, which reads it by `readable` and `read()`: passes on a few
 * packets a turn, within this client's budget of packets and bytes, and nothing while too many of its messages wait for
 * the disk; before its CONNECT was accepted, only when its place in the queue of strangers has come. What the broker
 * does not read stays in the kernel, and TCP slows the sender down.
 */
export class Guard {
  private readonly conn: Duplex;
  private readonly take: (size?: number) => Buffer | null;
  private readonly scanner: PacketScanner;
  private readonly counters: MeshCounters;
  private readonly packets: TokenBucket;
  private readonly bytes: TokenBucket;
  private readonly pubacks: Pubacks;
  private readonly turns: LoopTurns;
  private isStranger = true;
  /** Of a stranger: it waits for its place, or has it. */
  private place: 'none' | 'waits' | 'has' = 'none';
  /** The turn in which the broker was last given packets; -1 when that is known to be over. */
  private gaveIn = -1;
  private rest: Buffer | null = null;
  private inFlight = 0;
  /** Messages that were passed on without their payload, and have not reached their handler. */
  private tooLong = 0;
  private timer: NodeJS.Timeout | undefined;
  private turn: NodeJS.Immediate | undefined;

  constructor(conn: Duplex, counters: MeshCounters, turns: LoopTurns) {
    this.conn = conn;
    this.turns = turns;
    this.counters = counters;
    const now = performance.now();
    this.packets = new TokenBucket(BROKER.packetsPerSecond, BROKER.packetsBurst, now);
    this.bytes = new TokenBucket(BROKER.bytesPerSecond, BROKER.bytesBurst, now);
    this.pubacks = new Pubacks(conn, () => this.wake());
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

  /** The broker has accepted its CONNECT. With a path its telemetry goes past the broker from now on. */
  letIn(path?: TelemetryPath): void {
    this.isStranger = false;
    this.scanner.letIn(path === undefined ? null : this.shortcut(path));
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

  private shortcut({ topic, isOpen, store }: TelemetryPath): Shortcut {
    return new Shortcut(topic, isOpen, (id, payload) => {
      this.began();
      store(payload, (error) => {
        this.ended();
        if (error === null) this.pubacks.add(id);
        // Not stored, so not acknowledged: its sender repeats it when it is back.
        else this.conn.destroy();
      });
    });
  }

  private read(): Buffer | null {
    const { conn, scanner } = this;
    if (scanner.held || this.inFlight >= BROKER.inFlight || this.pubacks.waits || this.mustWait()) return null;
    if (!this.hasTurn()) return null;
    const chunk = this.rest ?? this.take(Math.min(conn.readableLength, BROKER.chunkBytes) || undefined);
    this.rest = null;
    if (chunk === null) return null;
    const passed = this.look(chunk);
    if (conn.destroyed) return null;
    // The broker reads on when it is done with what it got. With nothing, the next turn does; or this is the end of the
    // stream, which shows only to who reads on.
    if (passed === null && (this.rest !== null || conn.readableLength > 0)) this.wake();
    else if (passed === null) this.take();
    return passed;
  }

  /** Whether it may be read now; if not, it is read when it may. */
  private hasTurn(): boolean {
    if (this.isStranger) return this.hasPlace();
    // The broker asks for more as soon as it is done with what it got, which may be at once. An agent that says telemetry
    // alone gives it nothing, and asks for no turn.
    if (this.gaveIn >= 0 && this.gaveIn >= this.turns.now) {
      this.wake();
      return false;
    }
    this.gaveIn = -1;
    return true;
  }

  private hasPlace(): boolean {
    const { place } = this;
    if (place === 'has') this.place = 'none';
    if (place !== 'none') return place === 'has';
    this.place = 'waits';
    this.turns.queue(() => {
      const { conn } = this;
      if (conn.destroyed) return false;
      const takes = conn.readableLength > 0 || this.rest !== null;
      this.place = 'has';
      conn.emit('readable');
      return takes;
    });
    return false;
  }

  private look(chunk: Buffer): Buffer | null {
    try {
      const { passed, rest, ended, taken } = this.scanner.scan(chunk, BROKER.packetsPerTurn);
      if (passed !== null) this.gaveIn = this.turns.now;
      this.rest = rest;
      this.bytes.spend(chunk.length - (rest?.length ?? 0));
      this.packets.spend(ended + taken);
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
