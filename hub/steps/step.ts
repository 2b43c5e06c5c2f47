import type { AuditEntry } from '../chain/audit.ts';
import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';

/** One stage of the pipeline: it takes an incident that is ready for it and makes one transition, or waits. */
export interface Step {
  readonly name: string;
  /** True when this is what the incident needs next: decided from the incident alone, so a restart decides the same. */
  readonly ready: (incident: Incident) => boolean;
  readonly run: (incident: Incident, hub: Hub) => Promise<Outcome>;
  /** It thinks for seconds: events, results and acts on the incident do not wait for it. */
  readonly slow?: true;
}

export type Outcome =
  | {
      readonly kind: 'move';
      readonly incident: Incident;
      readonly audit: AuditEntry;
      /** More writes in the same transaction. */
      readonly also?: () => void;
      /** What the outside is told once the transition is on the disk; may be repeated after a crash. */
      readonly after?: () => Promise<void>;
    }
  | {
      readonly kind: 'wait';
      /** Wake again at this time at the latest; null when only a message or an act can change anything. */
      readonly until: number | null;
    };

export const waitFor = (until: number | null): Outcome => ({ kind: 'wait', until });
