import { rememberedLines } from '../../hub/automation/remember.ts';
import type { Incident, Plan, PlannedCommand } from '../../hub/incident.ts';
import { agreementWords } from '../agreement.ts';
import { type Consent, wouldRun } from '../consent.ts';
import { EMPTY, fitLine, hanging, type Line, line, lineWidth, span, spread } from '../line.ts';
import { isBroad, type Model } from '../model.ts';
import { shortId } from '../widgets/header.ts';
import { verdictMark } from '../widgets/marks.ts';
import { ruleText } from './automation.ts';

/** A dialog is not wider than this: eyes should not travel between a command and what is asked about it. */
const WIDEST = 108;
/** Rows of the frame around the scrolling part: border, blank, blank, note, blank, buttons, border. */
const AROUND = 7;

/** The dialog cut into what scrolls and what stays. */
export interface Dialog {
  readonly title: string;
  readonly body: readonly Line[];
  readonly buttons: Line;
  /** Why the last key did nothing, whole; one row at least. */
  readonly note: readonly Line[];
  readonly columns: number;
}

const isLive = (incident: Incident, model: Model) =>
  model.desk.live && (model.desk.hosts.find((host) => host.agent === incident.host)?.live ?? false);

const grouped = (hash: string | null) => (hash === null ? 'none' : `${hash.slice(0, 4)} ${hash.slice(4, 8)}`);

function range(numbers: readonly number[]): string {
  const [first] = numbers;
  const last = numbers.at(-1);
  if (first === undefined || last === undefined) return 'nothing';
  return first === last ? `step ${first}` : `steps ${first}-${last}`;
}

function asks(command: PlannedCommand, consent: Consent): Line {
  const decision = consent.steps.find(({ number }) => number === command.number)?.decision ?? command.verdict.decision;
  if (decision === 'block') return line(span("blocked: can't run", 'alarm'));
  if (decision === 'allow') return EMPTY;
  if (consent.included.includes(command.number)) return line(span('included by you', 'accent'));
  return line(span(`needs you: press ${command.number} to include`, 'wait'));
}

function stepLines(
  plan: Plan,
  command: PlannedCommand,
  consent: Consent,
  model: Model,
  columns: number,
): readonly Line[] {
  const lead = line(
    span(` ${String(command.number).padStart(2)} `, 'dim'),
    verdictMark(command.verdict.decision, model.theme),
    '  ',
  );
  const ask = asks(command, consent);
  const rows = hanging(lead, command.command, columns, 'strong');
  const [only] = rows;
  const under = ' '.repeat(lineWidth(lead));
  const undo = plan.rollback.find(({ number, verdict }) => number === command.number && verdict.decision !== 'allow');
  const { decision, effect, reason } = command.verdict;
  const why = [
    ...(decision === 'allow' ? [] : hanging(line(under), `${effect}: ${reason}`, columns, 'dim')),
    ...(undo === undefined
      ? []
      : hanging(line(under), `its undoing, ${undo.verdict.effect}: ${undo.verdict.reason}`, columns, 'dim')),
  ];
  if (lineWidth(ask) === 0) return [...rows, ...why];
  if (rows.length === 1 && only !== undefined && lineWidth(only) + lineWidth(ask) + 2 <= columns) {
    return [spread(only, ask, columns), ...why];
  }
  return [...rows, line(under, ...ask), ...why];
}

function quiet(label: string, commands: readonly PlannedCommand[], model: Model, columns: number): readonly Line[] {
  return commands.flatMap((command, index) =>
    hanging(
      line(span((index === 0 ? label : '').padEnd(9), 'dim'), verdictMark(command.verdict.decision, model.theme), '  '),
      command.command,
      columns,
    ),
  );
}

