import type { Snapshot } from '../../broker/messages.ts';
import { buildEvidence } from '../../hub/evidence/builder.ts';
import type { Also, Evidence } from '../../hub/evidence/evidence.ts';
import { emptySnapshot, eventOf, INCIDENT, index, NOW, said } from './evidence-fixtures.ts';

/** What an agent tells of one alert, as far as a test cares. */
export interface Told {
  readonly signal: string;
  readonly metric: string;
  readonly value?: number;
  readonly lines?: readonly string[];
  readonly also?: readonly Also[];
  readonly units?: readonly string[];
  readonly snapshot?: Partial<Snapshot>;
}

/** The record that the hub makes of it. */
export function evidenceOf({
  signal,
  metric,
  value = 1,
  lines = [],
  also = [],
  units = [],
  snapshot = {},
}: Told): Evidence {
  const event = eventOf(
    'host.memory',
    { signal, metric, value, reason: `${metric} is out of bounds.` },
    { ...emptySnapshot, unit_lines: lines.map((line) => said(line)), ...snapshot },
  );
  return buildEvidence({
    incidentId: INCIDENT,
    host: 'host-1',
    event,
    now: NOW,
    similar: [],
    playbooks: index.match(event),
    service: {},
    units,
    ...(also.length === 0 ? {} : { also }),
  });
}
