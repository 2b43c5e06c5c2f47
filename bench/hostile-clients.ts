import { connect, type Socket } from 'node:net';
import { connectPacket, publishPacket, RawReader, subscribePacket } from '../test/broker/mqtt-bytes.ts';

/** What one process of hostile clients does until it is killed. */
export type Attack = 'flood' | 'connects' | 'dribble' | 'malformed' | 'frozen';

/** Connections of the attacks that make many. */
const AT_ONCE = 5_000;
const DRIBBLING = 1_000;
const SENDERS = 10;

const [, , attack = '', portText = '0'] = process.argv;
const port = Number(portText);
const name = (i: number): string => `agent-${20 + i}`;
const open = (then: (socket: Socket) => void): Socket => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => then(socket));
  socket.on('error', () => {});
  return socket;
};
/** Logs in, then does this. */
const enter = (i: number, then: (socket: Socket) => void): void => {
  const socket = open(() => socket.write(connectPacket(name(i), `${name(i)}-secret`)));
  const reader = new RawReader(({ type }) => {
    if (type === 0x20) then(socket);
  });
  socket.on('data', (chunk) => reader.read(chunk));
};

const ATTACKS: Readonly<Record<Attack, () => void>> = {
  /** Telemetry as fast as the socket takes it. */
  flood: () => {
    for (let i = 0; i < SENDERS; i++) {
      const packets = Buffer.concat(
        Array.from({ length: 200 }, () => publishPacket(`s/1/${name(i)}/m`, Buffer.alloc(60), { id: 1 })),
      );
      enter(i, (socket) => {
        const pour = (): void => {
          while (!socket.destroyed && socket.write(packets));
        };
        socket.on('drain', pour);
        pour();
      });
    }
  },
  /** All at once, with a wrong secret, and again when all are gone. */
  connects: () => {
    let left = AT_ONCE;
    for (let i = 0; i < AT_ONCE; i++) {
      const socket = open(() => socket.write(connectPacket(name(0), 'a guess')));
      socket.resume();
      socket.once('close', () => {
        if (--left === 0) ATTACKS.connects();
      });
    }
  },
  /** A byte of CONNECT now and then. */
  dribble: () => {
    const login = connectPacket(name(0), 'a guess');
    for (let i = 0; i < DRIBBLING; i++) {
      const socket = open(() => {
        let at = 0;
        const timer = setInterval(() => {
          if (at < login.length - 1) socket.write(login.subarray(at, ++at));
        }, 100);
        socket.once('close', () => clearInterval(timer));
      });
    }
  },
  /** Noise behind a right login, over and over. */
  malformed: () => {
    for (let i = 0; i < SENDERS; i++) {
      const again = (): void =>
        enter(i, (socket) => {
          socket.once('close', again);
          socket.end(Buffer.from(Array.from({ length: 500 }, () => Math.floor(Math.random() * 256))));
        });
      again();
    }
  },
  /** Subscribes to what the hub says to all, and reads nothing; who was dropped comes again. */
  frozen: () => {
    const again = (): void =>
      enter(0, (socket) => {
        socket.write(subscribePacket('s/1/hub/site', 1));
        socket.pause();
        socket.once('close', again);
      });
    again();
  },
};

if (Object.hasOwn(ATTACKS, attack)) ATTACKS[attack as Attack]();
