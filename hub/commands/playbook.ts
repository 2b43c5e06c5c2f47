import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { loadPolicy, type Policy } from '../../policy/policy.ts';
import { stricter } from '../../policy/verdict.ts';
import { fillCommand, SAMPLES } from '../playbook/placeholders.ts';
import { type LoadedPlaybooks, type Playbook, sitePlaybooks } from '../playbook/playbook.ts';

export const PLAYBOOK_USAGE = `sentinel playbook list [--json]
sentinel playbook show ID [--json]
sentinel playbook test [ID...] [--json]     each command's verdict; exit 1 when a file is broken or a check is not allowed
sentinel playbook new ID                    writes a first draft to the site's own folder
  The site's own playbooks are STATE/playbooks/*.yaml; one with a built-in's id replaces it.
  All take --state DIR (default ./.sentinel).
  for example: sentinel playbook new historian-stuck && sentinel playbook test historian-stuck`;

export async function playbookCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    PLAYBOOK_USAGE,
  );
  if (values.help) {
    io.stdout(PLAYBOOK_USAGE);
    return EXIT.done;
  }
  const [verb = '', ...ids] = positionals;
  const state = stateFolder(values.state);
  if (verb === 'new') return draft(state.playbooks, ids[0] ?? '', io);
  const policy = await loadPolicy(existsSync(state.policy) ? { siteDir: state.policy } : {});
  const loaded = sitePlaybooks(state.playbooks, policy);
  if (verb === 'list') return list(loaded, values.json, io);
  if (verb === 'show') return show(find(loaded, ids[0] ?? ''), values.json, io);
  if (verb === 'test') {
    const wanted = ids.length === 0 ? loaded.playbooks : ids.map((id) => find(loaded, id));
    return test(wanted, loaded, policy, values.json, io);
  }
  throw new UsageError(`no such verb: ${JSON.stringify(verb)}\n${PLAYBOOK_USAGE}`);
}

function find({ playbooks, errors }: LoadedPlaybooks, id: string): Playbook {
  const found = playbooks.find((one) => one.id === id);
  if (found !== undefined) return found;
  const broken = errors.map(({ message }) => `\n${message}`).join('');
  throw new UsageError(`no playbook ${JSON.stringify(id)}: see \`sentinel playbook list\`${broken}`);
}

function list({ playbooks, errors }: LoadedPlaybooks, json: boolean, io: Console): number {
  for (const { id, title, class: of, match, needs_human, source } of playbooks) {
    if (json) io.stdout(JSON.stringify({ id, title, class: of, signals: match.signals, needs_human, source }));
    else
      io.stdout(`${id.padEnd(22)} ${needs_human ? 'looks' : 'fixes'}  ${match.signals.join(' ').padEnd(40)}  ${title}`);
  }
  for (const { message } of errors) io.stderr(message);
  return errors.length === 0 ? EXIT.done : EXIT.no;
}

function show(playbook: Playbook, json: boolean, io: Console): number {
  if (json) io.stdout(JSON.stringify(playbook));
  else io.stdout(readFileSync(playbook.source, 'utf8').trimEnd());
  return EXIT.done;
}

/** What the policy says of every command, with samples for its placeholders. */
function test(
  playbooks: readonly Playbook[],
  { errors }: LoadedPlaybooks,
  policy: Policy,
  json: boolean,
  io: Console,
): number {
  let good = errors.length === 0;
  for (const { message } of errors) io.stderr(message);
  for (const playbook of playbooks) {
    const { pre_checks, steps, verify } = playbook;
    const commands = [
      ...pre_checks.map((command) => ({ phase: 'pre', command })),
      ...steps.map(({ run }) => ({ phase: 'step', command: run })),
      ...verify.post_checks.map((command) => ({ phase: 'post', command })),
      ...steps.flatMap(({ rollback }) => (rollback === null ? [] : [{ phase: 'rollback', command: rollback }])),
    ].map((one) => ({ ...one, verdict: policy.check(fillCommand(one.command, SAMPLES) ?? '', null) }));
    const broken = commands.filter(
      ({ phase, verdict }) =>
        verdict.program === null || (phase !== 'step' && phase !== 'rollback' && verdict.decision !== 'allow'),
    );
    if (broken.length > 0) good = false;
    const decision = commands.map(({ verdict }) => verdict.decision).reduce(stricter, 'allow');
    const lines = commands.map(({ phase, command, verdict }) => ({
      phase,
      command,
      verdict: verdict.decision,
      reason: verdict.reason,
    }));
    if (json) io.stdout(JSON.stringify({ id: playbook.id, decision, ok: broken.length === 0, commands: lines }));
    else {
      io.stdout(`${playbook.id}: ${decision}`);
      for (const { phase, command, verdict, reason } of lines) {
        io.stdout(`  ${phase.padEnd(8)} ${verdict.padEnd(6)} ${command}${verdict === 'allow' ? '' : `   (${reason})`}`);
      }
      for (const { command } of broken) io.stderr(`${playbook.source}: a check must be allowed by itself: ${command}`);
    }
  }
  return good ? EXIT.done : EXIT.no;
}

const DRAFT = (id: string) => `version: 1
id: ${id}
title: Restart the service that ...
class: ${id}
# What is wrong when it is this, in one sentence; leave it out where the metric says it all.
cause: The service ... is stuck.
match:
  signals:
    - unit.failed
  description: Words that its logs and its alert use when it is this trouble.
  # Leave it out when the signal alone is enough; else one of these must stand in the evidence.
  mentions:
    - 'some words of its log'
pre_checks:
  - systemctl status --no-pager {unit}
steps:
  - run: systemctl restart {unit}
    why: One sentence for the operator who approves it.
    rollback: null
verify:
  within: 60s
  post_checks:
    - systemctl is-active {unit}
# Only true when running it twice does no more than running it once.
idempotent: true
concurrency: host
max_wait: 60s
`;

function draft(folder: string, id: string, io: Console): number {
  if (!/^[a-z0-9][a-z0-9-]{0,47}$/.test(id)) {
    throw new UsageError(
      'give the playbook an id of lower-case letters, digits and dashes, for instance historian-stuck',
    );
  }
  const file = join(folder, `${id}.yaml`);
  if (existsSync(file)) throw new UsageError(`${file} is there already`);
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  writeFileSync(file, DRAFT(id), { flag: 'wx', mode: 0o640 });
  io.stdout(`wrote ${file}: edit it, then run \`sentinel playbook test ${id}\``);
  return EXIT.done;
}
