import { visible } from '../visible.ts';
import { lasting, moment, type Phase, type Series } from './blocks.ts';
import { escapeHtml } from './escape.ts';

const WIDTH = 720;
const HEIGHT = 180;
const TOP = 16;
const BOTTOM = 20;

/** A coordinate: two digits are a hundredth of a pixel. */
const n = (value: number): string => String(Math.round(value * 100) / 100);
const say = (text: string): string => escapeHtml(visible(text));

/** The metric's course as inline SVG, with its limit and when the incident was opened and ended. */
export function seriesChart({ metric, unit, points, limit, marks }: Series): string {
  const known = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const from = points[0]?.at ?? 0;
  const to = Math.max(from + 1, points.at(-1)?.at ?? 0);
  const [low, high] = [Math.min(...known, limit ?? Infinity), Math.max(...known, limit ?? -Infinity)];
  const x = (at: number) => ((at - from) / (to - from)) * WIDTH;
  const y = (value: number) =>
    HEIGHT - BOTTOM - (high === low ? 0.5 : (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  let pen = 'M';
  const path = points.flatMap(({ at, value }) => {
    if (value === null) {
      pen = 'M';
      return [];
    }
    const step = `${pen}${n(x(at))} ${n(y(value))}`;
    pen = 'L';
    return [step];
  });
  const caption = `${metric}${unit === '' ? '' : ` (${unit})`}, lowest ${Math.min(...known)}, highest ${Math.max(...known)}`;
  const parts = [
    `<path d="${path.join('')}" fill="none" stroke="var(--line)" stroke-width="1.5"/>`,
    ...(limit === null
      ? []
      : [
          `<path d="M0 ${n(y(limit))}H${WIDTH}" stroke="var(--bad)" stroke-dasharray="5 4"/>`,
          `<text x="2" y="${n(y(limit) - 3)}">limit ${limit}</text>`,
        ]),
    ...marks
      .filter(({ at }) => at >= from && at <= to)
      .flatMap(({ at, label }) => [
        `<path d="M${n(x(at))} ${TOP}V${HEIGHT - BOTTOM}" stroke="var(--bad)"/>`,
        `<text x="${n(Math.min(x(at) + 3, WIDTH - 60))}" y="${TOP - 4}">${say(label)}</text>`,
      ]),
    `<text x="0" y="${HEIGHT - 4}">${moment(from)}</text>`,
    `<text x="${WIDTH}" y="${HEIGHT - 4}" text-anchor="end">${moment(to)}</text>`,
  ];
  return figure(HEIGHT, caption, parts);
}

const ROW = 20;
const NAMES = 130;

/** Each state as a bar on its own row, from when to when. */
export function phasesChart(phases: readonly Phase[]): string {
  const from = phases[0]?.from ?? 0;
  const to = Math.max(from + 1, phases.at(-1)?.to ?? 0);
  const x = (at: number) => NAMES + ((at - from) / (to - from)) * (WIDTH - NAMES - 90);
  const parts = phases.flatMap(({ state, from: begin, to: end }, row) => [
    `<text x="0" y="${row * ROW + 14}">${say(state)}</text>`,
    `<rect x="${n(x(begin))}" y="${row * ROW + 3}" width="${n(Math.max(2, x(end) - x(begin)))}" height="${ROW - 6}" fill="var(--line)"/>`,
    `<text x="${n(x(Math.max(begin + 1, end)) + 6)}" y="${row * ROW + 14}">${lasting(end - begin)}</text>`,
  ]);
  return figure(Math.max(1, phases.length) * ROW, `From ${moment(from)} to ${moment(to)}`, parts);
}

const figure = (height: number, caption: string, parts: readonly string[]): string =>
  `<figure><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${say(caption)}">${parts.join('')}</svg><figcaption>${say(caption)}</figcaption></figure>`;
