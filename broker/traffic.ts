import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import type { MeshCounters } from './mesh.ts';

/** How often the loop's lateness is looked at. */
const RESOLUTION_MS = 10;
const NS_PER_MS = 1_000_000;

/** How the broker does: totals since it started, and what changed since this was last asked. */
export interface MeshHealth extends MeshCounters {
  readonly uptimeS: number;
  /** Connected clients, and sockets in all. */
  readonly clients: number;
  readonly sockets: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly payloadReceived: number;
  readonly payloadSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Messages of the hub that wait to be handed to readers. */
  readonly waiting: number;
  /** Bytes that wait for the reader who is furthest behind. */
  readonly readerBytesMax: number;
  /** How late the event loop was since the last call. */
  readonly loopLagP50Ms: number;
  readonly loopLagP99Ms: number;
  readonly loopLagMaxMs: number;
}

interface Counted extends Duplex {
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
}

/** Counts what goes through the broker, and watches the event loop of its thread. */
export class Traffic {
  private readonly counters: MeshCounters;
  private readonly lag: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private readonly started = performance.now();
  private messagesReceived = 0;
  private messagesSent = 0;
  private payloadReceived = 0;
  private payloadSent = 0;
  /** Of sockets that are gone. */
  private readonly past = { read: 0, written: 0 };

  constructor(counters: MeshCounters) {
    this.counters = counters;
    this.lag.enable();
  }

  received(payloadBytes: number): void {
    this.messagesReceived++;
    this.payloadReceived += payloadBytes;
  }

  sent(payloadBytes: number): void {
    this.messagesSent++;
    this.payloadSent += payloadBytes;
  }

  /** A socket is gone: its bytes still count. */
  closed(conn: Counted): void {
    this.past.read += conn.bytesRead ?? 0;
    this.past.written += conn.bytesWritten ?? 0;
  }

  health(now: {
    readonly sockets: ReadonlySet<Counted>;
    readonly clients: number;
    readonly waiting: number;
  }): MeshHealth {
    const { lag, past } = this;
    let { read, written } = past;
    let readerBytesMax = 0;
    for (const conn of now.sockets) {
      read += conn.bytesRead ?? 0;
      written += conn.bytesWritten ?? 0;
      readerBytesMax = Math.max(readerBytesMax, conn.writableLength);
    }
    // The histogram holds whole intervals: what is above the resolution is lateness.
    const late = (ns: number) => Math.max(0, Math.round(ns / NS_PER_MS - RESOLUTION_MS));
    const health: MeshHealth = {
      ...this.counters,
      uptimeS: Math.round((performance.now() - this.started) / 1_000),
      clients: now.clients,
      sockets: now.sockets.size,
      messagesReceived: this.messagesReceived,
      messagesSent: this.messagesSent,
      payloadReceived: this.payloadReceived,
      payloadSent: this.payloadSent,
      bytesReceived: read,
      bytesSent: written,
      waiting: now.waiting,
      readerBytesMax,
      loopLagP50Ms: late(lag.percentile(50)),
      loopLagP99Ms: late(lag.percentile(99)),
      loopLagMaxMs: late(lag.max),
    };
    lag.reset();
    return health;
  }

  stop(): void {
    this.lag.disable();
  }
}
