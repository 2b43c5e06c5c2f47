import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readSite } from '../../broker/enroll.ts';
import { bytesAsBase64 } from '../../broker/json.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../acts/acting.ts';
import { type Act, approvable, askHub } from '../acts/client.ts';
import { signDecision } from '../acts/decide.ts';
import type { Response } from '../acts/protocol.ts';
import { rememberIt } from '../acts/remembering.ts';
import { rememberedLines } from '../automation/remember.ts';
import { type Member, membersOf } from '../correlate/memory.ts';
import type { FirstApproval, Incident, PlannedCommand } from '../incident.ts';
import { reportOf } from '../report/report.ts';
import { runnable } from '../steps/approve.ts';
import { firstOf } from '../steps/first.ts';
import { allOf } from '../steps/plan-of.ts';
import { listIncidents } from '../store/incidents.ts';
import { Store } from '../store/store.ts';
import { visible } from '../visible.ts';
import { askedYes } from './ask-yes.ts';
import { findIncident } from './find-incident.ts';
import { listProbes, probeIncident } from './probe.ts';
import { type RememberFlags, wantedRule } from './remember.ts';

export const INCIDENT_USAGE = `sentinel incident list [--json] [--limit N]
sentinel incident show ID [--json]
sentinel incident report ID [--html]         the post-mortem, as Markdown or as one HTML page
sentinel incident approve ID [--reviewed all|N,N] [--yes] [--remember DAYS [--on HOST]...]
sentinel incident reject ID [--note TEXT]
sentinel incident ack ID                     it is yours until it closes
sentinel incident cancel ID [--note TEXT]    before its order is sent
sentinel incident probe [ID PROBE [NAME]] [--json]   asks its host a read-only question; alone: lists them
  All take --state DIR (default ./.sentinel). An ID may be cut to a beginning or an end that is unique.
  Acts are signed with the local operator's key, else with an operator's in your ssh-agent, else with --key FILE:
  your own, or FILE.pub of one that the agent holds.
  --remember: an admin's key also signs these very commands for later, on this host and those named with --on, for
  up to DAYS days: they then run with nobody there. See \`sentinel automation list\` and \`revoke\`.
  for example: sentinel incident approve 01KB2X --reviewed 1 --yes`;

/** How many of the newest incidents `list` shows unless it is told. */
const LIST = 50;
/** Lines about what else an incident covers. */
const MEMBERS = 20;

export async function incidentCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      json: { type: 'boolean', default: false },
      limit: { type: 'string', default: String(LIST) },
      reviewed: { type: 'string', default: '' },
      note: { type: 'string', default: '' },
      yes: { type: 'boolean', default: false },
      key: { type: 'string' },
      remember: { type: 'string' },
      on: { type: 'string', multiple: true },
      html: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    INCIDENT_USAGE,
  );
  if (values.help) {
    io.stdout(INCIDENT_USAGE);
    return EXIT.done;
  }
  const [verb = '', id = ''] = positionals;
  if (verb === 'probe' && id === '') return listProbes(values.json, io);
  const state = stateFolder(values.state);
  const site = readSite(state);
  const store = new Store(state.store, 'read');
  try {
    if (verb === 'list') return list(store, values, io);
    const incident = findIncident(store, id);
    if (verb === 'show') return show(incident, membersOf(store, incident.id), values.json, io);
    if (verb === 'report') {
      io.stdout(reportOf(store, site.name, incident, values.html ? 'html' : 'markdown').trimEnd());
      return EXIT.done;
    }
    if (verb === 'approve') return await approve({ state, store }, incident, values, io);
    const asked = async (act: Act) => askHub(state, await actingOperator(state, values.key), act);
    if (verb === 'reject' || verb === 'cancel') {
      const answer = await asked({ verb, incident: incident.id, note: values.note });
      return told(answer, `${verb === 'reject' ? 'rejected' : 'cancelled'} ${incident.id}`, io);
    }
    if (verb === 'probe') {
      const [, , probe = '', name = ''] = positionals;
      return await probeIncident(state, { incident: incident.id, probe, name }, values, io);
    }
    if (verb === 'ack') {
      return told(await asked({ verb, incident: incident.id }), `acknowledged ${incident.id}`, io);
    }
    throw new UsageError(`no such verb: ${JSON.stringify(verb)}\n${INCIDENT_USAGE}`);
  } finally {
    await store.close();
  }
}

function list(store: Store, { json, limit }: { json: boolean; limit: string }, io: Console): number {
  for (const { id, state, host, title, severity, opened } of listIncidents(store, Number(limit) || LIST)) {
    const at = new Date(opened).toISOString();
    if (json) io.stdout(JSON.stringify({ id, state, host, title, severity, opened: at }));
    else io.stdout(`${id}  ${state.padEnd(15)} ${severity.padEnd(8)} ${host.padEnd(16)} ${at}  ${title}`);
  }
  return EXIT.done;
}

