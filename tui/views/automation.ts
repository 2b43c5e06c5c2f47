import type { Automation } from '../desk.ts';
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

/** So many are told one by one; all of them are in `sentinel automation list`. */
const REMEMBERED_SHOWN = 4;

function rememberedLines({ remembered }: Automation, now: number, columns: number): readonly Line[] {
  const lines = remembered.slice(0, REMEMBERED_SHOWN).flatMap(({ id, by, playbook, hosts, until, uses }, i) => {
    const what = `${playbook} on ${hosts.join(' ')}, as ${by} approved it`;
    const rest = `used ${uses} times, lapses in ${long(until - now)}   ${shortId(id)}`;
    return hanging(label(i === 0 ? 'approved' : ''), `${safeText(what)}; ${rest}`, columns);
  });
  const more = remembered.length - REMEMBERED_SHOWN;
  return more > 0
    ? [...lines, ...hanging(label(''), `and ${more} more: sentinel automation list`, columns, 'dim')]
    : lines;
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

/** What may run with nobody asked, what its bounds are, and which way the newest plans were sent. */
export function automationView(model: Model, rows: number): readonly Line[] {
  const { shelf, cols, now, ui } = model;
  const automation = shelf.automation();
  const columns = cols - 1;
  const top = [
    ...ruleLines(automation, model, columns),
    ...writtenLines(automation, now, columns),
    ...rememberedLines(automation, now, columns),
    EMPTY,
    ...spentLines(automation, columns),
    ...breakerLines(automation, columns),
    EMPTY,
    line(span(' which way the newest plans were sent', 'dim')),
  ];
  const { routes } = automation;
  if (routes.length === 0) return fill([...top, line(span(' no plan was made yet', 'dim'))], rows);
  const room = Math.max(1, rows - top.length);
  const at = Math.max(
    0,
    routes.findIndex(({ incident }) => incident === ui.picked.automation),
  );
  const start = windowStart(routes.length, room, at);
  const list = routes.slice(start, start + room).map((route): Line => {
    const selected = route.incident === ui.picked.automation;
    return line(
      span(selected ? '▌' : ' ', 'accent'),
      span(fit(short(now - route.at), 4, 'right'), 'dim'),
      span(`  ${shortId(route.incident)}  `, 'dim'),
      span(fit(safeText(route.host), 14), selected ? 'accent' : 'plain'),
      span(fit(route.alone ? ' alone' : ' person', 9), route.alone ? 'strong' : 'dim'),
      span(route.why, selected ? 'plain' : 'dim'),
    );
  });
  return fill([...top, ...list], rows);
}