function approveBody(incident: Incident, plan: Plan, consent: Consent, model: Model, columns: number): readonly Line[] {
  const live = isLive(incident, model);
  const mode = live
    ? line(span('LIVE', 'wait'), span(': this changes the host now.'))
    : line(span('DRY-RUN', 'strong'), span(': nothing changes; it is recorded.'));
  const commands = `${plan.steps.length} ${plan.steps.length === 1 ? 'command' : 'commands'}`;
  const effects = [...new Set(plan.steps.map((step) => step.verdict.effect))].join(', ');
  const agreement = agreementWords(incident, model.desk, consent.included, model.now);
  return [
    spread(mode, line(span(`plan ${grouped(consent.planHash)} · ${commands}`, 'dim')), columns),
    ...(agreement === null ? [] : hanging(EMPTY, agreement, columns, 'wait')),
    EMPTY,
    ...plan.steps.flatMap((step) => stepLines(plan, step, consent, model, columns)),
    EMPTY,
    ...(model.desk.others.length > 0
      ? hanging(
          line(span('looking  ', 'dim')),
          `${model.desk.others.join(', ')} too: who is first decides`,
          columns,
          'wait',
        )
      : []),
    ...quiet('before', plan.pre, model, columns),
    ...quiet('after', plan.post, model, columns),
    ...(plan.rollback.length > 0
      ? quiet('undo', plan.rollback, model, columns)
      : [line(span('undo     ', 'dim'), 'nothing undoes it')]),
    spread(
      line(span('effect   ', 'dim'), span(`${effects} · risk ${plan.risk}`)),
      line(span('signing as ', 'dim'), span(`${model.desk.operator}@${model.desk.site}`)),
      columns,
    ),
    ...laterLines(consent, columns),
  ];
}

/** What is signed for later beside the approval, whole. */
function laterLines({ later }: Consent, columns: number): readonly Line[] {
  if (later === null) return [];
  const keys = line(
    span('m', 'strong'),
    ' once only   ',
    span('+ -', 'strong'),
    ' days   ',
    span('g', 'strong'),
    ' its group',
  );
  const days = later.days === 1 ? 'for a day' : `for ${later.days} days`;
  const title = line(span(`REMEMBERED ${days}`, 'wait'), ': may run with nobody there');
  const isRoomy = lineWidth(title) + lineWidth(keys) + 2 <= columns;
  return [
    EMPTY,
    ...(isRoomy ? [spread(title, keys, columns)] : [title, keys]),
    ...ruleText(rememberedLines(later.rule), columns),
  ];
}

function rejectBody(incident: Incident, columns: number): readonly Line[] {
  return [
    ...hanging(EMPTY, `${incident.title} on ${incident.host}`, columns, 'strong'),
    EMPTY,
    ...hanging(
      EMPTY,
      'Nothing of this plan will run, and the incident is closed as rejected. What caused it stays as it is.',
      columns,
    ),
  ];
}

const HALT =
  'Agents end what runs at once, and begin nothing on any host until an admin has signed a lift (sentinel halt --lift). Watching, reporting and proposing go on.';

const REVOKED =
  'Nothing runs by it any more. What stands in line by it goes to a person; what runs is checked and undone as ever. Agents hear of it in this moment, and one that is away when it is back.';

function revokeBody(rule: string, model: Model, columns: number): readonly Line[] {
  const found = model.shelf.automation().remembered.find(({ id }) => id === rule);
  const lines = found === undefined ? [line('It is revoked, or has lapsed, already.')] : ruleText(found.lines, columns);
  return [...lines, EMPTY, ...hanging(EMPTY, REVOKED, columns)];
}

function buttons(consent: Consent, columns: number): Line {
  const deny = span('▌ Deny ▐', 'focus');
  if (consent.stale) return line(span('▌ Close ▐', 'focus'), span('     any key', 'dim'));
  if (consent.act === 'halt') return line(span('▌ Go on ▐', 'focus'), '     ', span('y', 'strong'), ' halt the site');
  if (consent.act === 'revoke') return line(span('▌ Keep it ▐', 'focus'), '     ', span('y', 'strong'), ' revoke it');
  if (consent.act === 'reject')
    return line(span('▌ Keep it ▐', 'focus'), '     ', span('y', 'strong'), ' reject the plan');
  const plain = wouldRun(consent.steps, []);
  const chosen = wouldRun(consent.steps, consent.included);
  const kept = consent.later === null ? '' : ', and remember';
  if (consent.wide) {
    const field = `type the host's name: ${consent.typed}`;
    const done = consent.typed === consent.host;
    return consent.focus === 'name'
      ? line(
          span('  Deny  ', 'dim'),
          `   ${field}`,
          span('▌', 'accent'),
          span(`  then `, 'dim'),
          span('Y', done ? 'strong' : 'dim'),
          span(` approve ${range(chosen)}${kept}`, done ? 'plain' : 'dim'),
        )
      : line(deny, '     ', span('Y', 'strong'), ` type the host's name to approve ${range(chosen)}${kept}`);
  }
  const hasReview = consent.steps.some((step) => step.decision === 'review');
  const first =
    plain.length > 0
      ? [span('y', 'strong'), span(` approve ${range(plain)}${kept}`)]
      : [span('y', 'dim'), span(' needs a step included', 'dim')];
  if (!hasReview) return line(deny, '     ', ...first);
  const ready = consent.included.length > 0;
  // What is remembered is the whole plan: there is no approving a part of it.
  if (consent.later !== null) {
    const whole = consent.later.rule.reviewed.every((number) => consent.included.includes(number));
    const said = whole ? ` approve ${range(chosen)}${kept}` : ' needs every review step included';
    return line(deny, '     ', span('Y', whole ? 'strong' : 'dim'), span(said, whole ? 'plain' : 'dim'));
  }
  const label =
    ready && columns > 76
      ? ` approve ${range(chosen)}, with what you included`
      : ` approve ${ready ? range(chosen) : 'with what you included'}`;
  return line(
    deny,
    '     ',
    ...first,
    '     ',
    span('Y', ready ? 'strong' : 'dim'),
    span(label, ready ? 'plain' : 'dim'),
  );
}

