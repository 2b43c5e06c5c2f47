import type { Operator } from '../broker/roster.ts';
import { bool, type Infer, int, maybe, oneOf, pattern, record } from '../broker/shape.ts';
import { ID } from '../broker/topics.ts';
import type { Hub } from './hub.ts';
import { ActError } from './steps/approve.ts';

/** Taking a tool on, over the local acting socket. The hub learns the hash of a secret, never it. */
export const toolRequest = record({
  tx: int(1),
  verb: oneOf('tool'),
  name: pattern(ID, 'a tool’s name: a-z, 0-9 and dashes, at most 48'),
  secret_sha256: maybe(pattern(/^[0-9a-f]{64}$/, '64 hex digits')),
  evidence: maybe(bool),
  sys: maybe(bool),
});
export type ToolRequest = Infer<typeof toolRequest>;
export type ToolAct = Omit<ToolRequest, 'tx'>;

export const isToolRequest = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'verb' in value && value.verb === 'tool';

/** An admin's alone: who may listen sees every host of the site. */
export async function toolAct(hub: Hub, operator: Operator, asked: ToolRequest): Promise<void> {
  if (operator.role !== 'admin') throw new ActError('E_ACT_ROLE', `${operator.name} is no admin`);
  const { name, secret_sha256, evidence = false, sys = false } = asked;
  if (secret_sha256 === undefined) throw new ActError('E_ACT_MISMATCH', 'a tool needs a secret');
  return hub.tools.put({ name, secret_sha256, evidence, sys, since: hub.now(), by: operator.name });
}

/** Its connections are cut, and its secret opens nothing any more. */
export async function revokeTool(hub: Hub, operator: Operator, name: string): Promise<void> {
  if (operator.role !== 'admin') throw new ActError('E_ACT_ROLE', `${operator.name} is no admin`);
  return hub.tools.remove(name, operator.name);
}
