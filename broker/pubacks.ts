import type { Duplex } from 'node:stream';

const PUBACK = 0x40;
const BYTES = 4;

/** Acknowledges messages of one connection: what becomes durable together is said in one write. */
export class Pubacks {
  private readonly conn: Duplex;
  private readonly onDrain: () => void;
  private ids: number[] = [];
  private isFull = false;

  /** `onDrain` is called when a client that did not take its acknowledgements does so again. */
  constructor(conn: Duplex, onDrain: () => void) {
    this.conn = conn;
    this.onDrain = onDrain;
  }

  /** Acknowledgements wait in memory: a client that does not take them is not to be read. */
  get waits(): boolean {
    return this.isFull;
  }

  add(id: number): void {
    if (this.ids.push(id) === 1) process.nextTick(() => this.write());
  }

  private write(): void {
    const { conn, ids } = this;
    this.ids = [];
    if (conn.destroyed) return;
    const bytes = Buffer.allocUnsafe(ids.length * BYTES);
    for (const [i, id] of ids.entries()) bytes.writeUInt32BE(((PUBACK << 8) | 2) * 65_536 + id, i * BYTES);
    if (conn.write(bytes) || this.isFull) return;
    this.isFull = true;
    conn.once('drain', () => {
      this.isFull = false;
      this.onDrain();
    });
  }
}
