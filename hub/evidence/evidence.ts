import type { Event, Snapshot } from '../../broker/messages.ts';
import type { ProcessRef } from '../../policy/verdict.ts';

/** A thing that a plan may name, found in this incident's evidence. */
export interface Entity {
  readonly kind: 'process' | 'unit' | 'mount' | 'folder' | 'container' | 'host';
  /** The slot that stands for it wherever a model reads: E1..En. */
  readonly slot: string;
  /** What a command spells: a pid, a unit's name, a path. */
  readonly value: string;
  /** Labels that collectors gave it: `culprit`, `top_mem`, `top_cpu`, `top_fds`, `subject`. */
  readonly labels: readonly string[];
  readonly process?: ProcessRef;
}

/** One citable line of evidence. */
export interface EvidenceItem {
  /** e1..en for facts and logs, c1..cn for changes. */
  readonly id: string;
  readonly kind: 'metric' | 'process' | 'mount' | 'log' | 'change' | 'fact';
  readonly text: string;
  /** False when any part of the text was chosen by someone on the far side. */
  readonly trusted: boolean;
  /** Slots of the entities that it mentions. */
  readonly entities: readonly string[];
}

export interface SimilarIncident {
  readonly id: string;
  readonly title: string;
  readonly state: string;
  readonly playbook: string | null;
  readonly opened: number;
}

export interface PlaybookMatch {
  readonly id: string;
  /** 0..1 within this incident's candidates. */
  readonly score: number;
  /** The phrase of its `mentions` that the evidence holds; absent where it asks for none. */
  readonly mention?: string;
  /** How often it was run for this signal at this site, and how often it helped; absent where it never was. */
  readonly record?: { readonly ran: number; readonly helped: number };
  /** The same for this very trouble on this host. */
  readonly here?: { readonly ran: number; readonly helped: number };
}

/** Another alert of the same host, open at the same time: one cause shows in several places. */
export interface Also {
  readonly signal: string;
  readonly metric?: string;
  readonly value?: number;
  /** The agent's sentence, which may quote foreign text. */
  readonly reason: string;
}

/**
 * What was known when the incident was decided on (docs/design.md section 7): one typed record, snapshotted, and the only
 * source of every prompt, audit record and replay.
 */
export interface Evidence {
  readonly incident: string;
  readonly host: string;
  readonly taken: number;
  readonly event: Event;
  readonly snapshot: Snapshot | null;
  readonly similar: readonly SimilarIncident[];
  readonly playbooks: readonly PlaybookMatch[];
  readonly service: Readonly<Record<string, string>>;
  readonly items: readonly EvidenceItem[];
  readonly entities: readonly Entity[];
  /** Absent where there is no other alert. */
  readonly also?: readonly Also[];
}

/** The identities of the processes that a plan may name. */
export const processesOf = ({ entities }: Evidence): readonly ProcessRef[] =>
  entities.flatMap(({ process }) => (process === undefined ? [] : [process]));
