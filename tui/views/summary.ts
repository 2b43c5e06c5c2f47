import type { Incident, Plan } from '../../hub/incident.ts';
import type { Gauge } from '../desk.ts';
import { EMPTY, hanging, type Line, line, shortened, span } from '../line.ts';
import { type Model, STATE_WORDS } from '../model.ts';
import { quantity, short } from '../quantity.ts';
import { titleOf } from '../widgets/header.ts';
import { severityMark, verdictMark } from '../widgets/marks.ts';
import { meter } from '../widgets/meter.ts';
import { sparkline } from '../widgets/sparkline.ts';

const LABEL = 10;
/** Rows of one fact and of the cause beside the list: what the plan is must not fall off the screen's end. */
const FACT_ROWS = 2;
const CAUSE_ROWS = 6;

/** `label` in its column, then the text, wrapped under itself. */
export function labelled(
  label: string,
  text: string,
  columns: number,
  tone: 'plain' | 'dim' | 'wait' | 'alarm' = 'plain',
): readonly Line[] {
  return hanging(line('  ', span(label.padEnd(LABEL - 2), 'dim')), text, columns, tone);
}

/** The history of the metric that opened the incident, if the desk has it. */
export function gaugeOf(incident: Incident, model: Model): Gauge | undefined {
  const { metric } = incident.event;
  return model.shelf.pulse(incident.host)?.gauges.find((gauge) => gauge.metric === metric);
}

/** The metric now and what is usual, as two rows. */
export function chart(incident: Incident, model: Model, columns: number): readonly Line[] {
  const gauge = gaugeOf(incident, model);
  if (gauge === undefined || columns < 24) return [];
  const room = Math.min(48, columns - 20);
  const [value, unit] = quantity(gauge.value, gauge.unit);
  const base = incident.event.baseline;
  const [mean, meanUnit] = quantity(base?.mean, gauge.unit);
  const rows: Line[] = [
    line(
      '  ',
      sparkline(gauge.history, room, gauge.unit, model.theme),
      '  ',
      span(value, 'strong'),
      span(` ${unit} now`, 'dim'),
    ),
  ];
  if (base !== undefined) {
    rows.push(
      line(
        '  ',
        span(model.theme.glyphs.level.repeat(room), 'dim'),
        '  ',
        span(mean),
        span(` ${meanUnit} usual`, 'dim'),
      ),
    );
  }
  return [...rows, EMPTY];
}

/** Ids of evidence that the plan's claims rest on, `[e1 e3]`. */
export function citations(incident: Incident): string {
  const chain = incident.plan?.chain ?? incident.diagnoses[0]?.chain ?? [];
  const ids = [...new Set(chain.flatMap((claim) => claim.evidence))];
  return ids.length === 0 ? '' : ` [${ids.join(' ')}]`;
}

function planLine(plan: Plan, model: Model): Line {
  const numbers = { allow: 0, review: 0, block: 0 };
  for (const step of plan.steps) numbers[step.verdict.decision]++;
  const parts = (['allow', 'review', 'block'] as const).flatMap((decision) =>
    numbers[decision] === 0 ? [] : [verdictMark(decision, model.theme), span(` ${numbers[decision]} ${decision}   `)],
  );
  const playbook = plan.playbook === null ? `by ${plan.by}` : `playbook ${plan.playbook}`;
  return line('  ', span('plan'.padEnd(LABEL - 2), 'dim'), ...parts, span(playbook, 'dim'));
}

/** Why an incident has no plan, or what its state asks of a person. */
export function situation(incident: Incident): string {
  const reason = incident.reason === '' ? '' : `: ${incident.reason.replaceAll('_', ' ')}`;
  return `${STATE_WORDS[incident.state]}${reason}`;
}

const ORDINALS = ['th', 'st', 'nd', 'rd'] as const;

/** 3rd, 11th, 22nd. */
function ordinal(n: number): string {
  const isTeen = n % 100 >= 11 && n % 100 <= 13;
  return `${n}${isTeen ? 'th' : (ORDINALS[n % 10] ?? 'th')}`;
}

/** That it was here before, how often its playbook helped then, and why it was, or was not, run with nobody there. */
function pastOf({ recurrence, evidence, plan, route }: Incident, columns: number): readonly Line[] {
  const match = evidence?.playbooks.find(({ id }) => id === plan?.playbook);
  const past = match?.here ?? match?.record;
  const where = match?.here === undefined ? 'at this site' : 'on this host';
  return [
    ...(recurrence === undefined ? [] : labelled('again', `${ordinal(recurrence)} time in 30 days`, columns)),
    ...(past === undefined
      ? []
      : labelled('record', `${plan?.playbook} helped in ${past.helped} of ${past.ran} runs ${where}`, columns)),
    ...(route === undefined || route.code === 'no_rule' ? [] : labelled('route', route.why, columns)),
  ];
}

/** The selected incident beside the list: enough to decide whether to open it. */
export function summary(incident: Incident, model: Model, columns: number): readonly Line[] {
  const { plan, event } = incident;
  const cause = plan?.root_cause ?? incident.diagnoses[0]?.root_cause;
  const confidence = plan?.confidence ?? incident.diagnoses[0]?.confidence;
  // The event's own sentence stands above already.
  const facts = (incident.evidence?.items ?? [])
    .filter(({ kind }) => kind !== 'log')
    .filter(({ text }) => event.reason === '' || !(text.includes(event.reason) || event.reason.includes(text)))
    .slice(0, 3);
  const lines: Line[] = [
    ...hanging(line(severityMark(incident.severity, model.theme), ' '), titleOf(incident), columns, 'strong'),
    ...hanging(line('  '), event.reason, columns),
    EMPTY,
    ...chart(incident, model, columns),
    ...facts.flatMap((item) => shortened(labelled(item.id, item.text, columns - 1), FACT_ROWS)),
    ...(facts.length > 0 ? [EMPTY] : []),
    ...pastOf(incident, columns),
    ...labelled(
      'state',
      `${situation(incident)}, ${short(model.now - incident.updated)} ago, owner ${incident.owner}`,
      columns,
    ),
  ];
  if (cause !== undefined) {
    const rows = shortened(labelled('cause', cause, columns - 1), CAUSE_ROWS);
    const cites = citations(incident);
    lines.push(...rows, ...(cites === '' ? [] : labelled('', cites.trim(), columns, 'dim')));
  }
  if (confidence !== undefined) {
    const bar = meter(confidence, 10, model.theme);
    lines.push(line('  ', span('sure'.padEnd(LABEL - 2), 'dim'), bar, ` ${confidence.toFixed(2)}`));
  }
  if (plan !== null) lines.push(planLine(plan, model));
  return lines;
}
