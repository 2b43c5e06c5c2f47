import type { Evidence } from '../../evidence/evidence.ts';
import { holdLittle } from '../../evidence/memory-held.ts';
import { VITAL } from '../../playbook/fill.ts';
import { ARRAYS } from './arrays.ts';
import { BENEATH } from './beneath.ts';
import type { Found, KnownCause } from './cause.ts';
import { DATABASES } from './databases.ts';
import { DOUBT_CAUSES } from './doubt.ts';
import { CLASH, EDGE } from './edge.ts';
import { MACHINE } from './machine.ts';
import { MEMORY } from './memory.ts';
import { NETWORK } from './network.ts';
import { PACKET_LOG } from './packet-log.ts';
import { PROCESSES } from './processes.ts';
import { unitRunning } from './programs.ts';
import { reading } from './reading.ts';
import { REFUSED } from './refused.ts';
import { SAID_DATA } from './said-data.ts';
import { SAID_FIELD } from './said-field.ts';
import { SAID_LIMITS } from './said-limits.ts';
import { SAID_NETWORK } from './said-network.ts';
import { SAID_TRUST } from './said-trust.ts';
import { SERVICES } from './services.ts';
import { SETTINGS } from './settings.ts';
import { Signs } from './signs.ts';
import { STORAGE } from './storage.ts';
import { WORKERS } from './workers.ts';

/** All of them, the most specific first: of two that are equally sure the earlier one explains the later. */
export const KNOWN_CAUSES: readonly KnownCause[] = [
  ...MACHINE,
  ...ARRAYS,
  ...PACKET_LOG,
  ...REFUSED,
  ...SETTINGS,
  ...SAID_LIMITS,
  ...CLASH,
  ...STORAGE,
  ...DOUBT_CAUSES,
  ...EDGE,
  ...SAID_FIELD,
  ...DATABASES,
  ...SAID_DATA,
  ...NETWORK,
  ...SAID_TRUST,
  ...SAID_NETWORK,
  ...BENEATH,
  ...PROCESSES,
  ...MEMORY,
  ...WORKERS,
  reading,
  ...SERVICES,
];

/** A known cause that the evidence shows. */
export interface Shown extends Found {
  readonly id: string;
  readonly class: string;
}

const SURE = ['decisive', 'likely', 'open'];

/** The known causes that the evidence shows, the surest first. */
export function shownCauses(evidence: Evidence): readonly Shown[] {
  const signs = new Signs(evidence);
  const found = KNOWN_CAUSES.flatMap(({ last, ...one }) => (last === true ? [] : shown(one, signs)));
  const all =
    found.length > 0 ? found : KNOWN_CAUSES.flatMap(({ last, ...one }) => (last === true ? shown(one, signs) : []));
  return all
    .sort((a, b) => Number(a.isInnocent) - Number(b.isInnocent) || SURE.indexOf(a.sure) - SURE.indexOf(b.sure))
    .map(({ isInnocent: _, ...one }) => one);
}

function shown({ id, class: of, find }: KnownCause, signs: Signs) {
  const found = find(signs);
  if (found === null || found.evidence.length === 0) return [];
  const isInnocent = found.elsewhere !== true && found.commands.some((one) => actsOnLittle(one.command, signs));
  const kept = withoutVital(isInnocent ? onlyLooking(found, signs) : found, signs.evidence);
  return [{ ...kept, id, class: of, isInnocent }];
}

const ACTS = /^(?:systemctl (?:restart|stop|kill)|kill -\w+) (\S+)$/;

/** Whether a command ends or restarts what holds so little that memory would be as short afterwards. */
function actsOnLittle(command: string, signs: Signs): boolean {
  const target = ACTS.exec(command)?.[1];
  if (target === undefined) return false;
  const targets = signs.processes.filter(
    (one) => String(one.process.pid) === target || unitRunning(one, [target]) === target,
  );
  return targets.length > 0 && holdLittle(signs.evidence, targets);
}

/** Whatever else is wrong with a thing that holds little, it is not why memory is short: it is looked at, and no more. */
const onlyLooking = (found: Found, signs: Signs): Found => ({
  ...found,
  commands: found.commands.filter(({ command }) => !actsOnLittle(command, signs)),
  sure: 'open',
  person: true,
});

/** What the host can't do without is never ended or slowed down, whatever it uses: then a person is needed. */
function withoutVital(found: Found, { entities }: Evidence): Found {
  const vital = entities
    .filter(({ process }) => process !== undefined && VITAL.has(process.comm))
    .map(({ value }) => value);
  const commands = found.commands.filter(
    ({ command }) => !/^(?:kill|renice) /.test(command) || !vital.includes(command.slice(command.lastIndexOf(' ') + 1)),
  );
  return commands.length === found.commands.length ? found : { ...found, commands, person: true };
}
