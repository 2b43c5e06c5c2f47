import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes } from 'aedes';
import { connectAsync } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Incident } from '../../hub/incident.ts';
import { listIncidents } from '../../hub/store/incidents.ts';
import { Site } from './site.ts';

const test = suite('a gateway, end to end');

/** A broker as a plant has one: no names, no rules. */
async function plantBroker(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const aedes = await Aedes.createBroker();
  const server: Server = createServer(aedes.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    close: async () => {
      await new Promise<void>((resolve) => aedes.close(resolve));
      server.close();
    },
  };
}

test('a PLC that knows nothing of Sentinel is a citizen: heard, watched, missed, and never ordered about', async () => {
  const site = new Site();
  const broker = await plantBroker();
  const mapping = join(site.dir, 'plant.yaml');
  const topic =
    '{ topic: "plant/{device}/state", metric: temperature_c, unit: C, format: json, path: temp, above: 80 }';
  writeFileSync(mapping, `version: 1\nbroker: ${broker.url}\nsilent_after: 6\ntopics:\n  - ${topic}\n`);
  const plc = await connectAsync(broker.url, { protocolVersion: 4 });
  let temp: number | null = 20;
  const talking = setInterval(() => {
    if (temp !== null) plc.publish('plant/PLC_1/state', JSON.stringify({ temp, unit: 'C' }));
    plc.publish('plant/PLC_1/state', '{"temp":');
  }, 100);
  const ofDevice = (signal: string, state: Incident['state']) => () => {
    const store = site.reader();
    const all = store === null ? [] : listIncidents(store, 100).flatMap(({ id }) => store.incidents.get(id) ?? []);
    return all.find((one) => one.event.signal === signal && one.state === state);
  };
  try {
    await site.startHub('--live');
    await site.startAgent('--live', '--gateway', mapping);
    const devices = () => site.reader()?.births.get(site.agent)?.devices?.includes('plc-1');
    await site.until(devices, 'a birth that lists it');

    temp = 91;
    const hot = await site.until(ofDevice('device.temperature_c', 'escalated'), 'an incident of the device');
    assert.is(hot.host, `${site.agent}/plc-1`);
    assert.is(hot.reason, 'device');
    assert.match(hot.event.reason, /^Temperature c of the device plc-1: 91 C, over the limit of 80 C/);
    assert.is(hot.event.snapshot?.facts['last.temperature_c']?.text, '91 C');
    assert.equal([hot.plan, hot.orders.length], [null, 0]);
    temp = 20;
    const well = await site.until(ofDevice('device.temperature_c', 'resolved'), 'its end');
    assert.is(well.id, hot.id);

    temp = null;
    const silent = await site.until(ofDevice('device.silent', 'escalated'), 'its silence');
    assert.is(silent.host, `${site.agent}/plc-1`);
    temp = 20;
    await site.until(ofDevice('device.silent', 'resolved'), 'its return');

    writeFileSync(mapping, `version: 1\nbroker: ${broker.url}\ntopics:\n  - { topic: "#", metric: x }\n`);
    const { code, stderr } = await site.sentinel('agent', '--gateway', mapping);
    assert.is(code, 2);
    assert.match(stderr, /plant\.yaml:4: is no topic; write levels/);
  } finally {
    clearInterval(talking);
    await plc.endAsync(true);
    await site.close();
    await broker.close();
    await sleep(0);
  }
});

test.run();
