import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { decodeCbor, encodeCbor } from './cbor.ts';

/** One message over the local socket: an approval of a large plan is a tenth of it. */
const MESSAGE_MAX = 262_144;
/** The length before each message. */
const HEAD = 4;

interface FramedEvents {
  message: [value: unknown];
  close: [];
}

/** CBOR messages over a stream, each with its length as 32 bits before it. A peer that breaks the form is cut off. */
export class Framed extends EventEmitter<FramedEvents> {
  private readonly socket: Socket;
  private chunks: Buffer[] = [];
  private length = 0;
  /** Bytes without which the next message is not whole. */
  private wanted = HEAD;

  constructor(socket: Socket) {
    super();
    this.socket = socket;
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.emit('close'));
  }

  send(value: unknown): void {
    const body = encodeCbor(value);
    const head = Buffer.alloc(HEAD);
    head.writeUInt32BE(body.length);
    this.socket.write(Buffer.concat([head, body]));
  }

  close(): void {
    this.socket.end();
  }

  private receive(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    // Joined only when something is whole: a peer that sends byte by byte must not make each byte a copy of all.
    while (this.length >= this.wanted) {
      const pending = this.chunks.length === 1 && this.chunks[0] ? this.chunks[0] : Buffer.concat(this.chunks);
      const size = HEAD + pending.readUInt32BE(0);
      if (size > HEAD + MESSAGE_MAX) {
        this.socket.destroy();
        return;
      }
      this.chunks = [pending];
      this.wanted = size;
      if (pending.length < size) return;
      const rest = pending.subarray(size);
      this.chunks = [rest];
      this.length = rest.length;
      this.wanted = HEAD;
      try {
        this.emit('message', decodeCbor(pending.subarray(HEAD, size)));
      } catch {
        this.socket.destroy();
        return;
      }
    }
  }
}
