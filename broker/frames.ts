import type { Frame, Metric } from './messages.ts';

/**
 * Telemetry travels as round(value / scale), in the order of the birth's metrics: lossless at the resolution that the
 * birth declares. The other `frame-*` files carry such integers; `docs/wire.md` describes the format.
 */
export function scaled(values: readonly (number | null)[], metrics: readonly Metric[]): (number | null)[] {
  return values.map((value, i) => {
    if (value === null) return null;
    // The sum turns -0, which is no integer of the format, into 0.
    const rounded = Math.round(value / (metrics[i]?.scale ?? 1)) + 0;
    // One reading that no integer holds must not cost the others.
    return Number.isSafeInteger(rounded) ? rounded : null;
  });
}

/** Scaled integers back to values in each metric's unit, by name. */
export function unscale(frame: Pick<Frame, 'values'>, metrics: readonly Metric[]): Map<string, number | null> {
  return new Map(
    metrics.map(({ name, scale }, i) => {
      const value = frame.values[i] ?? null;
      return [name, value === null ? null : times(value, scale)];
    }),
  );
}

/** Of a scale such as 0.01 the inverse is exact, and the quotient the double nearest to the decimal: 0.07, not 0.07...01. */
function times(value: number, scale: number): number {
  const parts = Math.round(1 / scale);
  return parts > 1 && Math.abs(parts * scale - 1) < 1e-9 ? value / parts : value * scale;
}
