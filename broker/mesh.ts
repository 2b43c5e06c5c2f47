import type { AgentChannel } from './topics.ts';

/** MQTT's own port over TCP (IANA): what the broker takes, and where an agent looks, when nothing else is said. */
export const DEFAULT_PORT = 1883;

/** One message from an enrolled agent, by the identity that the broker authenticated. */
export interface Inbound {
  readonly agent: string;
  readonly channel: AgentChannel;
  readonly payload: Uint8Array;
}

/** Not retained and at QoS 1 unless it says otherwise. */
export interface PublishOptions {
  readonly retain?: boolean;
  readonly qos?: 0 | 1;
}

/** The hub's side of the mesh, whatever broker carries it. */
export interface Mesh {
  readonly host: string;
  readonly port: number;
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Promise<void>;
  close(): Promise<void>;
}

/** What the broker counts instead of logging each time: refused clients and dropped messages, by reason. */
export interface MeshCounters {
  refusedConnect: number;
  refusedPublish: number;
  refusedSubscribe: number;
  oversize: number;
  /** Connections that were closed at once: too many from there, or in all, had not yet said who they are. */
  refusedBusy: number;
  /** Connections that broke the protocol's form. */
  malformed: number;
  /** Messages that were not passed on to a reader that does not keep up (QoS 0), and readers dropped for it. */
  droppedForwards: number;
  slowReaders: number;
}

export const noCounters = (): MeshCounters => ({
  refusedConnect: 0,
  refusedPublish: 0,
  refusedSubscribe: 0,
  oversize: 0,
  refusedBusy: 0,
  malformed: 0,
  droppedForwards: 0,
  slowReaders: 0,
});
