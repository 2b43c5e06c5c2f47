import type { Signs } from './signs.ts';

const NO_SPACE = /no space left on device|enospc|disk quota exceeded/i;

/** Whether a file system fills, or is full already. */
export const isFilling = (signs: Signs): boolean =>
  signs.hasSignal('disk.space', 'disk.forecast') ||
  (signs.line(NO_SPACE) !== undefined && signs.fullMount() !== undefined);
