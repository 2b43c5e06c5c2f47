import { createServer, Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { Framed } from '../../broker/framed.ts';
import { until } from './site.ts';

const test = suite<{ open: () => Promise<Place>; places: Place[] }>('framed messages');
interface Place {
  readonly port: number;
  readonly heard: unknown[];
  ended: number;
  readonly close: () => void;
}

async function openPlace(): Promise<Place> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const link = new Framed(socket);
    link.on('message', (value) => place.heard.push(value));
    link.on('close', () => place.ended++);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  const place: Place = { port, heard: [], ended: 0, close };
  return place;
}
test.before((context) => {
  context.places = [];
  context.open = async () => {
    const place = await openPlace();
    context.places.push(place);
    return place;
  };
});
test.after(({ places }) => {
  for (const { close } of places) close();
});

function dial(port: number): Socket {
  const socket = new Socket();
  socket.setNoDelay(true);
  socket.on('error', () => {});
  return socket.connect(port, '127.0.0.1');
}
const message = (value: unknown): Buffer => {
  const body = encodeCbor(value);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
};

test('messages arrive whole and in order, however the bytes are cut', async ({ open }) => {
  const place = await open();
  const values = [1, 'two', { three: [3, 3, 3] }, 'x'.repeat(100_000), 5];
  const bytes = Buffer.concat(values.map(message));
  for (const size of [1, 3, 4, 5, 1_000, bytes.length]) {
    place.heard.length = 0;
    const socket = dial(place.port);
    const limit = size === 1 ? 3_000 : bytes.length;
    for (let at = 0; at < limit; at += size) {
      socket.write(bytes.subarray(at, Math.min(at + size, limit)));
      if (size < 1_000 && at % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(bytes.subarray(limit));
    await until(`all of it in pieces of ${size}`, () => place.heard.length === values.length);
    assert.equal(JSON.stringify(place.heard), JSON.stringify(values));
    socket.destroy();
  }
});

for (const [what, bytes] of Object.entries({
  'a length beyond any message': Buffer.from([0xff, 0xff, 0xff, 0xff, 0]),
  'a body that is not CBOR': Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from([0xff, 0xff])]),
  'an empty body': Buffer.alloc(4),
})) {
  test(`a peer that sends ${what} is cut off; another goes on`, async ({ open }) => {
    const place = await open();
    const other = dial(place.port);
    dial(place.port).write(bytes);
    await until('it is cut off', () => place.ended === 1);
    other.write(message('still here'));
    await until('the other is heard', () => place.heard.length === 1);
    other.destroy();
  });
}

test.run();
