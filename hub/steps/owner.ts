import type { Hub } from '../hub.ts';

/** The named person whom an incident waits for: the first admin on the roster, or the first who may approve. */
export function ownerOf(hub: Hub): string {
  const { operators } = hub.roster;
  const able = operators.find(({ role }) => role === 'admin') ?? operators.find(({ role }) => role === 'approver');
  return able?.name ?? 'nobody';
}
