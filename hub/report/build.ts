import type { Member } from '../correlate/memory.ts';
import { CLOSED, type Incident, type Plan, type PlannedCommand, WAITS_FOR_PERSON } from '../incident.ts';
import { allOf } from '../steps/plan-of.ts';
import { type Block, lasting, moment, type Phase, remote, type Series, type Words } from './blocks.ts';

/** How much of each kind a report shows; the whole is in `sentinel incident show ID --json`. */
const REPORT = {
  members: 100,
  evidence: 60,
  outputLines: 40,
} as const;

/** What a report is written from, beside the incident itself. */
export interface ReportParts {
  readonly site: string;
  readonly incident: Incident;
  readonly members: readonly Member[];
  /** Null where there is none, or where it is no longer kept. */
  readonly series: Series | null;
  readonly now: number;
}

const heading = (text: string): Block => ({ kind: 'heading', words: [text] });
const line = (...words: Words): Block => ({ kind: 'line', words });
const list = (items: readonly Words[]): Block[] => (items.length === 0 ? [] : [{ kind: 'list', items }]);

/** When it ended; null while it goes on. */
export const endOf = ({ state, timeline, updated }: Incident): number | null =>
  CLOSED.has(state) ? (timeline.findLast((one) => one.state === state)?.ts ?? updated) : null;

/** The report of one incident: what happened, why, what was done about it and what is left to do. */
export function buildReport(parts: ReportParts): readonly Block[] {
  const { incident, members, series, site, now } = parts;
  return [
    {
      kind: 'title',
      words: [CLOSED.has(incident.state) ? 'Post-mortem: ' : 'Incident report: ', remote(incident.title)],
    },
    ...list(facts(parts)),
    heading('What happened'),
    line(remote(incident.event.reason)),
    ...(series === null
      ? [line('The telemetry of that time is not kept any more, or the event is of no metric: there is no chart.')]
      : [{ kind: 'series', series } as const]),
    ...covered(members),
    heading('Timeline'),
    { kind: 'phases', phases: phasesOf(incident, now) },
    ...list(
      incident.timeline.map(({ ts, state, by, note }) => [
        `${moment(ts)} ${state}, by `,
        remote(by),
        ': ',
        remote(note),
      ]),
    ),
    ...cause(incident),
    ...done(incident),
    heading('What is left to do'),
    ...list(left(incident)),
    line(`Written at ${moment(now)} for the site ${site}, from the hub’s store.`),
  ];
}

function facts({ incident, now }: ReportParts): Words[] {
  const { id, host, severity, state, reason, owner, opened, repeats, recurrence, acknowledged } = incident;
  const end = endOf(incident);
  const lasted = lasting((end ?? now) - opened);
  return [
    [`Incident ${id}, ${severity}, on `, remote(host)],
    [`State: ${state}`, ...(reason === '' ? [] : [' (', remote(reason), ')'])],
    [
      end === null
        ? `Opened ${moment(opened)}, open for ${lasted}`
        : `From ${moment(opened)} to ${moment(end)}: ${lasted}`,
    ],
    ['With ', remote(owner), ...(acknowledged === undefined ? [] : [`, acknowledged ${moment(acknowledged.at)}`])],
    [
      `Seen ${repeats === 0 ? 'once' : `${repeats + 1} times`}${recurrence === undefined ? '' : `; number ${recurrence} of its kind on this host within 30 days`}`,
    ],
    ...milestones(incident).map(([what, ms]): Words => [`${what} after ${lasting(ms)}`]),
  ];
}

/** How long it took until the incident first came so far. */
function milestones({ opened, timeline }: Incident): (readonly [string, number])[] {
  const steps = [
    ['proposed', 'A plan was proposed'],
    ['approved', 'It was approved'],
    ['verifying', 'It had run'],
    ['resolved', 'It was resolved'],
  ] as const;
  return steps.flatMap(([state, what]) => {
    const first = timeline.find((one) => one.state === state);
    return first === undefined ? [] : [[what, first.ts - opened] as const];
  });
}

function covered(members: readonly Member[]): Block[] {
  if (members.length === 0) return [];
  const hosts = new Set(members.map(({ host }) => host)).size;
  return [
    line(`It covers ${members.length} more events on ${hosts} hosts:`),
    ...list(
      members
        .slice(0, REPORT.members)
        .map(({ host, reason, why, recovered }) => [
          remote(host),
          ` (${recovered === null ? why : 'recovered'}): `,
          remote(reason),
        ]),
    ),
  ];
}

