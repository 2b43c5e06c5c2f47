import type { Severity } from '../broker/messages.ts';
import type { Incident } from '../hub/incident.ts';

/** One host as the fleet line and the header show it. */
export interface HostRow {
  readonly agent: string;
  readonly state: 'online' | 'dead' | 'stopped' | 'silent';
  readonly lastSeen: number;
  readonly live: boolean;
  readonly privileged: boolean;
  /** Latest value and recent history (oldest first, at most 120 points) of the metrics worth a sparkline. */
  readonly gauges: readonly Gauge[];
}

export interface Gauge {
  readonly metric: string;
  readonly unit: string;
  readonly value: number | null;
  readonly history: readonly (number | null)[];
}

/** One line of the incident list. */
export interface IncidentRow {
  readonly id: string;
  readonly state: Incident['state'];
  readonly severity: Severity;
  readonly host: string;
  readonly title: string;
  readonly opened: number;
  readonly updated: number;
  readonly owner: string;
}

/** What every view reads: an immutable picture of the site, replaced whole at each refresh. */
export interface DeskState {
  readonly site: string;
  readonly hub: 'up' | 'down';
  readonly live: boolean;
  readonly reasoner: string;
  readonly operator: string;
  readonly auditRecords: number;
  readonly auditGood: boolean;
  readonly hosts: readonly HostRow[];
  readonly incidents: readonly IncidentRow[];
  /** What this site may and may not do now, and the one command that changes it: shown until dismissed. */
  readonly notice: string;
}

/** The answer of the hub to an act: `ok`, or a coded refusal with a sentence for the operator. */
export type ActResult = { readonly ok: true } | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * The operator's desk: reads history from LMDB, acts through the hub's socket. Views see only this interface.
 * `subscribe` and `state` are the pair that React's useSyncExternalStore wants.
 */
export interface Desk {
  state(): DeskState;
  subscribe(listener: () => void): () => void;
  /** The whole incident, or undefined when it is gone. */
  incident(id: string): Incident | undefined;
  /** Signs and sends an approval of exactly the plan whose hash is given: refused when the plan has changed since. */
  approve(id: string, planHash: string, reviewed: readonly number[]): Promise<ActResult>;
  reject(id: string, note: string): Promise<ActResult>;
  close(): Promise<void>;
}
