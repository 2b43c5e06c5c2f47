// Prints what a tool may hear as JSON lines: node listen.mjs CREDENTIALS TOPIC [COUNT]. Needs mqtt and cbor-x.
import { readFileSync } from 'node:fs';
import { decode } from 'cbor-x';
import { connectAsync } from 'mqtt';

const [file, topic, count = 'Infinity'] = process.argv.slice(2);
const { broker, username, password } = JSON.parse(readFileSync(file, 'utf8'));
const client = await connectAsync(broker, { clientId: `${username}/node`, username, password });
let left = Number(count);
client.on('message', (on, payload) => {
  if (left-- <= 0) return;
  const read = () => (on.startsWith('json/') ? JSON.parse(payload.toString()) : decode(payload));
  console.log(JSON.stringify({ topic: on, message: payload.length === 0 ? null : read() }));
  if (left <= 0) client.end();
});
await client.subscribeAsync(topic, { qos: 1 });
