import { connect, type MqttClient } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { approval as approvalShape, type Event, order as orderShape } from '../../broker/messages.ts';
import { ShapeError } from '../../broker/shape.ts';
import { seal } from '../../broker/signed.ts';
import { deviceName, isAgentId } from '../../broker/subject.ts';
import { makeOrder } from '../../hub/orders.ts';
import { acceptApproval } from '../../hub/steps/approve.ts';
import { getIncident, listIncidents } from '../../hub/store/incidents.ts';
import * as samples from '../broker/samples.ts';
import { isTaken, testAgent, until } from '../broker/site.ts';
import { approvalFor, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

const gateway = testAgent('gw');
const web = testAgent('web-1');

interface Context {
  small: SmallHub;
  client: MqttClient;
}

const test = suite<Context>('devices behind a gateway, at the hub');
test.before.each(async (context) => {
  context.small = await openSmallHub([gateway, web]);
  context.client = connect(`mqtt://127.0.0.1:${context.small.port}`, {
    ...{ clientId: 'gw', username: 'gw', password: gateway.secret, protocolVersion: 4, reconnectPeriod: 0 },
  });
});
test.after.each(async ({ small, client }) => {
  client.end(true);
  await small.close();
});

const hot = (change: Partial<Event> = {}): Event => ({
  ...samples.event,
  ...{ agent: 'gw', signal: 'device.temperature_c', metric: 'device.temperature_c[plc-1]', device: 'plc-1' },
  ...{ fingerprint: 'device.temperature_c:plc-1' },
  ...change,
});
const say = ({ client }: Context, event: Event) =>
  isTaken(client, 's/1/gw/e', seal('event', encodeCbor(event), gateway.key));

test('what a gateway says of a device is an incident of that device, and a person’s', async (context) => {
  const { hub } = context.small;
  assert.ok(await say(context, hot({ seq: 1 })));
  await until('escalated', () => listIncidents(hub.store, 1)[0]?.state === 'escalated');
  const [{ id } = { id: '' }] = listIncidents(hub.store, 1);
  const incident = getIncident(hub.store, id);
  assert.is(incident?.host, 'gw/plc-1');
  assert.is(incident?.reason, 'device');
  assert.is(incident?.owner, 'ann');
  assert.is(incident?.plan, null);
  assert.ok(await say(context, hot({ seq: 1 })), 'a message that is said again');
  assert.is(getIncident(hub.store, id)?.repeats, 0);
  assert.ok(await say(context, hot({ seq: 2, kind: 'recovery' })));
  await until('resolved', () => getIncident(hub.store, id)?.state === 'resolved');
});

test('a device under an agent’s name is refused, counted, and not said again; a birth loses it', async (context) => {
  const { hub, intake } = context.small;
  assert.ok(await say(context, hot({ seq: 1, device: 'web-1' })));
  await until('refused', () => intake.dropped.get('E_DEVICE_NAME') === 1);
  assert.is(listIncidents(hub.store, 10).length, 0);
  assert.ok(await say(context, hot({ seq: 1, device: 'web-1' })));
  const birth = { ...samples.birth, agent: 'gw', key: gateway.key.public, devices: ['web-1', 'plc-1'] };
  assert.ok(await isTaken(context.client, 's/1/gw/b', seal('birth', encodeCbor(birth), gateway.key)));
  assert.equal(hub.store.births.get('gw')?.devices, ['plc-1']);
  assert.is(intake.dropped.get('E_DEVICE_NAME'), 1, 'what was refused is handled');
});

test('no approval and no order has room for a device, at the hub or at an agent', async ({ small }) => {
  const { hub } = small;
  const host = deviceName('gw', 'plc-1');
  assert.is(isAgentId(host), false);
  const forged = await proposeTo(hub, {}, { host });
  const signed = approvalFor(hub, forged);
  let code: unknown;
  await acceptApproval(hub, forged, signed).catch((error: unknown) => {
    code = (error as { readonly code?: string }).code;
  });
  assert.is(code, 'E_MESSAGE_SHAPE');
  const boot = { ...samples.birth, agent: 'gw' };
  await hub.store.write(() => void hub.store.births.put(host, boot));
  const approval = { ...signed, id: forged.id, by: 'ann', not_after: hub.now() + 60_000, reviewed: [] };
  assert.is(makeOrder(hub, { ...forged, approval }, 'apply'), null);
  assert.ok(makeOrder(hub, { ...forged, approval, host: 'web-1' }, 'apply') === null, 'no birth of it');
  await hub.store.write(() => void hub.store.births.put('web-1', boot));
  assert.ok(makeOrder(hub, { ...forged, approval, host: 'web-1' }, 'apply') !== null, 'and an agent gets one');
  // What an agent reads before anything else of an order, and of the approval in it.
  for (const read of [
    () => orderShape({ ...samples.order, agent: host }, ''),
    () => approvalShape({ ...samples.approval, host }, ''),
  ]) {
    assert.throws(read, (error: unknown) => error instanceof ShapeError && error.code === 'E_MESSAGE_SHAPE');
  }
});

test.run();
