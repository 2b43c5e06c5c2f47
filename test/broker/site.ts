import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { type Embedded, type EmbeddedOptions, openEmbedded } from '../../broker/embedded.ts';
import { type Enrolled, secretHash } from '../../broker/enroll.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import { type Inbound, type MeshCounters, noCounters } from '../../broker/mesh.ts';

/** An enrolled agent with what only it has. */
export interface TestAgent {
  readonly name: string;
  readonly secret: string;
  readonly key: KeyPair;
}

export const testAgent = (name: string): TestAgent => ({ name, secret: `${name}-secret`, key: newKeyPair() });

export const enrolled = (agents: readonly TestAgent[]): ReadonlyMap<string, Enrolled> =>
  new Map(agents.map(({ name, key, secret }) => [name, { key: key.public, secretHash: secretHash(secret) }]));

/** A folder that is gone when `done` is called. */
export function tempFolder(): { readonly path: string; readonly done: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'sentinel-test-'));
  return { path, done: () => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }) };
}

/** Resolves as soon as `holds` does; gives up with `what` after half a minute. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface TestBroker {
  readonly mesh: Embedded;
  readonly counters: MeshCounters;
  readonly heard: Inbound[];
  /** An MQTT client as an agent has it; `options` override. */
  readonly client: (agent: TestAgent, options?: IClientOptions) => MqttClient;
  readonly close: () => Promise<void>;
}

/** The real broker on a free port of loopback, with real clients. */
export async function openBroker(
  agents: readonly TestAgent[],
  options: Partial<EmbeddedOptions> = {},
): Promise<TestBroker> {
  const counters = noCounters();
  const heard: Inbound[] = [];
  const mesh = await openEmbedded({
    host: '127.0.0.1',
    port: 0,
    agents: enrolled(agents),
    counters,
    onMessage: async (message) => {
      heard.push(message);
    },
    ...options,
  });
  const clients: MqttClient[] = [];
  return {
    mesh,
    counters,
    heard,
    client: ({ name, secret }, more = {}) => {
      const client = connect(`mqtt://127.0.0.1:${mesh.port}`, {
        clientId: name,
        username: name,
        password: secret,
        protocolVersion: 4,
        reconnectPeriod: 0,
        connectTimeout: 10_000,
        ...more,
      });
      // What the broker does to a client is looked at by its effects; unheard, an error would end the test.
      client.on('error', () => {});
      client.setMaxListeners(0);
      clients.push(client);
      return client;
    },
    close: async () => {
      for (const client of clients) client.end(true);
      await mesh.close();
    },
  };
}

/** Resolves true when the client is let in, false when the broker closes the door. */
export const isLetIn = (client: MqttClient): Promise<boolean> =>
  new Promise((resolve) => {
    client.once('connect', () => resolve(true));
    client.once('close', () => resolve(false));
  });

/** Publishes at QoS 1; true when it was acknowledged, false when the connection ended first. */
export const isTaken = (
  client: MqttClient,
  topic: string,
  payload: Uint8Array | string,
  retain = false,
): Promise<boolean> =>
  new Promise((resolve) => {
    client.once('close', () => resolve(false));
    client.publish(topic, typeof payload === 'string' ? payload : Buffer.from(payload), { qos: 1, retain }, (error) =>
      resolve(!error),
    );
  });

/** Subscribes; true when the broker granted it. */
export const isGranted = (client: MqttClient, topic: string): Promise<boolean> =>
  new Promise((resolve) => {
    client.once('close', () => resolve(false));
    client.subscribe(topic, { qos: 1 }, (error, granted) =>
      resolve(!error && granted !== undefined && granted.length > 0 && granted.every(({ qos }) => qos < 128)),
    );
  });
