import * as assert from 'uvu/assert';
import type { Incident } from '../../hub/incident.ts';
import { MemoryDesk } from './memory-desk.ts';
import { INCIDENT, STATE } from './recorded.ts';
import { type Rendered, renderAt } from './render-at.ts';

/** The smallest terminal, and a usual one. */
export const SIZES = [
  [80, 24],
  [120, 40],
] as const;

export interface Look {
  readonly cols?: number;
  readonly rows?: number;
  readonly keys?: readonly string[];
  readonly desk?: MemoryDesk;
  readonly env?: Record<string, string>;
}

/** The recorded site with this incident. */
export const busy = (incident: Incident = INCIDENT) => new MemoryDesk(STATE, [incident]);

/** Draws a screen, presses keys, and has what is shown then checked. */
export async function look(
  options: Look,
  check: (text: string, seen: Rendered, desk: MemoryDesk) => void | Promise<void>,
): Promise<void> {
  const { cols = 120, rows = 40, keys = [], desk = busy(), env } = options;
  const seen = renderAt(cols, rows, desk, env);
  try {
    seen.press(...keys);
    await check(await seen.text(), seen, desk);
  } finally {
    seen.close();
  }
}

/** The words stand in the text, one behind the other. */
export const inOrder = (text: string, words: readonly string[]) => {
  let at = 0;
  for (const word of words) {
    const next = text.indexOf(word, at);
    assert.ok(
      next >= 0,
      `"${word}" is missing after ${JSON.stringify(text.slice(Math.max(0, at - 20), at))} in\n${text}`,
    );
    at = next + word.length;
  }
};

/** The words stand in the text. */
export const has = (text: string, ...words: readonly string[]) => {
  for (const word of words) assert.ok(text.includes(word), `"${word}" is not in\n${text}`);
};
