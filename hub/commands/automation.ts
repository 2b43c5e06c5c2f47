import { uptime } from 'node:os';
import { ALONE_FROM, type AutomationRule, RULE_DAYS_MAX } from '../../broker/automation-rule.ts';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import type { Roster } from '../../broker/messages.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { allowOnlyRule } from '../automation/allow-only.ts';
import { readAutomation, scopeOf } from '../automation/read.ts';
import { readRulesFile, ruleOf } from '../automation/rules-file.ts';
import { heldRules, readSignedRules } from '../automation/signed-rules.ts';
import { type Tried, whatIf } from '../automation/what-if.ts';
import type { Incident } from '../incident.ts';
import { tagsOf } from '../store/hosts.ts';
import { type HubStatus, Store } from '../store/store.ts';
import { visible } from '../visible.ts';
import { ruleLine, signRules } from './automation-sign.ts';
import { listRemembered, revokeRemembered } from './remembered.ts';

export const AUTOMATION_USAGE = `sentinel automation show [--json]
sentinel automation list [--json]
sentinel automation revoke ID [--key FILE]
sentinel automation sign [--key FILE] [--yes]
sentinel automation try [--days N] [--file FILE] [--json]
sentinel automation try [--days N] [--confidence X] [--host ID]... [--tag TAG]... [--class CLASS]... [--per-hour N] [--json]
  All take --state DIR (default ./.sentinel).
  show   the rule under which plans run with nobody there, what ran under it within the hour, and what it stopped at
  list   the approvals that are remembered (\`sentinel incident approve --remember DAYS\`), and how often each was used
  revoke one of them counts no more, here at once and at each agent as soon as it hears; an ID may be cut short
  sign   shows the rules of automation.yaml in the state folder, and signs those that nobody has signed as they stand: an
         admin's. A running hub takes them up; a rule that is changed lets nothing run until it is signed anew
  try    what a rule would have run of the plans of the last N days (${RULE_DAYS_MAX} at most, 31 unless said), and why not the
         others: the rule of \`--auto-approve allow-only\`, narrowed by what is given, or the rules of a file, signed or not
  for example: sentinel automation try --days 31 --tag role=edge`;

const DAY_MS = 86_400_000;
/** Incidents that are looked at, the newest first: some minutes of reading. */
const INCIDENTS_MAX = 50_000;

export async function automationCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      days: { type: 'string', default: '31' },
      confidence: { type: 'string', default: String(ALONE_FROM) },
      host: { type: 'string', multiple: true },
      tag: { type: 'string', multiple: true },
      class: { type: 'string', multiple: true },
      'per-hour': { type: 'string' },
      key: { type: 'string' },
      file: { type: 'string' },
      yes: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    AUTOMATION_USAGE,
  );
  if (values.help) {
    io.stdout(AUTOMATION_USAGE);
    return EXIT.done;
  }
  const [verb = '', ...rest] = positionals;
  const asksOne = verb === 'revoke';
  if (!['show', 'try', 'list', 'revoke', 'sign'].includes(verb) || rest.length !== (asksOne ? 1 : 0))
    throw new UsageError(AUTOMATION_USAGE);
  const days = within('--days', values.days, 1, RULE_DAYS_MAX);
  const confidence = Number(values.confidence);
  if (!(confidence >= ALONE_FROM && confidence <= 1))
    throw new UsageError(`--confidence takes ${ALONE_FROM} to 1: nothing less sure runs alone`);
  const perHour = values['per-hour'] === undefined ? undefined : within('--per-hour', values['per-hour'], 1, 60);
  const state = stateFolder(values.state);
  const site = readSite(state);
  const { roster } = readRoster(state, site);
  if (verb === 'sign') return signRules(state, values, io);
  const store = new Store(state.store, 'read');
  try {
    if (verb === 'show') return show(store, state, roster, values.json, io);
    if (verb === 'list') return listRemembered(store, roster, values.json, io);
    if (asksOne) return await revokeRemembered({ state, store }, rest[0] ?? '', values.key, io);
    const now = Date.now();
    const from = now - days * DAY_MS;
    const usual = allowOnlyRule('nobody', site.name, from);
    const span = { made: from, not_after: now + DAY_MS };
    const rule: AutomationRule = {
      ...usual,
      ...span,
      confidence,
      hosts: values.host ?? [],
      tags: values.tag ?? [],
      classes: values.class ?? [],
      per_host_hour: perHour ?? usual.per_host_hour,
    };
    const asSigned = { id: usual.id, site: site.name, by: usual.by, made: from };
    const rules =
      values.file === undefined
        ? [rule]
        : readRulesFile(values.file).map((one) => ({ ...ruleOf(one, asSigned), ...span }));
    const tried = whatIf(recorded(store, from), { rules, roster, tags: (host) => tagsOf(store, host) });
    return tell(tried, rules, days, values.json, io);
  } finally {
    await store.close();
  }
}

function within(flag: string, word: string, least: number, most: number): number {
  const value = Number(word);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`${flag} takes ${least} to ${most}`);
  return value;
}