/** Each state from when it was entered until the next one. */
export function phasesOf(incident: Incident, now: number): readonly Phase[] {
  const moves = incident.timeline.filter(({ state }, i, all) => i === 0 || all[i - 1]?.state !== state);
  const last = endOf(incident) ?? now;
  return moves.map(({ state, ts }, i) => ({ state, from: ts, to: Math.max(ts, moves[i + 1]?.ts ?? last) }));
}

function cause(incident: Incident): Block[] {
  const { plan, evidence } = incident;
  const cited = new Set(plan?.chain.flatMap((claim) => claim.evidence) ?? []);
  const items = (evidence?.items ?? []).slice(0, REPORT.evidence);
  const found =
    plan === null
      ? [line('No cause was found.')]
      : [
          line(remote(plan.root_cause), ' (by ', remote(plan.by), `, confidence ${plan.confidence.toFixed(2)})`),
          ...list(plan.chain.map((one) => [remote(one.claim), ', by ', remote(one.evidence.join(', '))])),
          ...list(plan.alternatives.map((one) => ['It could also be: ', remote(one)])),
        ];
  return [
    heading('Cause'),
    ...found,
    ...(items.length === 0 ? [] : [line('What was known, with what the cause rests on marked by a star:')]),
    ...list(items.map(({ id, kind, text }) => [`${cited.has(id) ? '★ ' : ''}${id} ${kind}: `, remote(text)])),
  ];
}

function done({ plan, approval, route, results, tried, orders }: Incident): Block[] {
  if (plan === null) return [heading('What was done'), line('Nothing: there was no plan.')];
  const given =
    approval === null
      ? line('Nobody approved it.')
      : line(
          approval.alone ? 'It ran with nobody there, under a rule of ' : 'Approved by ',
          remote(approval.by),
          approval.reviewed.length === 0 ? '.' : `, with consent to step ${approval.reviewed.join(', ')} by number.`,
        );
  const blocks: Block[] = [
    heading('What was done'),
    line('Plan: ', remote(plan.playbook ?? 'without a playbook'), `; verdict ${plan.decision}, risk ${plan.risk}.`),
    given,
    ...(route === undefined ? [] : [line('Way: ', remote(route.why))]),
    ...(orders.some(({ dry_run }) => dry_run) ? [line('It was a dry run: nothing was changed.')] : []),
    ...list(allOf(plan).map(describe)),
    ...(tried.length === 0 ? [] : [line('Tried: ', remote(tried.join(', ')))]),
  ];
  for (const { step, state, exit, code, started, ended, stdout, stderr, truncated } of results) {
    const what = step === undefined ? 'The order' : `${step.phase} ${step.number}`;
    const how = `${state}${exit === undefined ? '' : `, exit ${exit}`}`;
    const why = code === undefined ? [] : [', ', remote(code)];
    blocks.push(line(`${what}: ${how}`, ...why, `, ${moment(started)}, ${lasting(ended - started)}`));
    const lines = `${stdout}${stderr}`.split('\n').filter((one) => one !== '');
    if (lines.length > 0) blocks.push({ kind: 'output', text: lines.slice(0, REPORT.outputLines).join('\n') });
    if (truncated || lines.length > REPORT.outputLines) blocks.push(line('(there was more)'));
  }
  return blocks;
}

const describe = ({ phase, number, command, verdict }: PlannedCommand): Words => [
  `${phase} ${number}, ${verdict.decision}: `,
  remote(command),
  ...(verdict.decision === 'allow' ? [] : [' — ', remote(verdict.reason)]),
];

/** What follows from how it went; a person writes the rest. */
function left(incident: Incident): Words[] {
  const { id, state, reason, owner, recurrence, plan, tried } = incident;
  const items: Words[] = [];
  if (WAITS_FOR_PERSON.has(state)) items.push(['It waits for ', remote(owner), `: sentinel incident show ${id}`]);
  if (reason === 'dry_run') items.push(['It was a dry run: decide whether to run it live.']);
  if (recurrence !== undefined) {
    items.push([`It came ${recurrence} times within 30 days: what was done treats the sign, not the cause.`]);
  }
  if (!hasPlaybook(plan)) items.push(['No playbook fits: write down what helped with `sentinel playbook new`.']);
  if (tried.length > 1)
    items.push([`${tried.length} playbooks were tried: those that did not help should say when they do not apply.`]);
  if (state === 'suppressed') items.push(['It was silenced or grouped: look whether that still holds.']);
  if (items.length === 0) items.push(['Nothing that follows from the record alone.']);
  return items;
}

const hasPlaybook = (plan: Plan | null): boolean => plan !== null && plan.playbook !== null;
