import { type Enrolled, sameSecret } from './enroll.ts';
import type { Certificate } from './tls-listener.ts';

/** What a client says at CONNECT, and what TLS has proved about it before; null on the listener without TLS. */
export interface LoginTry {
  readonly id: string;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  readonly certificate: Certificate | null;
}

/**
 * Whether a client is who it says: its MQTT client id is its identity, which its certificate proves, or on the hub's own host
 * its secret. An agent has one of the two, so a certificate's name can't be used with a guessed secret.
 */
export function isGoodLogin(login: LoginTry, agents: ReadonlyMap<string, Enrolled>): boolean {
  const { id, username, password, certificate } = login;
  if (certificate !== null) return (username ?? id) === id && isGoodCertificate(id, certificate, agents);
  const enrolled = agents.get(id);
  if (enrolled === undefined || enrolled.serials !== undefined || username !== id) return false;
  return sameSecret(password?.toString('utf8') ?? '', enrolled.secretHash);
}

/** Whether this certificate is one of those that are good for this agent now; null is that of an agent without one. */
export function isGoodCertificate(
  agent: string,
  certificate: Certificate | null,
  agents: ReadonlyMap<string, Enrolled>,
): boolean {
  const enrolled = agents.get(agent);
  if (certificate === null) return enrolled !== undefined && enrolled.serials === undefined;
  return certificate.name === agent && enrolled?.serials?.includes(certificate.serial) === true;
}
