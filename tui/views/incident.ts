import type { Incident } from '../../hub/incident.ts';
import { awaitedWords } from '../agreement.ts';
import { cited } from '../cited.ts';
import { beside, EMPTY, fill, hanging, type Line, line, shortened, span } from '../line.ts';
import { isBroad, type Model } from '../model.ts';
import { clock, long, short } from '../quantity.ts';
import { shortId } from '../widgets/header.ts';
import { severityMark } from '../widgets/marks.ts';
import { decisionChart } from './decision.ts';
import { planLines, resultsLines } from './plan.ts';
import { answerLines } from './probe.ts';
import { chart, citations, situation } from './summary.ts';
import { thinkingLines } from './thinking.ts';
import { verificationLines } from './verification.ts';

/** Rows of one note in the timeline: causes stand above in full. */
const NOTE_ROWS = 2;

function stateLine(incident: Incident, model: Model): Line {
  const { now } = model;
  const ago = `${situation(incident)}${incident.reason === '' ? '' : ','} ${long(now - incident.updated)} ago`;
  const expires = incident.state === 'proposed' && incident.plan !== null ? incident.plan.expires - now : undefined;
  const awaited = awaitedWords(incident, model.desk, now);
  const lapse = expires === undefined ? '' : expires > 0 ? `, expires in ${long(expires)}` : ', expired';
  return line(
    ' ',
    severityMark(incident.severity, model.theme),
    ` ${incident.severity}   ${ago}${lapse}`,
    span('   owner ', 'dim'),
    incident.owner,
    ...(model.desk.others.length > 0
      ? [span('   also here ', 'dim'), span(model.desk.others.join(', '), 'strong')]
      : []),
    ...(awaited === null ? [] : [span(`   ${awaited}`, 'wait')]),
    ...(incident.repeats > 0 ? [span('   seen again ', 'dim'), span(`${incident.repeats}`)] : []),
  );
}

/** What was known, each item with the id that causes cite. Text that a stranger chose is marked as quoted. */
function evidenceLines(incident: Incident, model: Model, columns: number): readonly Line[] {
  const items = incident.evidence?.items ?? [];
  const known = cited(incident);
  // What the cause rests on first: of some thirty facts these few decide.
  const first = items.filter(({ id }) => known.has(id));
  const rest = items.filter(({ id }) => !known.has(id));
  const all = model.ui.allEvidence || first.length === 0;
  const rows = (all ? [...first, ...rest] : first).flatMap((item) => {
    const lead = line(span(`${item.id.padEnd(4)}${item.kind.padEnd(8)}`, 'dim'));
    return hanging(lead, item.trusted ? item.text : `“${item.text}”`, columns);
  });
  const more = rest.length === 0 ? '' : all ? 'e shows the cited ones' : `${rest.length} more: e shows all`;
  return [
    line(span('evidence', 'strong'), span(more === '' ? '' : `   ${more}`, 'dim')),
    ...(rows.length > 0 ? rows : [line(span('none was gathered yet', 'dim'))]),
  ];
}

/** What happened: the sentence of the event, and its metric up to when it was decided on. */
function seenLines(incident: Incident, model: Model, columns: number): readonly Line[] {
  return [
    ...hanging(EMPTY, incident.event.reason, columns),
    EMPTY,
    ...thinkingLines(model, columns),
    ...decisionChart(incident, model, columns),
    ...chart(incident, model, columns),
  ];
}

/** Trouble of the past that looked like this, and what became of it. */
function similarLines(incident: Incident, now: number, columns: number): readonly Line[] {
  const similar = incident.evidence?.similar ?? [];
  if (similar.length === 0) return [];
  return [
    line(span('seen before', 'strong')),
    ...similar.flatMap(({ id, title, state, playbook, opened }) =>
      hanging(
        line(
          span(`${shortId(id)}  ${short(now - opened).padStart(4)} ago  `, 'dim'),
          span(`${state.replace('_', ' ').padEnd(10)}  `),
        ),
        playbook === null ? title : `${title} (${playbook})`,
        columns,
      ),
    ),
    EMPTY,
  ];
}

