import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { decodeCbor, encodeCbor } from './cbor.ts';

/** One message over the local socket: an approval of a large plan is a tenth of it. */
const MESSAGE_MAX = 262_144;

interface FramedEvents {
  message: [value: unknown];
  close: [];
}

/** CBOR messages over a stream, each with its length as 32 bits before it. A peer that breaks the form is cut off. */
export class Framed extends EventEmitter<FramedEvents> {
  private readonly socket: Socket;
  private pending = Buffer.alloc(0);

  constructor(socket: Socket) {
    super();
    this.socket = socket;
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.emit('close'));
  }

  send(value: unknown): void {
    const body = encodeCbor(value);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    this.socket.write(Buffer.concat([head, body]));
  }

  close(): void {
    this.socket.end();
  }

  private receive(chunk: Buffer): void {
    this.pending = Buffer.concat([this.pending, chunk]);
    while (this.pending.length >= 4) {
      const length = this.pending.readUInt32BE(0);
      if (length > MESSAGE_MAX) {
        this.socket.destroy();
        return;
      }
      if (this.pending.length < 4 + length) return;
      const body = this.pending.subarray(4, 4 + length);
      this.pending = this.pending.subarray(4 + length);
      try {
        this.emit('message', decodeCbor(body));
      } catch {
        this.socket.destroy();
        return;
      }
    }
  }
}
