import { createConnection, type Socket } from 'node:net';
import {
  type Call,
  DbusError,
  decodeReply,
  ERROR,
  encodeCall,
  METHOD_RETURN,
  messageLength,
  type Reader,
} from './message.ts';

const MAX_GREETING = 1_024;
const HELLO: Call = {
  serial: 1,
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
  member: 'Hello',
};

/**
 * Asks one question over a unix socket that speaks D-Bus, and closes it. `bus` says that a bus daemon is behind it,
 * which wants to be greeted; systemd's own private socket has none. Rejects with what went wrong, at the latest when
 * `signal` aborts.
 */
export async function askDbus(
  path: string,
  call: Omit<Call, 'serial'>,
  options: { readonly bus: boolean; readonly signal: AbortSignal },
): Promise<Reader> {
  const { bus, signal } = options;
  const socket = createConnection({ path });
  const stop = () => socket.destroy(new DbusError('no answer in time'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    const input = new Input(socket);
    // EXTERNAL: the kernel tells who we are; the argument is our user id, as digits in hex.
    const user = Buffer.from(String(process.geteuid?.() ?? 0)).toString('hex');
    socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
    const answer = await input.take((bytes) => {
      const end = bytes.indexOf('\r\n');
      if (end < 0 && bytes.length > MAX_GREETING) throw new DbusError('a greeting without an end');
      return end < 0 ? null : end + 2;
    });
    if (!answer.toString('latin1').startsWith('OK ')) throw new DbusError('refused to let us in');
    socket.write('BEGIN\r\n');
    if (bus) {
      socket.write(encodeCall(HELLO));
      await replyTo(input, HELLO.serial);
    }
    socket.write(encodeCall({ ...call, serial: 2 }));
    return await replyTo(input, 2);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

async function replyTo(input: Input, serial: number): Promise<Reader> {
  for (;;) {
    const reply = decodeReply(await input.take(messageLength));
    // Signals come between; they answer nothing.
    if (reply.replySerial !== serial) continue;
    if (reply.type === METHOD_RETURN) return reply.body;
    if (reply.type === ERROR) throw new DbusError(`answered ${reply.errorName.slice(0, 120)}`);
  }
}

/** What came over a socket, taken piece by piece. */
class Input {
  #bytes: Buffer = Buffer.alloc(0);
  #error: Error | null = null;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    const end = (error: Error) => {
      this.#error ??= error;
      this.#wake();
    };
    socket.on('error', end);
    socket.on('close', () => end(new DbusError('was closed')));
  }

  /** The next piece: `length` says how long it is, null while that can't be known, and throws when it never will. */
  async take(length: (bytes: Buffer) => number | null): Promise<Buffer> {
    for (;;) {
      const wanted = length(this.#bytes);
      if (wanted !== null && this.#bytes.length >= wanted) {
        const piece = this.#bytes.subarray(0, wanted);
        this.#bytes = this.#bytes.subarray(wanted);
        return piece;
      }
      if (this.#error !== null) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
