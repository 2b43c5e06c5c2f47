import { type AutomationEntry, automationList } from '../automation-list.ts';
import type { Automation } from '../desk.ts';
import { entriesOf, lineOf, linesOf } from '../grouped.ts';
import { EMPTY, fill, hanging, type Line, line, span } from '../line.ts';
import type { Model } from '../model.ts';
import { long, short } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import { shortId } from '../widgets/header.ts';
import { windowStart } from '../widgets/list.ts';
import { fit } from '../width.ts';

const LABEL = 11;
const label = (name: string): Line => line(' ', span(name.padEnd(LABEL - 1), 'dim'));

function ruleLines({ rule, remembered, written }: Automation, model: Model, columns: number): readonly Line[] {
  const { desk, now } = model;
  if (rule === null) {
    return [
      ...hanging(
        label('rule'),
        remembered.length + written.length === 0
          ? 'none: nothing runs before a person approved it'
          : 'none beside what follows',
        columns,
        'strong',
      ),
      ...hanging(
        label(''),
        'An admin lets all-allow plans run: sentinel hub --live --auto-approve allow-only',
        columns,
        'dim',
      ),
    ];
  }
  const sure = `plans of ${rule.confidence.toFixed(2)} confidence and more, every command allowed, playbook idempotent`;
  return [
    ...hanging(label('rule'), sure, columns, 'strong'),
    ...hanging(label('scope'), rule.scope === '' ? 'every host, every class, at any hour' : rule.scope, columns),
    ...hanging(label('budget'), `${rule.perHostHour} plans on one host within an hour`, columns),
    ...hanging(
      label('signed by'),
      `${rule.by}, ${rule.until > now ? `lapses in ${long(rule.until - now)}` : 'lapsed'}   ${rule.id}`,
      columns,
    ),
    ...(desk.live ? [] : hanging(label(''), 'DRY-RUN: what runs is recorded, and changes nothing', columns, 'wait')),
  ];
}

function writtenLines({ written }: Automation, now: number, columns: number): readonly Line[] {
  if (written.length === 0) return [];
  const named = written.map(({ name, by, until }) => `${name} (${by}, lapses in ${long(until - now)})`);
  return hanging(label('in file'), `${safeText(named.join(', '))}: sentinel automation show`, columns);
}

function spentLines({ spent, rule }: Automation, columns: number): readonly Line[] {
  if (spent.length === 0) return hanging(label('this hour'), 'nothing ran alone', columns, 'dim');
  return spent.flatMap(({ host, plans }, i) => {
    const left = rule === null ? '' : `, ${Math.max(0, rule.perHostHour - plans)} left`;
    return hanging(label(i === 0 ? 'this hour' : ''), `${host}  ${plans} ran${left}`, columns);
  });
}

function breakerLines({ breakers }: Automation, columns: number): readonly Line[] {
  if (breakers.length === 0)
    return hanging(label('breaker'), 'closed: nothing that ran alone failed within a day', columns, 'dim');
  return breakers.flatMap(({ of, name, incident, closesIn }, i) =>
    hanging(
      label(i === 0 ? 'breaker' : ''),
      `open for ${of} ${name}, by ${shortId(incident)}; closes in ${long(closesIn)}`,
      columns,
      'wait',
    ),
  );
}

function entryLine(entry: AutomationEntry, { ui, now }: Model): Line {
  const selected = entry.id === ui.picked.automation;
  const tone = selected ? 'accent' : 'plain';
  const mark = span(selected ? '▌' : ' ', 'accent');
  if (entry.type === 'rule') {
    const { id, by, playbook, hosts, until, uses } = entry.row;
    const where = hosts.length > 1 ? `${hosts[0]} +${hosts.length - 1}` : (hosts[0] ?? '');
    return line(
      mark,
      span(fit(short(until - now), 4, 'right'), 'dim'),
      span(` left  ${shortId(id)}  `, 'dim'),
      span(fit(safeText(where), 18), tone),
      span(`  ${playbook}`, tone),
      span(`  ran ${uses === 1 ? 'once' : `${uses} times`}, by ${by}`, 'dim'),
    );
  }
  const { incident, host, at, alone, why } = entry.row;
  return line(
    mark,
    span(fit(short(now - at), 4, 'right'), 'dim'),
    span(`  ${shortId(incident)}  `, 'dim'),
    span(fit(safeText(host), 14), tone),
    span(fit(alone ? ' alone' : ' person', 9), alone ? 'strong' : 'dim'),
    span(why, selected ? 'plain' : 'dim'),
  );
}

/** What may run with nobody asked, what its bounds are, and which way the newest plans were sent. */
export function automationView(model: Model, rows: number): readonly Line[] {
  const { shelf, cols, now, ui } = model;
  const automation = shelf.automation();
  const columns = cols - 1;
  const top = [
    ...ruleLines(automation, model, columns),
    ...writtenLines(automation, now, columns),
    EMPTY,
    ...spentLines(automation, columns),
    ...breakerLines(automation, columns),
    EMPTY,
  ];
  const list = automationList(automation);
  const none =
    automation.routes.length > 0
      ? []
      : [
          ...(list.size > 0 ? [EMPTY] : []),
          line(span(' no plan was made yet: each one stands here with its way', 'dim')),
        ];
  const room = Math.max(1, rows - top.length - none.length);
  const at = lineOf(list, Math.max(0, list.indexOf(ui.picked.automation)));
  const start = windowStart(linesOf(list), room, at);
  const shown = entriesOf(list, start, start + room).map((entry): Line => {
    if ('group' in entry) return line(span(` ${entry.group.title}`, 'dim'));
    return 'row' in entry ? entryLine(entry.row, model) : EMPTY;
  });
  return fill([...top, ...shown, ...none], rows);
}

/** An approval that is remembered, whole. */
export function rememberedLines({ shelf, now, cols }: Model, id: string): readonly Line[] {
  const found = shelf.automation().remembered.find((one) => one.id === id);
  if (found === undefined)
    return [EMPTY, line(span(' Nothing is remembered by this rule any more. esc goes back.', 'dim'))];
  const columns = cols - 1;
  const { uses, last, until, lines } = found;
  const used = last === null ? 'never yet' : `${uses === 1 ? 'once' : `${uses} times`}, last ${short(now - last)} ago`;
  return [
    ...hanging(label('ran'), used, columns),
    ...hanging(label('lapses'), `in ${long(until - now)}`, columns),
    EMPTY,
    ...ruleText(lines, columns, 1),
    EMPTY,
    ...hanging(
      line(' '),
      'Plans of just these commands run with nobody there, while the cause is as sure as that. r revokes it.',
      columns,
      'dim',
    ),
  ];
}

/** The rule whole, as it is signed, each of its lines under the one before. */
export const ruleText = (lines: readonly string[], columns: number, indent = 0): readonly Line[] =>
  lines.flatMap((text) => {
    const words = text.trimStart();
    return hanging(line(' '.repeat(indent + text.length - words.length)), words, columns);
  });
