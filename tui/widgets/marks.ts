import type { Severity } from '../../broker/messages.ts';
import type { State } from '../../hub/incident.ts';
import { CLOSED } from '../../hub/incident.ts';
import type { Decision } from '../../policy/verdict.ts';
import { type Span, span } from '../line.ts';
import type { Theme, Tone } from '../theme.ts';

const SEVERITY_TONE: Readonly<Record<Severity, Tone>> = { critical: 'alarm', warning: 'plain', info: 'dim' };
const DECISION_TONE: Readonly<Record<Decision, Tone>> = { allow: 'plain', review: 'wait', block: 'alarm' };

/** The shape of a severity. */
export function severityMark(severity: Severity, theme: Theme): Span {
  return span(theme.glyphs[severity], SEVERITY_TONE[severity]);
}

/** The shape before an incident: its severity while it lives, a calm dot when it is over. */
export function incidentMark(row: { readonly severity: Severity; readonly state: State }, theme: Theme): Span {
  return CLOSED.has(row.state) ? span(theme.glyphs.well, 'dim') : severityMark(row.severity, theme);
}

/** The shape of a verdict. */
export function verdictMark(decision: Decision, theme: Theme): Span {
  return span(theme.glyphs[decision], DECISION_TONE[decision]);
}
