import type { Result } from '../../broker/messages.ts';
import { CLOSED, type Incident, type Plan, type PlannedCommand } from '../../hub/incident.ts';
import { EMPTY, hanging, type Line, line, shortened, span } from '../line.ts';
import type { Model } from '../model.ts';
import { long, quantity } from '../quantity.ts';
import { runningNow } from '../running.ts';
import { verdictMark } from '../widgets/marks.ts';

function effectOf(command: PlannedCommand): string {
  const marks = [command.verdict.effect, ...command.verdict.attributes];
  return command.explanation === '' ? marks.join(' · ') : `${marks.join(' · ')} · ${command.explanation}`;
}

/** One command: number, verdict, the whole text that will run, then what it does and why it was judged so. */
export function commandLines(command: PlannedCommand, model: Model, columns: number): readonly Line[] {
  const { decision, reason, rule, alternative } = command.verdict;
  const lead = line(span(`${String(command.number).padStart(2)} `, 'dim'), verdictMark(decision, model.theme), ' ');
  const under = line('     ');
  const lines: Line[] = [
    ...hanging(lead, command.command, columns, 'strong'),
    ...hanging(under, effectOf(command), columns, 'dim'),
  ];
  if (decision !== 'allow') {
    lines.push(
      ...hanging(under, `why ${decision}: ${reason} (${rule})`, columns, decision === 'block' ? 'alarm' : 'wait'),
    );
    if (alternative !== undefined) lines.push(...hanging(under, `instead: ${alternative}`, columns));
  }
  return lines;
}

/** Checks and undoing are one row each: the verdict and the command. */
function shortCommand(label: string, command: PlannedCommand, model: Model, columns: number): readonly Line[] {
  const lead = line(span(label.padEnd(8), 'dim'), verdictMark(command.verdict.decision, model.theme), ' ');
  return hanging(lead, command.command, columns);
}

function verifyText(incident: Incident): string {
  const { event, plan } = incident;
  if (plan === null) return '';
  const within = long(plan.verify_within);
  if (event.metric === undefined || event.limit === undefined) return `the signal clears within ${within}`;
  const unit = event.metric.includes('percent') ? '%' : event.metric.includes('bytes') ? 'B' : '';
  const [value, word] = quantity(event.limit.value, unit);
  const side = event.limit.healthy === 'below' ? '<' : '>';
  return `${event.metric} ${side} ${value}${word === '' ? '' : ` ${word}`} within ${within}`;
}

/** The plan as it would run: checks before, steps, checks after, what verification asks, what undoes it. */
export function planLines(incident: Incident, model: Model, columns: number): readonly Line[] {
  const { plan } = incident;
  if (plan === null) {
    return [
      line(span('plan', 'strong')),
      line(span('none: a person is needed, or the reasoners are still at it', 'dim')),
    ];
  }
  const name = plan.playbook ?? plan.by;
  const undo =
    plan.rollback.length > 0
      ? `roll back ${plan.rollback.map((c) => c.number).join(', ')}, then a person`
      : 'the next playbook, or a person';
  return [
    line(
      span('plan', 'strong'),
      span(`  ${name}`, 'dim'),
      span('   risk ', 'dim'),
      span(plan.risk, plan.risk === 'high' ? 'alarm' : 'plain'),
    ),
    ...plan.pre.flatMap((command) => shortCommand('before', command, model, columns)),
    ...plan.steps.flatMap((command) => commandLines(command, model, columns)),
    EMPTY,
    ...hanging(line(span('verify  ', 'dim')), verifyText(incident), columns),
    ...plan.post.flatMap((command) => shortCommand('after', command, model, columns)),
    ...hanging(line(span('else    ', 'dim')), undo, columns),
    ...plan.rollback.flatMap((command) => shortCommand(`undo ${command.number}`, command, model, columns)),
  ];
}

/** How the parts of a plan are called where they run. */
const PHASES = { pre: 'before', step: 'step', post: 'after', rollback: 'undo' } as const;

/** Reasons that an operator meets on the first day, in words; every other one is its code. */
const SAID: Readonly<Record<string, string>> = {
  agent_dry_run: 'not run: the agent is in dry-run',
  dry_run: 'not run: a dry run',
};

/** The planned command that a result is of. */
function commandOf({ step }: Result, plan: Plan | null): string {
  if (step === undefined || plan === null) return '';
  const all = [...plan.pre, ...plan.steps, ...plan.post, ...plan.rollback];
  return all.find(({ phase, number }) => phase === step.phase && number === step.number)?.command ?? '';
}

function resultLines(result: Result, plan: Plan | null, columns: number): readonly Line[] {
  const what = result.step === undefined ? 'order' : `${PHASES[result.step.phase]} ${result.step.number}`;
  const command = commandOf(result, plan);
  const end =
    result.exit !== undefined ? `exit ${result.exit}` : result.signal !== undefined ? `signal ${result.signal}` : '';
  const code = SAID[result.code ?? ''] ?? result.code ?? '';
  const seconds = `${((result.ended - result.started) / 1_000).toFixed(1)} s`;
  const good = result.state === 'done' || result.state === 'dry_run';
  const output = [...result.stdout.split('\n'), ...result.stderr.split('\n')].filter((row) => row.trim() !== '');
  const shown = output.slice(0, 6);
  return [
    line(
      span(what.padEnd(10), 'dim'),
      span(result.state.replace('_', ' ').padEnd(9), good ? 'plain' : 'alarm'),
      span([end, seconds, code].filter((part) => part !== '').join('  '), 'dim'),
    ),
    ...(command === '' ? [] : shortened(hanging(line(' '.repeat(10)), command, columns - 1), 2)),
    ...shown.flatMap((row) => hanging(line(' '.repeat(12)), row, columns, 'dim').slice(0, 2)),
    ...(output.length > shown.length || result.truncated
      ? [line(span(`  … ${output.length - shown.length} more lines`, 'dim'))]
      : []),
  ];
}

/** What runs now: the output of a command comes when it has ended. */
function runningLines(incident: Incident, model: Model, columns: number): readonly Line[] {
  const running = runningNow(incident);
  if (running === null || CLOSED.has(incident.state)) return [];
  const { command, since, place, of, dryRun } = running;
  const what = `${PHASES[command.phase]} ${command.number}`;
  const told = `${place} of ${of}, ${dryRun ? 'to be recorded' : 'under way'} for ${long(model.now - since)}`;
  return [
    ...hanging(line(span(what.padEnd(10), 'dim'), span('running  ', 'strong')), command.command, columns),
    line(span(`          ${told}`, 'dim')),
  ];
}

/** What the host said it did, step by step, oldest first, and what it is at now. */
export function resultsLines(incident: Incident, model: Model, columns: number): readonly Line[] {
  const running = runningLines(incident, model, columns);
  if (incident.results.length === 0 && running.length === 0) return [];
  return [
    line(span('results', 'strong')),
    ...incident.results.flatMap((result) => resultLines(result, incident.plan, columns)),
    ...running,
    ...(incident.reason === 'dry_run'
      ? hanging(
          line(' '.repeat(10)),
          'Nothing was changed. Started with --live, the same keys let it run.',
          columns,
          'wait',
        )
      : []),
  ];
}
