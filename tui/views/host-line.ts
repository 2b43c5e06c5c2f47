import type { Gauge, HostRow } from '../desk.ts';
import { type Line, line, type Span, span } from '../line.ts';
import type { Model } from '../model.ts';
import { quantity, short } from '../quantity.ts';
import { safeText } from '../safe-text.ts';
import type { Theme } from '../theme.ts';
import { troubles } from '../troubles.ts';
import { sparkline } from '../widgets/sparkline.ts';
import { cutMiddle, fit, widthOf } from '../width.ts';

export const VALUE = 6;
export const UNIT = 5;

/** A value and its unit in fixed columns: numbers align right, units are dim. */
export function reading(value: number | null, unit: string): readonly Span[] {
  const [number, word] = quantity(value, unit);
  return [span(fit(number, VALUE, 'right')), span(` ${fit(word, UNIT)}`, 'dim')];
}

/** One gauge in one row of `columns`: name, history, value. */
export function gaugeLine(gauge: Gauge, columns: number, nameColumns: number, theme: Theme): Line {
  const room = Math.max(0, Math.min(60, columns - nameColumns - VALUE - UNIT - 5));
  return line(
    span(fit(cutMiddle(gauge.metric, nameColumns), nameColumns), 'dim'),
    '  ',
    sparkline(gauge.history, room, gauge.unit, theme),
    '  ',
    ...reading(gauge.value, gauge.unit),
  );
}

export function nameWidth(gauges: readonly Gauge[], most: number): number {
  return Math.min(most, Math.max(8, ...gauges.map((gauge) => widthOf(safeText(gauge.metric)))));
}

/** The shape of how a host is. */
export function hostMark(host: HostRow, { desk, theme }: Pick<Model, 'desk' | 'theme'>): Span {
  const trouble = troubles(desk.incidents)(host);
  const tone = trouble === 'critical' ? 'alarm' : trouble === 'silent' ? 'dim' : 'plain';
  return span(theme.glyphs[trouble], tone);
}

/** What the host may do, in words. */
export function powers(host: HostRow): string {
  return `${host.live ? 'LIVE' : 'DRY-RUN'}, ${host.privileged ? 'privileged' : 'unprivileged'}`;
}

export function heard(host: HostRow, now: number): string {
  return host.state === 'online'
    ? `heard ${short(now - host.lastSeen)} ago`
    : `${host.state} for ${short(now - host.lastSeen)}`;
}

/** Who a host is, what it may do, and when it was heard. */
export function hostHead(host: HostRow, model: Model): Line {
  return line(
    ' ',
    hostMark(host, model),
    ' ',
    span(host.agent, 'strong'),
    span(`   ${powers(host)}   ${heard(host, model.now)}`, 'dim'),
  );
}

/** A host with all its gauges. */
export function hostBlock(host: HostRow, model: Model, columns: number): readonly Line[] {
  const gauges = model.shelf.pulse(host.agent)?.gauges ?? [];
  const names = nameWidth(gauges, Math.min(32, Math.floor(columns / 3)));
  return [
    hostHead(host, model),
    ...gauges.map((gauge) => line('   ', ...gaugeLine(gauge, columns - 3, names, model.theme))),
  ];
}
