import type { Client } from 'aedes';
import { mayPublish } from './acl.ts';
import type { BrokerCore } from './broker-core.ts';
import type { Routes } from './routes.ts';
import type { TelemetryPath } from './shortcut.ts';
import { agentTopic } from './topics.ts';
import type { Traffic } from './traffic.ts';

/**
 * Stores telemetry, and calls `done` once: with null when it is durable or was dropped, else with why it is neither. The
 * payload is the memory of what was read; nothing is written there any more.
 */
export type OnTelemetry = (agent: string, payload: Uint8Array, done: (error: Error | null) => void) => void;

/** The way of an agent's telemetry past the broker; undefined for one that may not say any. */
export function telemetryPath(
  client: Client,
  parts: {
    readonly routes: Routes;
    readonly aedes: BrokerCore;
    readonly traffic: Traffic;
    readonly onTelemetry: OnTelemetry;
  },
): TelemetryPath | undefined {
  const { routes, aedes, traffic, onTelemetry } = parts;
  const { id } = client;
  const topic = agentTopic(id, 'm');
  if (!mayPublish(id, topic, false)) return undefined;
  let version = -1;
  let isOpen = false;
  return {
    topic,
    isOpen: () => {
      if (routes.version !== version) isOpen = !routes.isRead(topic);
      version = routes.version;
      return isOpen;
    },
    store: (payload, done) => {
      aedes.heardOf(client);
      traffic.received(payload.length);
      onTelemetry(id, payload, done);
    },
  };
}
