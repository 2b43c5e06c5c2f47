import type { Event } from '../../broker/messages.ts';
import type { Also } from './evidence.ts';

/** Units that a command may name because a line tells of them: as many as a person would think of. */
const MAX = 8;
/** Characters of one text that are looked through. */
const LOOKED_AT = 400;

/**
 * Units of the host's inventory that the event's lines, changes, facts or processes name as a whole word, in the order
 * of the inventory. Only what the inventory holds is found: a line can point to a unit, and can't make one up.
 */
export function toldUnits(event: Event, also: readonly Also[], units: readonly string[]): readonly string[] {
  const { snapshot } = event;
  const texts = [
    event.reason,
    ...also.flatMap(({ metric, reason }) => [metric ?? '', reason]),
    ...(snapshot?.unit_lines ?? []).map(({ text }) => text),
    ...(snapshot?.log_templates ?? []).map(({ template }) => template.text),
    ...(snapshot?.changes ?? []).map(({ what }) => what.text),
    ...(snapshot?.top_cpu ?? []).map(({ cmd }) => cmd.text),
    ...(snapshot?.top_mem ?? []).map(({ cmd }) => cmd.text),
  ].map((text) => text.slice(0, LOOKED_AT));
  const words = new Set(
    texts.flatMap((text) => text.split(/[^A-Za-z0-9@_.-]+/)).map((word) => word.replace(/[.-]+$/, '')),
  );
  const isTold = (unit: string): boolean => {
    const bare = unit.replace(/\.service$/, '');
    // A daemon often has its service's name with a d behind it.
    return words.has(unit) || words.has(bare) || words.has(`${bare}d`);
  };
  return units.filter(isTold).slice(0, MAX);
}
