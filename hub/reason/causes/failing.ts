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

export interface Failing {
  readonly name: string;
  readonly look: Found['commands'];
  readonly halt: Found['commands'];
  /** The agent itself points to it: it may be acted on. */
  readonly own: boolean;
}

/** Names of what fails beside a host that runs short, by the other alerts: who is busy there is none of them. Null where this very alert is of it. */
const failsBeside = (signs: Signs): readonly string[] | null =>
  signs.isOfHost && isFailing(signs) && !signs.isAbout(...FAILS)
    ? signs.metrics(/^(?:unit|group|container|endpoint)\./).flatMap(({ label }) => label ?? [])
    : null;

/** The failing thing by name, and what one does about it. What only a line names is looked at, and not stopped. */
export function failing(signs: Signs): Failing | null {
  const container = signs.evidence.entities.find(({ kind }) => kind === 'container')?.value;
  if (container !== undefined) {
    return {
      name: `Container ${container}`,
      look: [command(`docker logs --tail 50 ${container}`, 'Shows what it says when it ends.')],
      halt: [
        command(`docker stop ${container}`, 'Stops the loop until a person has looked.', `docker start ${container}`),
      ],
      own: true,
    };
  }
  const beside = failsBeside(signs);
  const own = beside === null || beside.includes(signs.ownUnit ?? '') ? signs.ownUnit : undefined;
  const unit = own ?? signs.units.find((one) => beside?.includes(one) === true) ?? signs.units[0];
  if (unit === undefined) return null;
  const look = [unitLog(unit), unitStatus(unit)];
  return { name: unit, look, halt: own === undefined ? [] : [stop(own)], own: own !== undefined };
}

/** The other side of a connection, as a line names it. */
export const TARGET =
  /\b((?:\d{1,3}\.){3}\d{1,3}:\d{1,5}|(?![\w-]+\.(?:c|cc|cpp|go|rs|rb|py|js|java|lua):)[a-z][\w-]*(?:\.[\w-]+){1,5}:\d{1,5})\b/i;
