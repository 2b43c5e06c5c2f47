import type { Response } from './protocol.ts';

/** The answer to an act that failed: its code, and what is said of it. */
export function refusal(tx: number, error: unknown): Response {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL';
  return { tx, ok: 'no', code, message: error instanceof Error ? error.message.slice(0, 1_000) : 'failed' };
}
