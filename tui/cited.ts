import type { Incident } from '../hub/incident.ts';

/** Ids of the evidence that the plan's claims, or the first diagnosis', rest on. */
export const cited = (incident: Incident): ReadonlySet<string> =>
  new Set((incident.plan?.chain ?? incident.diagnoses[0]?.chain ?? []).flatMap(({ evidence }) => evidence));
