import type { Emulator } from './emulator.ts';
import { framed, rowsOf } from './svg.ts';

/** One picture of a journey and how long it stands, in milliseconds. */
interface Still {
  readonly rows: readonly string[];
  readonly ms: number;
}

/** A stretch of stills in which a row stays as it is. */
interface Stretch {
  readonly row: string;
  readonly from: number;
  readonly to: number;
}

/**
 * A journey as one SVG that plays by itself and begins anew: CSS alone, so that it plays in an <img> too. A row that
 * stays the same over several pictures is written once.
 */
export class Animation {
  readonly #stills: Still[] = [];
  readonly #emulator: Emulator;

  constructor(emulator: Emulator) {
    this.#emulator = emulator;
  }

  /** Takes what the screen shows now. */
  take(ms: number): void {
    this.#stills.push({ rows: rowsOf(this.#emulator), ms });
  }

  svg(): string {
    const { cols, rows } = this.#emulator.terminal;
    const total = this.#stills.reduce((sum, { ms }) => sum + ms, 0);
    const starts = this.#stills.map((_, i) => this.#stills.slice(0, i).reduce((sum, { ms }) => sum + ms, 0));
    const at = (index: number) => Math.round(((starts[index] ?? total) / total) * 10_000) / 100;
    const all = Array.from({ length: rows - 1 }, (_, y) => this.#stretches(y)).flat();
    const classes = new Map<string, string>();
    const body = all.map(({ row, from, to }) => {
      if (from === 0 && to === this.#stills.length) return row;
      const key = `${at(from)} ${at(to)}`;
      const name = classes.get(key) ?? `s${classes.size}`;
      classes.set(key, name);
      return `<g class="${name}">${row}</g>`;
    });
    const rules = [...classes].map(([key, name]) => {
      const [from = 0, to = 100] = key.split(' ').map(Number);
      const before = from === 0 ? '' : '0%{visibility:hidden}';
      const after = to === 100 ? '' : `${to}%{visibility:hidden}`;
      return `@keyframes ${name}{${before}${from}%{visibility:visible}${after}}.${name}{animation:${name} ${total}ms step-end infinite}`;
    });
    return framed(cols, rows - 1, body, ['<style>', ...rules, '</style>']);
  }

  #stretches(y: number): readonly Stretch[] {
    const out: Stretch[] = [];
    for (const [index, { rows }] of this.#stills.entries()) {
      const row = rows[y] ?? '';
      const last = out.at(-1);
      if (last !== undefined && last.row === row) out[out.length - 1] = { ...last, to: index + 1 };
      else out.push({ row, from: index, to: index + 1 });
    }
    return out.filter(({ row }) => row !== '');
  }
}