function show(incident: Incident, members: readonly Member[], json: boolean, io: Console): number {
  if (json) {
    const verdicts = incident.plan === null ? [] : allOf(incident.plan).map(verdictLine);
    io.stdout(JSON.stringify({ ...incident, members, verdicts }, bytesAsBase64));
    return EXIT.done;
  }
  io.stdout(
    `${incident.id}  ${incident.state}${incident.reason === '' ? '' : ` (${incident.reason})`}  owner ${incident.owner}`,
  );
  io.stdout(`${incident.severity}  ${incident.host}  ${visible(incident.title)}`);
  io.stdout(visible(incident.event.reason));
  for (const { id, text } of incident.evidence?.items ?? []) io.stdout(`  ${id.padEnd(4)} ${visible(text)}`);
  if (members.length > 0) io.stdout(`it covers ${members.length} more:`);
  for (const { host, reason, why, recovered } of members.slice(0, MEMBERS)) {
    io.stdout(`  ${host.padEnd(16)} ${recovered === null ? why : 'recovered'}  ${visible(reason)}`);
  }
  if (incident.plan !== null) describePlan(incident, io);
  const first = firstOf(incident);
  if (first !== null) io.stdout(awaited(first));
  for (const { step, state, exit, code, stdout } of incident.results) {
    const named = step === undefined ? 'order' : `${step.phase} ${step.number}`;
    io.stdout(
      `  ${named}: ${state}${exit === undefined ? '' : ` (exit ${exit})`}${code === undefined ? '' : ` ${code}`}`,
    );
    for (const line of stdout.split('\n').slice(0, 20)) if (line !== '') io.stdout(`    ${visible(line)}`);
  }
  for (const { probe, name, state, code, by, lines } of incident.probes ?? []) {
    io.stdout(
      `  probe ${probe}${name === '' ? '' : ` ${visible(name)}`} (${by}): ${state}${code === '' ? '' : ` ${code}`}`,
    );
    for (const { text } of lines.slice(0, 20)) io.stdout(`    ${visible(text)}`);
  }
  for (const { ts, state, by, note } of incident.timeline) {
    io.stdout(`  ${new Date(ts).toISOString()}  ${state.padEnd(12)} ${by}: ${visible(note)}`);
  }
  return EXIT.done;
}

function describePlan({ plan }: Incident, io: Console): void {
  if (plan === null) return;
  io.stdout(`cause (${plan.by}, ${plan.confidence.toFixed(2)}): ${visible(plan.root_cause)}`);
  for (const one of plan.alternatives) io.stdout(`  or: ${visible(one)}`);
  io.stdout(`plan ${plan.playbook ?? 'without a playbook'}, ${plan.decision}, risk ${plan.risk}`);
  for (const one of allOf(plan)) {
    io.stdout(`  ${one.phase} ${one.number}  ${one.verdict.decision.padEnd(6)} ${visible(one.command)}`);
    if (one.verdict.decision !== 'allow') io.stdout(`      ${visible(one.verdict.reason)}`);
  }
}

const verdictLine = ({ phase, number, command, verdict }: PlannedCommand) => ({
  phase,
  number,
  command,
  verdict: verdict.decision,
  rule: verdict.rule,
  effect: verdict.effect,
  reason: verdict.reason,
});

async function approve(
  from: { readonly state: StateFolder; readonly store: Store },
  incident: Incident,
  { reviewed, yes, key, ...flags }: { reviewed: string; yes: boolean; key?: string | undefined } & RememberFlags,
  io: Console,
): Promise<number> {
  const { plan } = incident;
  const steps = plan?.steps ?? [];
  const numbers =
    reviewed === 'all' ? steps.map(({ number }) => number) : reviewed.split(',').filter(Boolean).map(Number);
  if (numbers.some((n) => !steps.some(({ number }) => number === n))) {
    throw new UsageError('--reviewed takes the numbers of steps as shown, or all');
  }
  const operator = await actingOperator(from.state, key);
  approvable(incident, operator);
  const first = firstOf(incident);
  const rule = wantedRule(from, incident, operator, numbers, flags, Date.now());
  if (rule !== null) for (const line of ['to be remembered:', ...rememberedLines(rule)]) io.stdout(line);
  if (!yes) {
    describePlan(incident, io);
    const runs = plan === null ? [] : runnable(plan, numbers);
    io.stdout(
      `would run ${runs.length} of ${steps.length} on ${incident.host}: ${runs.map(({ command }) => visible(command)).join('; ')}`,
    );
    if (first !== null) io.stdout(awaited(first));
    if (!(await askedYes(rule === null ? 'approve? type yes: ' : 'approve, and remember it? type yes: '))) {
      io.stdout('not approved');
      return EXIT.no;
    }
  }
  const { act, isFirst } = await signDecision(from, incident, operator, numbers, Date.now());
  const answer = await askHub(from.state, operator, act);
  const done =
    act.verb === 'second' ? `approved ${incident.id}: 2 of 2, after ${first?.by}` : `approved ${incident.id}`;
  const code = told(answer, isFirst ? `${done}: 1 of 2, nothing runs before another has agreed` : done, io);
  if (rule === null || code !== EXIT.done || act.verb !== 'approve' || isFirst) return code;
  const until = new Date(rule.not_after).toISOString();
  return told(await rememberIt(from.state, operator, rule), `remembered as ${rule.id}, until ${until}`, io);
}

/** That a plan has one of the two approvals that it needs. */
function awaited({ by, reviewed, not_after }: FirstApproval): string {
  const included = reviewed.length === 0 ? '' : `, with review step ${reviewed.join(', ')}`;
  return `1 of 2: ${by} has approved${included}; another must agree by ${new Date(not_after).toISOString()}`;
}

function told(answer: Response, done: string, io: Console): number {
  if (answer.ok === 'yes') {
    io.stdout(done);
    return EXIT.done;
  }
  io.stderr(`${answer.code ?? 'E_HUB'}: ${answer.message ?? 'refused'}`);
  return EXIT.no;
}
