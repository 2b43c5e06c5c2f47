import { createServer } from 'node:net';
import { BROKER } from '../broker/broker-limits.ts';
import { RawReader } from '../test/broker/mqtt-bytes.ts';

/** How often it reads of a client that pours. */
const READ_EVERY_MS = 10;
/** A report of who floods, as a packet. */
const REPORT_BYTES = 78;
const CONNECT = 1;
const PUBLISH = 3;
/** What hostile clients log in with when they are not to be let in. */
const WRONG = Buffer.from('a guess');

/**
 * A broker that does nothing: it lets in, refuses, acknowledges, and takes as many bytes a second as ours. Hostile clients
 * that talk to it take the processor's time as they do from any busy machine; what honest agents of another broker feel
 * then is not a broker's doing.
 */
const server = createServer((socket) => {
  socket.on('error', () => {});
  const reader = new RawReader(({ type, body }) => {
    if (type >> 4 === CONNECT && body.includes(WRONG)) socket.end(Buffer.from([0x20, 2, 0, 5]));
    else if (type >> 4 === CONNECT) socket.write(Buffer.from([0x20, 2, 0, 0]));
    else if (type >> 4 === PUBLISH) socket.write(Buffer.from([0x40, 2, 0, 1]));
  });
  let credit = BROKER.chunkBytes;
  let timer: NodeJS.Timeout | undefined;
  const read = (): void => {
    const chunk: Buffer | null = credit > 0 ? socket.read() : null;
    if (chunk !== null) {
      credit -= chunk.length;
      reader.read(chunk);
    }
    if (credit <= 0) timer ??= setTimeout(grow, READ_EVERY_MS);
  };
  const grow = (): void => {
    timer = undefined;
    credit += (BROKER.packetsPerSecond * REPORT_BYTES * READ_EVERY_MS) / 1_000;
    read();
  };
  socket.on('readable', read);
  socket.once('close', () => clearTimeout(timer));
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
