import { generateKeyPairSync } from 'node:crypto';
import { encodeCbor } from '../../../broker/cbor.ts';
import { readJoinToken } from '../../../broker/join-token.ts';
import type { KeyPair } from '../../../broker/keys.ts';
import { seal } from '../../../broker/signed.ts';
import type { Admission, Enrollment } from '../../../hub/site/enrollment.ts';
import { isDue, LIFETIME } from '../../../hub/site/site-ca.ts';

/** How an agent came to belong to its site, and stays: a join token once, then a certificate that it renews in its last third. */
export class Membership {
  /** Key of its telemetry's MAC. */
  mac: Uint8Array = new Uint8Array();
  serial = '';
  notAfter = 0;
  renewals = 0;
  private readonly agent: string;
  private readonly key: KeyPair;
  private site = '';

  constructor(agent: string, key: KeyPair) {
    this.agent = agent;
    this.key = key;
  }

  async join(enrollment: Enrollment): Promise<void> {
    const token = readJoinToken(await enrollment.issueToken(this.agent, '127.0.0.1:8884', 24, 'ann'));
    this.site = token.site;
    this.take(await enrollment.join(token.secret, this.request()));
  }

  /** Renews where it is time by this clock; says whether it did. */
  async renew(enrollment: Enrollment, now: number): Promise<boolean> {
    if (!isDue(this.notAfter - LIFETIME.agent, this.notAfter, now)) return false;
    this.take(await enrollment.renew({ agent: this.agent, serial: this.serial }, this.request()));
    this.renewals++;
    return true;
  }

  private take({ certificate, mac }: Admission): void {
    this.mac = mac;
    this.serial = certificate.serial;
    this.notAfter = certificate.notAfter;
  }

  /** Each time with a new TLS key, signed by the key that signs all it says. */
  private request(): Uint8Array {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const tls_key = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
    const { site, agent, key } = this;
    return seal('enroll', encodeCbor({ site, agent, key: key.public, tls_key }), key);
  }
}
