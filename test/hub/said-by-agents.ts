import type { MqttClient } from 'mqtt';
import { connect } from 'mqtt';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { type Ack, ack as ackShape, type Event } from '../../broker/messages.ts';
import { open, type SignedKind, seal } from '../../broker/signed.ts';
import { readAudit, verifyAudit } from '../../hub/chain/audit.ts';
import * as samples from '../broker/samples.ts';
import { isGranted, isTaken, type TestAgent, testAgent } from '../broker/site.ts';
import { keys, openSmallHub, type SmallHub } from './small-hub.ts';

export const [web, db] = [testAgent('web-1'), testAgent('db-1')];

/** A small hub and its agents' connections, [web, db]. */
export interface Context {
  small: SmallHub;
  clients: MqttClient[];
}
/** Each test of a suite has a hub and two agents of its own. */
export function withAgents(test: Test<Context>): void {
  test.before.each(async (context) => {
    context.small = await openSmallHub([web, db]);
    context.clients = [web, db].map(({ name, secret }) => {
      const client = connect(`mqtt://127.0.0.1:${context.small.port}`, {
        clientId: name,
        username: name,
        password: secret,
        protocolVersion: 4,
        reconnectPeriod: 0,
      });
      client.on('error', () => {});
      client.setMaxListeners(0);
      return client;
    });
  });
  test.after.each(async ({ small, clients }) => {
    for (const client of clients) client.end(true);
    await small.close();
  });
}

export const clientOf = ({ clients }: Context, agent: TestAgent): MqttClient => {
  const client = clients[agent === web ? 0 : 1];
  assert.ok(client);
  return client;
};
export const sealed = (kind: SignedKind, value: object, agent: TestAgent): Uint8Array =>
  seal(kind, encodeCbor(value), agent.key);
export const eventOf = (agent: TestAgent, seq: number, change: Partial<Event> = {}): Event => ({
  ...samples.event,
  agent: agent.name,
  seq,
  fingerprint: `test[${seq}]`,
  ...change,
});
export const say = (context: Context, agent: TestAgent, channel: string, payload: Uint8Array): Promise<boolean> =>
  isTaken(clientOf(context, agent), `s/1/${agent.name}/${channel}`, payload);
export const isWhole = ({ small: { hub } }: Context): void => {
  const finding = verifyAudit(hub.store, [hub.key.public]);
  assert.ok(finding.ok, JSON.stringify(finding));
  for (const { value } of hub.store.audit.getRange({})) readAudit(value);
};

/** What the hub acknowledges to this agent from now on. */
export async function hears(context: Context, agent: TestAgent): Promise<Ack[]> {
  const acks: Ack[] = [];
  const client = clientOf(context, agent);
  client.on('message', (topic, payload) => {
    if (topic === `s/1/${agent.name}/ack`) {
      acks.push(ackShape(decodeCbor(open('ack', new Uint8Array(payload), keys.hub.public)), ''));
    }
  });
  assert.ok(await isGranted(client, `s/1/${agent.name}/ack`));
  return acks;
}
