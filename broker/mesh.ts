import type { AgentChannel } from './topics.ts';

/** MQTT's own port over TCP (IANA): what the broker takes, and where an agent looks, when nothing else is said. */
export const DEFAULT_PORT = 1883;

/** One message from an enrolled agent, by the identity that the broker authenticated. */
export interface Inbound {
  readonly agent: string;
  readonly channel: AgentChannel;
  readonly payload: Uint8Array;
}

/** The hub's side of the mesh, whatever broker carries it. */
export interface Mesh {
  readonly host: string;
  readonly port: number;
  publish(topic: string, payload: Uint8Array, options?: { readonly retain?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** What the broker counts instead of logging each time: refused clients and dropped messages, by reason. */
export interface MeshCounters {
  refusedConnect: number;
  refusedPublish: number;
  refusedSubscribe: number;
  oversize: number;
}