function* newest(store: Store, from: number): Iterable<Incident> {
  for (const { value } of store.summaries.getRange({ reverse: true, limit: INCIDENTS_MAX })) {
    if (value.opened < from) return;
    const incident = store.incidents.get(value.id);
    if (incident !== undefined) yield incident;
  }
}

const recorded = (store: Store, from: number): readonly Incident[] => [...newest(store, from)];

function tell(
  tried: readonly Tried[],
  rules: readonly AutomationRule[],
  days: number,
  json: boolean,
  io: Console,
): number {
  for (const { incident, plan, at, route, ended } of tried) {
    const { id, host } = incident;
    const { alone, code, why } = route;
    const { playbook, confidence } = plan;
    const when = new Date(at).toISOString();
    if (json) {
      io.stdout(
        JSON.stringify({ incident: id, plan: plan.id, at: when, host, playbook, confidence, alone, code, why, ended }),
      );
      continue;
    }
    const what = `${(playbook ?? '-').padEnd(20)} ${confidence.toFixed(2)}  ${alone ? 'alone ' : 'person'}`;
    io.stdout(`${when}  ${id}  ${host.padEnd(16)} ${what}  ${visible(alone ? ENDED[ended] : why)}`);
  }
  if (json) return EXIT.done;
  for (const rule of rules) {
    const scope = scopeOf(rule);
    const reach = rule.hosts_per_hour === undefined ? '' : `, ${rule.hosts_per_hour} hosts within an hour`;
    const from = `from ${rule.confidence.toFixed(2)} on, ${rule.per_host_hour} on a host within an hour${reach}`;
    const called = rule.name === undefined ? '' : ` ${rule.name}`;
    io.stdout(`the rule${called}: all-allow plans of idempotent playbooks, ${from}${scope === '' ? '' : `, ${scope}`}`);
  }
  const alone = tried.filter(({ route }) => route.alone);
  const waited = tried.filter(({ route }) => !route.alone);
  const count = (which: Tried['ended']) => alone.filter(({ ended }) => ended === which).length;
  io.stdout(
    `${tried.length} plans in ${days} days: ${alone.length} would have run with nobody there (of these ${count('helped')} helped when they ran, ${count('did_not_help')} did not, ${count('not_run')} never ran), ${waited.length} would have waited`,
  );
  const codes = new Map<string, number>();
  for (const { route } of waited) codes.set(route.code, (codes.get(route.code) ?? 0) + 1);
  const reasons = [...codes].sort(([, a], [, b]) => b - a).map(([code, n]) => `${n} ${code}`);
  if (reasons.length > 0) io.stdout(`why they would have waited: ${reasons.join(', ')}`);
  return EXIT.done;
}

const ENDED: Readonly<Record<Tried['ended'], string>> = {
  helped: 'it was run, and helped',
  did_not_help: 'it was run, and did not help',
  not_run: 'it was not run: whether it helps is not known',
};

function show(store: Store, state: StateFolder, roster: Roster, json: boolean, io: Console): number {
  const { rule } = (store.meta.get('hub') as HubStatus | undefined) ?? {};
  const { inForce, unsigned } = heldRules(
    readRulesFile(state.automation),
    readSignedRules(state.automationSigned),
    roster,
  );
  const now = Date.now();
  const written = [
    ...inForce.map(({ rule: one }) => ({ ...one, state: now < one.not_after ? 'signed' : 'lapsed' })),
    ...unsigned.map((one) => ({ ...ruleOf(one, { id: '', site: roster.site, by: '', made: now }), state: 'unsigned' })),
  ];
  const { spent, breakers, remembered } = readAutomation(store, uptime() * 1_000);
  if (json) {
    io.stdout(JSON.stringify({ rule: rule ?? null, rules: written, spent, breakers, remembered }));
    return EXIT.done;
  }
  for (const one of written) {
    const by = one.by === '' ? ', so it lets nothing run: sentinel automation sign' : ` by ${one.by}`;
    io.stdout(`${one.state}${by}: ${ruleLine(one)}`);
  }
  if (remembered.length > 0)
    io.stdout(`${remembered.length} approvals are remembered, and let plans run: sentinel automation list`);
  const isOff = rule === undefined && !written.some((one) => one.state === 'signed');
  if (isOff && remembered.length > 0) io.stdout('no rule beside them');
  else if (isOff) io.stdout('no rule: nothing runs before a person approved it');
  if (rule !== undefined) {
    const scope = scopeOf(rule);
    const until = new Date(rule.not_after).toISOString();
    io.stdout(`rule ${rule.id} of ${rule.by}, from ${rule.confidence.toFixed(2)} on, until ${until}`);
    io.stdout(
      `  ${scope === '' ? 'every host, every class, at any hour' : scope}; ${rule.per_host_hour} on a host within an hour`,
    );
  }
  for (const { host, plans } of spent) io.stdout(`within this hour on ${host}: ${plans}`);
  for (const { of, name, incident, closesIn } of breakers)
    io.stdout(`open for ${of} ${name} by ${incident}, for ${Math.ceil(closesIn / 60_000)} minutes more`);
  return EXIT.done;
}
