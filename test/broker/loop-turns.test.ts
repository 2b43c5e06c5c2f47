import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BROKER } from '../../broker/broker-limits.ts';
import type { Enrolled } from '../../broker/enroll.ts';
import { LoopTurns } from '../../broker/loop-turns.ts';
import { connectPacket, publishPacket, RawReader } from './mqtt-bytes.ts';
import { enrolled, openBroker, type TestAgent, testAgent, until } from './site.ts';

const web = testAgent('web-1');

/** How often something happened in one turn of the event loop, at most. */
class PerTurn {
  most = 0;
  private n = 0;
  private turn: NodeJS.Immediate;

  constructor() {
    const next = (): void => {
      this.n = 0;
      this.turn = setImmediate(next);
    };
    this.turn = setImmediate(next);
  }

  add(): void {
    this.most = Math.max(this.most, ++this.n);
  }

  /** The turn of the broker may begin in the middle of one of these. */
  isAtMost(n: number): boolean {
    return this.most > 0 && this.most <= 2 * n;
  }

  stop(): void {
    clearImmediate(this.turn);
  }
}

const test = suite<{ perTurn: PerTurn; sockets: Socket[] }>('turns of the event loop');
test.before.each((context) => {
  context.perTurn = new PerTurn();
  context.sockets = [];
});
test.after.each(({ perTurn, sockets }) => {
  perTurn.stop();
  for (const socket of sockets) socket.destroy();
});

function client(port: number, sockets: Socket[], { name, secret }: TestAgent) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(connectPacket(name, secret)));
  const seen = new Map<number, number>();
  const reader = new RawReader(({ type }) => seen.set(type, (seen.get(type) ?? 0) + 1));
  socket.on('data', (chunk) => reader.read(chunk));
  socket.on('error', () => {});
  sockets.push(socket);
  return { socket, count: (type: number) => seen.get(type) ?? 0 };
}

test('of one client’s telemetry a few are taken in a turn, and all in the end', async ({ perTurn, sockets }) => {
  const broker = await openBroker([web], {
    onTelemetry: (_agent, _payload, done) => {
      perTurn.add();
      done(null);
    },
  });
  try {
    const { socket, count } = client(broker.mesh.port, sockets, web);
    await until('it is let in', () => count(0x20) === 1);
    const one = publishPacket('s/1/web-1/m', Buffer.alloc(20), { id: 1 });
    socket.write(Buffer.concat(Array.from({ length: 1_000 }, () => one)));
    await until('all are acknowledged', () => count(0x40) === 1_000);
    assert.ok(perTurn.isAtMost(BROKER.packetsPerTurn), `${perTurn.most} in a turn`);
  } finally {
    await broker.close();
  }
});

test('so are packets with which the broker is done at once', async ({ perTurn, sockets }) => {
  let heard = 0;
  const broker = await openBroker([web], {
    onMessage: async () => {
      heard++;
      perTurn.add();
    },
  });
  try {
    const { socket, count } = client(broker.mesh.port, sockets, web);
    await until('it is let in', () => count(0x20) === 1);
    const one = publishPacket('s/1/web-1/e', Buffer.alloc(20));
    socket.write(Buffer.concat(Array.from({ length: 1_000 }, () => one)));
    await until('all are heard', () => heard === 1_000);
    assert.ok(perTurn.isAtMost(BROKER.packetsPerTurn), `${perTurn.most} in a turn`);
  } finally {
    await broker.close();
  }
});

test('of many who knock at once a few are looked at in a turn, and each in the end', async ({ perTurn, sockets }) => {
  /** Who is looked up wants to be let in. */
  class Agents extends Map<string, Enrolled> {
    override get(name: string): Enrolled | undefined {
      perTurn.add();
      return super.get(name);
    }
  }
  const broker = await openBroker([], { agents: new Agents(enrolled([web])) });
  try {
    const wrong = Array.from({ length: 500 }, () => client(broker.mesh.port, sockets, { ...web, secret: 'a guess' }));
    await until('each has its answer', () => wrong.every(({ count }) => count(0x20) === 1));
    assert.ok(perTurn.isAtMost(BROKER.strangersPerTurn), `${perTurn.most} in a turn`);
    assert.is(broker.counters.refusedConnect, 500);
  } finally {
    await broker.close();
  }
});

test('a place is for who takes it, in the order in which they came', async () => {
  const turns = new LoopTurns();
  const seen: string[] = [];
  for (let i = 0; i < 3 * BROKER.strangersPerTurn; i++) {
    turns.queue(() => {
      seen.push(`${i}`);
      // Every third has gone away meanwhile.
      return i % 3 !== 0;
    });
  }
  const first = turns.now;
  const sizes: number[] = [];
  while (seen.length < 3 * BROKER.strangersPerTurn) {
    await nextTurn();
    sizes.push(seen.length);
  }
  assert.equal(seen, [...Array(3 * BROKER.strangersPerTurn).keys()].map(String));
  assert.is(
    sizes.find((n) => n > 0),
    BROKER.strangersPerTurn * 1.5,
  );
  assert.ok(turns.now > first);
  turns.queue(() => {
    throw new Error('the broker is closed');
  });
  turns.stop();
  await nextTurn();
});

test.run();
