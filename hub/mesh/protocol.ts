import type { Enrolled } from '../../broker/enroll.ts';
import type { Request } from '../../broker/requests.ts';
import type { TlsMaterial } from '../../broker/tls-listener.ts';
import type { Tool } from '../../broker/tools.ts';
import type { AgentChannel } from '../../broker/topics.ts';
import type { MeshHealth } from '../../broker/traffic.ts';
import type { CommitHealth } from './commits.ts';
import type { Dropped } from './dropped.ts';
import type { StoredThrough } from './ingest.ts';

/** What the thread with the broker is started with. */
export interface MeshStart {
  readonly host: string;
  readonly port: number;
  /** A broker that is started again takes its port and no other. */
  readonly exact: boolean;
  readonly agents: ReadonlyMap<string, Enrolled>;
  /** The listener for other hosts; null where there is none. */
  readonly tls: (TlsMaterial & { readonly host?: string; readonly port: number }) | null;
  readonly tools: readonly Tool[];
  /** The store's folder, which the hub's main thread has open. */
  readonly store: string;
}

/** A failure as it travels between threads: a code, and words. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

export const failureOf = (error: unknown): Failure => ({
  code: error instanceof Error && 'code' in error ? String(error.code) : 'E_MESH',
  message: error instanceof Error ? error.message : String(error),
});

/** Said by the hub's main thread. */
export type ToMesh =
  | {
      readonly kind: 'publish';
      readonly id: number;
      readonly topic: string;
      readonly payload: Uint8Array;
      readonly retain: boolean;
      readonly qos: 0 | 1;
    }
  /** All tools as they are now. */
  | { readonly kind: 'tools'; readonly tools: readonly Tool[] }
  /** What was said as `inbound` is on the disk, or could not be stored. */
  | { readonly kind: 'settled'; readonly id: number; readonly failure: Failure | null }
  /** An agent may connect with other certificates now; null: with none. */
  | { readonly kind: 'agent'; readonly agent: string; readonly enrolled: Enrolled | null }
  /** The hub's own new certificate. */
  | { readonly kind: 'tls'; readonly tls: TlsMaterial }
  | { readonly kind: 'close' };

/** Said by the thread with the broker. */
export type FromMesh =
  | { readonly kind: 'listening'; readonly port: number; readonly tlsPort: number | null }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'published'; readonly id: number; readonly failure: Failure | null }
  /** A message that is no telemetry: the main thread's to store. */
  | {
      readonly kind: 'inbound';
      readonly id: number;
      readonly agent: string;
      readonly channel: AgentChannel;
      readonly payload: Uint8Array;
    }
  /** A tool asks something: nothing of it is durable. */
  | ({ readonly kind: 'request' } & Request)
  /** Telemetry of these agents is on the disk; or can't be read on. */
  | { readonly kind: 'sampled'; readonly stored: readonly StoredThrough[] }
  | { readonly kind: 'broken'; readonly stored: StoredThrough }
  | { readonly kind: 'gap'; readonly agent: string; readonly from: number; readonly to: number }
  /** Telemetry that was not taken. */
  | ({ readonly kind: 'dropped' } & Dropped)
  | { readonly kind: 'health'; readonly health: MeshHealth & CommitHealth }
  | { readonly kind: 'closed' };
