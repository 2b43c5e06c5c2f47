import type { Operator } from '../../broker/roster.ts';
import { bool, bytes, type Infer, int, maybe, oneOf, pattern, record } from '../../broker/shape.ts';
import { ID } from '../../broker/topics.ts';
import type { Admin } from '../acts/admin.ts';
import type { Hub } from '../hub.ts';
import { ActError } from '../steps/approve.ts';

/** Taking a tool on, over the local acting socket. The hub learns the hash of a secret, never it. */
export const toolRequest = record({
  tx: int(1),
  verb: oneOf('tool'),
  name: pattern(ID, 'a tool’s name: a-z, 0-9 and dashes, at most 48'),
  secret_sha256: maybe(pattern(/^[0-9a-f]{64}$/, '64 hex digits')),
  evidence: maybe(bool),
  sys: maybe(bool),
  /** DER of its TLS key's public half: with it the answer holds a certificate, and behind it the CA's. */
  tls_key: maybe(bytes(512)),
});
export type ToolRequest = Infer<typeof toolRequest>;
export type ToolAct = Omit<ToolRequest, 'tx'>;

export const isToolRequest = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'verb' in value && value.verb === 'tool';

/** An admin's alone: who may listen sees every host of the site. Answers the certificate that was asked for, as PEM. */
export async function toolAct(
  hub: Hub,
  { enrolling }: Pick<Admin, 'enrolling'>,
  operator: Operator,
  asked: ToolRequest,
): Promise<string | null> {
  if (operator.role !== 'admin') throw new ActError('E_ACT_ROLE', `${operator.name} is no admin`);
  const { name, secret_sha256, evidence = false, sys = false, tls_key } = asked;
  if (secret_sha256 === undefined) throw new ActError('E_ACT_MISMATCH', 'a tool needs a secret');
  const issued = tls_key === undefined ? null : await enrolling?.enrollment.issueTool(name, tls_key);
  const serial = issued == null ? {} : { serial: issued.serial };
  await hub.tools.put({ name, secret_sha256, evidence, sys, since: hub.now(), by: operator.name, ...serial });
  return issued?.pem ?? null;
}

/** Its connections are cut, and its secret opens nothing any more. */
export async function revokeTool(hub: Hub, operator: Operator, name: string): Promise<void> {
  if (operator.role !== 'admin') throw new ActError('E_ACT_ROLE', `${operator.name} is no admin`);
  return hub.tools.remove(name, operator.name);
}
