import { command, type Found, stop, unitLog, unitStatus } from './cause.ts';
import type { Signs } from './signs.ts';

const FAILS = [
  'unit.failed',
  'unit.restarts',
  'group.restarts',
  'container.restarts',
  'group.missing',
  'endpoint.down',
] as const;
export const isFailing = (signs: Signs): boolean => signs.hasSignal(...FAILS);
export const loops = (signs: Signs): boolean =>
  signs.hasSignal('unit.restarts', 'group.restarts', 'container.restarts');

/** The failing thing by name, and what one does about it. */
export function failing(
  signs: Signs,
): { readonly name: string; readonly look: Found['commands']; readonly halt: Found['commands'] } | null {
  const container = signs.evidence.entities.find(({ kind }) => kind === 'container')?.value;
  if (container !== undefined) {
    return {
      name: `Container ${container}`,
      look: [command(`docker logs --tail 50 ${container}`, 'Shows what it says when it ends.')],
      halt: [
        command(`docker stop ${container}`, 'Stops the loop until a person has looked.', `docker start ${container}`),
      ],
    };
  }
  const unit = signs.unit ?? signs.units[0];
  return unit === undefined ? null : { name: unit, look: [unitLog(unit), unitStatus(unit)], halt: [stop(unit)] };
}
