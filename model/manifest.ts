import { createHash } from 'node:crypto';
import type { Manifest } from '../hub/reason/own-model.ts';
import type { Report } from './report.ts';

/** What a model was made of and when: for people alone, the hub reads hash and table. */
export interface Making {
  readonly corpus: number;
  readonly seed: number;
  readonly samples: number;
  readonly steps: number;
  /** Day, as in 2026-11-26. */
  readonly trained: string;
}

/**
 * What ships beside a model as `sentinel.json`. Throws when the report is of another file: an earlier one lies there still
 * where a measurement ended early, and its table would make this model as sure as that one.
 */
export function manifestOf(
  gguf: Uint8Array,
  { sha256: measured, calibration }: Pick<Report, 'sha256' | 'calibration'>,
  making: Making,
): Manifest & Making & { readonly file: string; readonly bytes: number } {
  const sha256 = createHash('sha256').update(gguf).digest('hex');
  if (measured !== sha256) throw new Error(`the report is of ${measured || 'no model'}, not of ${sha256}`);
  return { file: 'sentinel.gguf', sha256, bytes: gguf.length, ...making, calibration };
}
