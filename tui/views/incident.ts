import type { Incident } from '../../hub/incident.ts';
import { beside, EMPTY, fill, hanging, type Line, line, span } from '../line.ts';
import { isBroad, type Model } from '../model.ts';
import { clock, long } from '../quantity.ts';
import { severityMark } from '../widgets/marks.ts';
import { planLines, resultsLines } from './plan.ts';
import { chart, citations, situation } from './summary.ts';

function stateLine(incident: Incident, model: Model): Line {
  const { now } = model;
  const ago = `${situation(incident)} ${long(now - incident.updated)} ago`;
  const expires = incident.state === 'proposed' && incident.plan !== null ? incident.plan.expires - now : undefined;
  const lapse = expires === undefined ? '' : expires > 0 ? `, expires in ${long(expires)}` : ', expired';
  return line(
    ' ',
    severityMark(incident.severity, model.theme),
    ` ${incident.severity}   ${ago}${lapse}`,
    span('   owner ', 'dim'),
    incident.owner,
    ...(incident.repeats > 0 ? [span('   seen again ', 'dim'), span(`${incident.repeats}`)] : []),
  );
}

/** What was known, each item with the id that causes cite. Text that a stranger chose is marked as quoted. */
function evidenceLines(incident: Incident, model: Model, columns: number): readonly Line[] {
  const items = incident.evidence?.items ?? [];
  const rows = items.flatMap((item) => {
    const lead = line(span(`${item.id.padEnd(4)}${item.kind.padEnd(8)}`, 'dim'));
    return hanging(lead, item.trusted ? item.text : `“${item.text}”`, columns);
  });
  return [
    line(span('evidence', 'strong')),
    ...hanging(EMPTY, incident.event.reason, columns),
    EMPTY,
    ...chart(incident, model, columns),
    ...(rows.length > 0 ? rows : [line(span('none was gathered yet', 'dim'))]),
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

/** Questions that were put to the host, with their answers: quoted, since a stranger may have chosen the words. */
function probeLines(incident: Incident, columns: number): readonly Line[] {
  const probes = incident.probes ?? [];
  if (probes.length === 0) return [];
  return [
    line(span('asked', 'strong')),
    ...probes.flatMap(({ probe, name, by, state, code, lines }) => [
      line(
        `${probe}${name === '' ? '' : ` ${name}`}`,
        span(`  by ${by}: ${state}${code === '' ? '' : ` ${code}`}`, 'dim'),
      ),
      ...lines.flatMap(({ text, trusted }) => hanging(line(span('  ')), trusted ? text : `“${text}”`, columns)),
    ]),
    EMPTY,
  ];
}

function timelineLines(incident: Incident, columns: number): readonly Line[] {
  return [
    line(span('timeline', 'strong')),
    ...incident.timeline.flatMap((moment) => {
      const lead = line(
        span(`${clock(moment.ts)}  `, 'dim'),
        span(moment.state.replace('_', ' ').padEnd(12)),
        span(`${moment.by.padEnd(14)}  `, 'dim'),
      );
      return hanging(lead, moment.note, columns, 'dim');
    }),
  ];
}

/** Rows of the whole page, however many: the frame shows a window of them. */
export function incidentLines(model: Model): readonly Line[] {
  const { incident, cols } = model;
  if (incident === undefined) return [EMPTY, line(span(' This incident is gone. esc goes back.', 'dim'))];
  const results = (columns: number) => {
    const lines = resultsLines(incident, columns);
    return lines.length > 0 ? [...lines, EMPTY] : [];
  };
  if (!isBroad(model)) {
    const columns = cols - 2;
    return [
      stateLine(incident, model),
      EMPTY,
      ...indent([
        ...evidenceLines(incident, model, columns),
        EMPTY,
        ...causeLines(incident, columns),
        EMPTY,
        ...planLines(incident, model, columns),
        EMPTY,
        ...results(columns),
        ...probeLines(incident, columns),
        ...timelineLines(incident, columns),
      ]),
    ];
  }
  const left = Math.floor((cols - 4) * 0.47);
  const right = cols - left - 4;
  const evidence = [...evidenceLines(incident, model, left - 2), EMPTY, ...causeLines(incident, left - 2)];
  const plan = planLines(incident, model, right);
  const rows = Math.max(evidence.length, plan.length);
  return [
    stateLine(incident, model),
    EMPTY,
    ...indent(beside(fill(evidence, rows), left, span('  '), plan)),
    EMPTY,
    ...indent(results(cols - 2)),
    ...indent(probeLines(incident, cols - 2)),
    ...indent(timelineLines(incident, cols - 2)),
  ];
}

function indent(lines: readonly Line[]): readonly Line[] {
  return lines.map((row) => [span(' '), ...row]);
}
