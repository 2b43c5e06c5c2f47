import type { Theme } from '../theme.ts';

/** A fraction 0..1 as a bar of exactly `columns`. */
export function meter(fraction: number, columns: number, theme: Theme): string {
  const bounded = Number.isFinite(fraction) ? Math.max(0, Math.min(1, fraction)) : 0;
  const full = Math.round(bounded * columns);
  return theme.glyphs.full.repeat(full) + theme.glyphs.empty.repeat(columns - full);
}
