import type { Theme } from '../theme.ts';

/**
 * The latest `columns` points as one row of bars, newest at the right; points that are missing are gaps.
 * Percentages are drawn against 0..100, everything else from 0 (or its lowest) to its highest, so a bar's height is a
 * true proportion.
 */
export function sparkline(history: readonly (number | null)[], columns: number, unit: string, theme: Theme): string {
  const points = history.slice(-columns);
  const known = points.filter((point): point is number => point !== null && Number.isFinite(point));
  const { spark, gap } = theme.glyphs;
  const percent = unit === '%' || unit === 'percent';
  const low = Math.min(0, ...known);
  const high = percent ? Math.max(100, ...known) : Math.max(...known, low);
  const bars = points.map((point) => {
    if (point === null || !Number.isFinite(point)) return gap;
    if (high === low) return spark[0] ?? gap;
    const index = Math.round(((point - low) / (high - low)) * (spark.length - 1));
    return spark[Math.max(0, Math.min(spark.length - 1, index))] ?? gap;
  });
  return bars.join('').padStart(columns, gap);
}
