import { connect } from 'node:net';
import { openEmbedded } from '../../broker/embedded.ts';
import { noCounters } from '../../broker/mesh.ts';
import { Seeded } from '../fuzz/seeded.ts';
import { connectPacket, PINGREQ, packet, publishPacket, RawReader, subscribePacket } from './mqtt-bytes.ts';
import { enrolled, type TestAgent, testAgent } from './site.ts';

/** Connections that are open at once. */
const SLOTS = 32;
/** After so many streams an honest client asks whether the broker still does what it should. */
const CHECK_EVERY = 2_000;
/** The honest client waits so long for its answers: the machine may be busy. */
const ANSWER_MS = 120_000;

export interface StreamsFound {
  readonly streams: number;
  readonly bytes: number;
  /** How many were hung up on by the broker before they had been ended. */
  readonly refused: number;
  /** Connections that the broker called malformed. */
  readonly malformed: number;
  /** What must not be: anything in here is a fault of the broker. */
  readonly faults: readonly string[];
  readonly rssMiB: number;
}

/**
 * Sends the real broker streams of bytes over TCP, each over a connection of its own: packets that are cut, spliced,
 * changed, out of order or of a wrong length, and mere noise, half of them behind a right login. Between them an honest
 * client publishes and is to be acknowledged. A seed repeats the streams, though not how the sockets take turns.
 */
export async function streams(options: {
  readonly seed: number;
  readonly count: number;
  readonly stop?: AbortSignal;
  readonly progress?: (done: number) => void;
}): Promise<StreamsFound> {
  const { seed, count, stop, progress } = options;
  const agents = [testAgent('honest'), ...Array.from({ length: SLOTS }, (_, i) => testAgent(`agent-${i}`))];
  const counters = noCounters();
  const faults: string[] = [];
  const broker = await openEmbedded({
    host: '127.0.0.1',
    port: 0,
    agents: enrolled(agents),
    counters,
    onMessage: async () => {},
    onTelemetry: (_agent, _payload, done) => void setImmediate(done, null),
  });
  const wrong = (error: unknown) =>
    faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.on('uncaughtException', wrong);
  process.on('unhandledRejection', wrong);
  let made = 0;
  let bytes = 0;
  let refused = 0;
  const isOver = () => made >= count || stop?.aborted === true || faults.length > 0;
  const slot = async (agent: TestAgent, until: number) => {
    while (made < until && !isOver()) {
      const chunks = stream(new Seeded(Math.imul(seed, 1_000_003) + made++), agent);
      for (const chunk of chunks) bytes += chunk.length;
      if (await send(broker.port, chunks)) refused++;
    }
  };
  try {
    while (!isOver()) {
      const until = Math.min(count, made + CHECK_EVERY);
      await Promise.all(agents.slice(1).map((agent) => slot(agent, until)));
      const trouble = await honest(broker.port);
      if (trouble !== null) faults.push(`after ${made} streams: ${trouble}`);
      const { sockets } = broker.health();
      if (sockets > SLOTS) faults.push(`after ${made} streams: ${sockets} sockets are open`);
      progress?.(made);
    }
  } finally {
    process.off('uncaughtException', wrong);
    process.off('unhandledRejection', wrong);
    await broker.close();
  }
  const rssMiB = Math.round(process.memoryUsage.rss() / 2 ** 20);
  return { streams: made, bytes, refused, malformed: counters.malformed, faults, rssMiB };
}