/** What the dialog says. `model.incident` is the incident as it is now; when it changed, the dialog says only that. */
export function dialogOf(consent: Consent, model: Model): Dialog {
  const width = isBroad(model) ? Math.min(WIDEST, model.cols - 4) : model.cols;
  const columns = width - 6;
  const { incident } = model;
  const plan = incident?.plan ?? null;
  const title = `${consent.act} on ${consent.host}`;
  const note = hanging(EMPTY, consent.note, columns, 'wait');
  const common = { title, note, columns, buttons: buttons(consent, columns) };
  if (consent.act === 'halt') return { ...common, title: `halt ${consent.host}`, body: hanging(EMPTY, HALT, columns) };
  if (consent.act === 'revoke') {
    const title = `revoke what is remembered as ${shortId(consent.host)}`;
    return { ...common, title, body: revokeBody(consent.host, model, columns) };
  }
  if (consent.stale || incident === undefined) {
    const body = [
      line(span('The plan changed while this was open.', 'wait')),
      EMPTY,
      line('Nothing was signed. Close this and read it again.'),
    ];
    return { ...common, body };
  }
  if (consent.act === 'reject') return { ...common, body: rejectBody(incident, columns) };
  return { ...common, body: plan === null ? [] : approveBody(incident, plan, consent, model, columns) };
}

/** How many rows of the dialog's body fit into `rows`. */
export function dialogRoom(dialog: Dialog, rows: number): number {
  return Math.max(1, Math.min(dialog.body.length, rows - AROUND - (dialog.note.length - 1)));
}

/** The dialog, framed, with its body scrolled, in `rows` rows. */
export function drawDialog(dialog: Dialog, consent: Consent, model: Model, rows: number): readonly Line[] {
  const { columns } = dialog;
  const visible = dialogRoom(dialog, rows);
  const hidden = dialog.body.length - visible - consent.scroll;
  const edge = (part: Line): Line => [span('│  ', 'dim'), ...fitLine(part, columns), span('  │', 'dim')];
  const name = line(span('┌ ', 'dim'), span(dialog.title, 'strong'), ' ');
  const lid: Line = [...name, span('─'.repeat(Math.max(0, columns + 5 - lineWidth(name))), 'dim'), span('┐', 'dim')];
  const floor = line(span(`└${'─'.repeat(columns + 4)}┘`, 'dim'));
  const more = hidden > 0 ? line(span(`↓ ${hidden} more: j reads on`, 'wait')) : EMPTY;
  const box = [
    lid,
    edge(EMPTY),
    ...dialog.body.slice(consent.scroll, consent.scroll + visible).map(edge),
    edge(more),
    ...dialog.note.map(edge),
    edge(dialog.buttons),
    edge(EMPTY),
    floor,
  ];
  const left = span(' '.repeat(Math.max(0, Math.floor((model.cols - columns - 6) / 2))));
  const above = isBroad(model) ? Math.max(0, Math.floor((rows - box.length) / 3)) : 0;
  return [...Array.from({ length: above }, () => EMPTY), ...box.map((row) => [left, ...row])];
}