function causeLines(incident: Incident, columns: number): readonly Line[] {
  const { plan, diagnoses } = incident;
  const cause = plan?.root_cause ?? diagnoses[0]?.root_cause;
  if (cause === undefined) return [line(span('cause', 'strong')), line(span('not known yet', 'dim'))];
  const by = diagnoses.map((diagnosis) => `${diagnosis.by} ${diagnosis.confidence.toFixed(2)}`).join(', ');
  const chain = plan?.chain ?? diagnoses[0]?.chain ?? [];
  const others = plan?.alternatives ?? diagnoses[0]?.alternatives ?? [];
  return [
    line(span('cause', 'strong'), span(by === '' ? '' : `  (${by})`, 'dim')),
    ...hanging(EMPTY, `${cause}${citations(incident)}`, columns),
    ...chain.flatMap((claim) =>
      hanging(line(span('  ')), `${claim.claim} [${claim.evidence.join(' ')}]`, columns, 'dim'),
    ),
    ...others.flatMap((other) => hanging(line(span('or:  ', 'dim')), other, columns)),
    ...(plan?.needs_human === true ? [line(span('a person is needed', 'wait'))] : []),
  ];
}

/** Questions that were put to the host, with their answers. */
function probeLines(incident: Incident, now: number, columns: number): readonly Line[] {
  const probes = incident.probes ?? [];
  if (probes.length === 0) return [];
  return [line(span('asked', 'strong')), ...probes.flatMap((one) => answerLines(one, now, columns)), EMPTY];
}

/** What became of it, and who did it. */
export function timelineLines(incident: Incident, columns: number): readonly Line[] {
  return [
    line(span('timeline', 'strong')),
    ...incident.timeline.flatMap((moment) => {
      const lead = line(
        span(`${clock(moment.ts)}  `, 'dim'),
        span(moment.state.replace('_', ' ').padEnd(12)),
        span(`${moment.by.padEnd(14)}  `, 'dim'),
      );
      return shortened(hanging(lead, moment.note, columns - 1, 'dim'), NOTE_ROWS);
    }),
  ];
}

/** Rows of the whole page, however many: the frame shows a window of them. */
export function incidentLines(model: Model): readonly Line[] {
  const { incident, cols } = model;
  if (incident === undefined) return [EMPTY, line(span(' This incident is gone. esc goes back.', 'dim'))];
  const results = (columns: number) => {
    const lines = resultsLines(incident, model, columns);
    return lines.length > 0 ? [...lines, EMPTY] : [];
  };
  // What runs and whether it helps is what one looks for once a plan was approved: above what led to it.
  const progress = indent([...results(cols - 2), ...verificationLines(incident, model, cols - 2)]);
  const after = (columns: number) => [
    ...probeLines(incident, model.now, columns),
    ...similarLines(incident, model.now, columns),
    ...timelineLines(incident, columns),
  ];
  if (!isBroad(model)) {
    const columns = cols - 2;
    return [
      stateLine(incident, model),
      EMPTY,
      ...progress,
      ...indent([
        ...seenLines(incident, model, columns),
        ...causeLines(incident, columns),
        EMPTY,
        ...planLines(incident, model, columns),
        EMPTY,
        ...evidenceLines(incident, model, columns),
        EMPTY,
        ...after(columns),
      ]),
    ];
  }
  const left = Math.floor((cols - 4) * 0.47);
  const right = cols - left - 4;
  const known = [
    ...seenLines(incident, model, left - 2),
    ...causeLines(incident, left - 2),
    EMPTY,
    ...evidenceLines(incident, model, left - 2),
  ];
  const plan = planLines(incident, model, right);
  const rows = Math.max(known.length, plan.length);
  return [
    stateLine(incident, model),
    EMPTY,
    ...progress,
    ...indent(beside(fill(known, rows), left, span('  '), plan)),
    EMPTY,
    ...indent(after(cols - 2)),
  ];
}

function indent(lines: readonly Line[]): readonly Line[] {
  return lines.map((row) => [span(' '), ...row]);
}
