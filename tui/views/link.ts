import type { HostLink, HostRow } from '../desk.ts';
import { hanging, type Line, line, type Span, span } from '../line.ts';
import { count, short } from '../quantity.ts';

/** Older than this when it comes, and than three of its intervals, a sample is late: a thin line takes a second or two. */
const LATE_MS = 5_000;
const LATE_INTERVALS = 3;
/** An acknowledgement that takes so long keeps an agent's next publish waiting. */
const SLOW_MS = 1_000;
/** Within what two clocks that are set by the same source differ by anyway. */
const AT_ONCE_MS = 10;
/** From here on a span is told in words of its own. */
const MINUTE = 60_000;

/** `40 ms`, `1.4 s`, `43 s`, `12m`. */
export function spell(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < MINUTE ? `${Math.round(ms / 1_000)} s` : short(ms);
}

const isLate = ({ late, every }: HostLink): boolean =>
  late !== null && late >= Math.max(LATE_MS, LATE_INTERVALS * (every ?? 0));

/** A host's link in one or two words: the worst of it now, then what was lost within a day. */
export function linkWord(host: HostRow, link: HostLink | undefined): Span {
  if (host.state !== 'online') return span(host.state, 'dim');
  if (link === undefined) return span('');
  if (link.late !== null && isLate(link)) return span(`late ${spell(link.late)}`, 'strong');
  if (link.stored !== null && link.stored >= SLOW_MS) return span(`slow ${spell(link.stored)}`, 'strong');
  if (link.gaps > 0) return span(link.gaps === 1 ? '1 gap' : `${count(link.gaps)} gaps`);
  return link.late === null && link.stored === null ? span('not known', 'dim') : span('good', 'dim');
}

const plural = (n: number, one: string): string => `${count(n)} ${n === 1 ? one : `${one}s`}`;

/** How what a host says comes here, in full: as measured by the hub, and nothing that it can't know. */
export function linkLines(host: HostRow, link: HostLink | undefined, columns: number): readonly Line[] {
  const lead = line(span('link  ', 'dim'));
  if (host.state === 'stopped') return hanging(lead, 'its agent said goodbye: nothing is measured there now', columns);
  if (host.state !== 'online') {
    return hanging(lead, 'nothing comes; if its agent runs, what it measures waits on its own disk', columns);
  }
  if (link === undefined) return [];
  const { every, late, stored, gaps, missing, backlog, waiting, dropped } = link;
  const said = [
    every === null ? '' : `a sample every ${spell(every)}`,
    late === null
      ? 'how late is not known'
      : late < AT_ONCE_MS
        ? 'here at once'
        : `here ${spell(late)} after it was taken`,
    stored === null ? '' : `acknowledged ${spell(stored)} after that`,
    gaps === 0
      ? 'none missing within a day'
      : `${plural(missing, 'sample')} missing within a day, in ${plural(gaps, 'gap')}`,
  ].filter((part) => part !== '');
  const still = [
    ...(backlog === null || backlog === 0 ? [] : [plural(backlog, 'sample')]),
    ...(waiting === 0 ? [] : [waiting === 1 ? '1 event or result' : `${count(waiting)} events and results`]),
  ].join(' and ');
  const kept = [
    still === '' ? '' : `${still} on its disk still to come`,
    dropped === 0 ? '' : `${count(dropped)} fell off its disk, which was full`,
  ].filter((part) => part !== '');
  return [
    ...hanging(lead, said.join(', '), columns),
    ...(kept.length === 0 ? [] : hanging(line(span('disk  ', 'dim')), kept.join('; '), columns)),
  ];
}