/** One stream, in the pieces in which it is written. */
function stream(random: Seeded, { name, secret }: TestAgent): Buffer[] {
  const login = connectPacket(name, secret, random.below(3) * 10);
  const parts = random.below(2) === 0 ? [login] : [];
  for (let n = random.below(6); n >= 0; n--) parts.push(bent(random, packetOf(random, name)));
  if (parts.length > 1 && random.below(8) === 0) parts.reverse();
  const whole = random.below(16) === 0 ? noise(random, 400) : Buffer.concat(parts);
  const chunks: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const size = random.below(4) === 0 ? 1 + random.below(12) : whole.length;
    chunks.push(whole.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function packetOf(random: Seeded, name: string): Buffer {
  const id = random.below(65_536);
  switch (random.below(12)) {
    case 0:
      return connectPacket(random.below(2) === 0 ? name : 'nobody', `${name}-secret`);
    case 1:
      return PINGREQ;
    case 2:
      return subscribePacket(
        random.pick([`s/1/${name}/c`, '#', 's/1/+/m', '$SYS/#', '', 'a/b/c/d/e/f/g/h/i/j']),
        1,
        id,
      );
    case 3:
      return publishPacket(random.pick(topicsOf(name)), noise(random, 300), { id, retain: random.below(2) === 0 });
    case 4:
      return publishPacket(`s/1/${name}/e`, Buffer.alloc(random.pick([0, 1, 65_535, 65_536, 65_537, 70_000])), { id });
    // PUBREL, PUBREC, PUBCOMP, PUBACK, UNSUBSCRIBE, DISCONNECT and types that no client may send.
    case 5:
      return packet(
        random.pick([0x62, 0x50, 0x70, 0x40, 0xa2, 0xe0, 0x00, 0xf0, 0x20, 0x90, 0xb0, 0xd0]),
        noise(random, 8),
      );
    case 6:
      // A fixed header whose length is a lie.
      return Buffer.concat([Buffer.from([random.below(256)]), random.pick(LENGTHS), noise(random, 40)]);
    case 7:
      return packet(0x34, publishPacket(`s/1/${name}/m`, noise(random, 30), { id }).subarray(2));
    default:
      return publishPacket(`s/1/${name}/m`, noise(random, 200), { id });
  }
}

const topicsOf = (name: string): readonly string[] => [
  `s/1/${name}/m`,
  `s/1/${name}/b`,
  `s/1/${name}/st`,
  's/1/hub/site',
  's/1/+/m',
  '$SYS/broker/uptime',
  '',
  '/'.repeat(300),
  'hub/req/honest/health',
];
const LENGTHS = [[0], [0xff], [0xff, 0xff, 0xff, 0x7f], [0xff, 0xff, 0xff, 0xff, 1], [0x80, 0x80, 0x01], [0x80]].map(
  (bytes) => Buffer.from(bytes),
);

/** The packet as it is, or with a byte changed, a piece gone, repeated or put in. */
function bent(random: Seeded, bytes: Buffer): Buffer {
  const at = random.below(bytes.length);
  switch (random.below(6)) {
    case 0: {
      const copy = Buffer.from(bytes);
      copy[at] = random.below(256);
      return copy;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), noise(random, 6), bytes.subarray(at)]);
    default:
      return bytes;
  }
}

function noise(random: Seeded, most: number): Buffer {
  const bytes = Buffer.alloc(random.below(most + 1));
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
  return bytes;
}

/** Writes them and ends; true when the broker had hung up by then. Resolves when the connection is gone. */
function send(port: number, chunks: readonly Buffer[]): Promise<boolean> {
  return new Promise((resolve) => {
    let isCut = false;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      for (const chunk of chunks) socket.write(chunk);
      socket.end();
    });
    socket.on('error', () => {
      isCut = true;
    });
    socket.resume();
    socket.once('close', () => resolve(isCut));
  });
}

/** What is wrong with the broker for a client that does everything right; null when nothing is. */
function honest(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const seen: number[] = [];
    const socket = connect(port, '127.0.0.1');
    const end = (trouble: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(trouble);
    };
    const timer = setTimeout(() => end(`no answer but ${seen} within ${ANSWER_MS} ms`), ANSWER_MS);
    const reader = new RawReader(({ type }) => {
      seen.push(type);
      if (seen.length === 1) {
        for (const channel of ['m', 'e']) {
          socket.write(publishPacket(`s/1/honest/${channel}`, Buffer.from('still here'), { id: 1 }));
        }
      }
      if (seen.length === 3) end(String(seen) === '32,64,64' ? null : `answers ${seen}`);
    });
    socket.on('data', (chunk) => reader.read(chunk));
    socket.once('close', () => end('its connection ended'));
    socket.on('error', () => {});
    socket.write(connectPacket('honest', 'honest-secret'));
  });
}
