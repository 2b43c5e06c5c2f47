import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { connectPacket, publishPacket, RawReader } from '../broker/mqtt-bytes.ts';

/** An agent in a thread of its own: connects, publishes these payloads one after the other, and counts the PUBACKs. */
const { port, name, secret, payloads, count } = workerData as {
  port: number;
  name: string;
  secret: string;
  payloads: readonly Uint8Array[];
  count: SharedArrayBuffer;
};
const acknowledged = new Int32Array(count);
let next = 0;
const socket = connect(port, '127.0.0.1', () => socket.write(connectPacket(name, secret)));
const say = () => {
  const payload = payloads[next++];
  if (payload === undefined) socket.destroy();
  else socket.write(publishPacket(`s/1/${name}/m`, payload, { id: next }));
};
const reader = new RawReader(({ type }) => {
  if (type >> 4 === 4) {
    Atomics.add(acknowledged, 0, 1);
    Atomics.notify(acknowledged, 0);
  }
  say();
});
socket.on('data', (chunk) => reader.read(chunk));
socket.on('error', () => {});
socket.on('close', () => parentPort?.close());
