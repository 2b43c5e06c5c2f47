import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { decodeCbor } from '../../broker/cbor.ts';
import type { Enrolled, Site } from '../../broker/enroll.ts';
import { enrollment as enrollmentShape, type Enrollment as Request } from '../../broker/join-protocol.ts';
import { writeJoinToken } from '../../broker/join-token.ts';
import type { KeyPair } from '../../broker/keys.ts';
import { open, peek } from '../../broker/signed.ts';
import { ID } from '../../broker/topics.ts';
import { appendAudit } from '../chain/audit.ts';
import type { Store } from '../store/store.ts';
import { readTools } from '../tools/tools.ts';
import type { Issued, SiteCa } from './site-ca.ts';

/** A token that lies about is worth something for so long: a day unless the admin says otherwise, a month at most. */
export const TOKEN_HOURS = { usual: 24, most: 720 } as const;

/** Why a host is not enrolled or may not renew. The code goes to whoever asked; it tells no more than they knew. */
export class EnrollError extends Error {
  readonly code:
    | 'E_ENROLL_AGENT'
    | 'E_ENROLL_REFUSED'
    | 'E_TOKEN_EXPIRED'
    | 'E_TOKEN_USED'
    | 'E_CERTIFICATE_REVOKED'
    | 'E_ENROLL_KEY';
  constructor(code: EnrollError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** What an agent gets when it is let in, and when it renews. */
export interface Admission {
  readonly certificate: Issued;
  readonly mac: Uint8Array;
}

export interface EnrollmentOptions {
  readonly store: Store;
  readonly site: Pick<Site, 'name' | 'root'>;
  /** The agents that may speak, which the whole hub looks at: kept up to date here. */
  readonly agents: Map<string, Enrolled>;
  readonly ca: SiteCa;
  /** 256 random bits that never leave the hub: each agent's MAC key derives from them. */
  readonly macSecret: Uint8Array;
  /** The hub's order key, which signs the audit chain. */
  readonly key: KeyPair;
  readonly now: () => number;
  /** Hears of an agent that may connect with other certificates now, or (null) with none. */
  readonly changed: (agent: string, enrolled: Enrolled | null) => void;
}

/**
 * Who belongs to the site: join tokens, certificates, and what ends them. Each change is one transaction with its audit
 * record. An agent's certificates are a list of what is good; so what was never on it, or is taken off, is refused.
 */
export class Enrollment {
  private readonly options: EnrollmentOptions;

  /** Takes in what an earlier hub has enrolled. */
  constructor(options: EnrollmentOptions) {
    this.options = options;
    for (const { key: agent, value } of options.store.enrolled.getRange({})) {
      if (value.revoked === null) options.agents.set(agent, this.enrolledOf(agent, value));
    }
  }

  /** A one-time token for a host, `at` being HOST:PORT of the door. Its hash is kept; an earlier one is void. */
  async issueToken(agent: string, at: string, hours: number, by: string): Promise<string> {
    const { store, site, ca, now, key, agents } = this.options;
    if (!ID.test(agent) || agent === 'hub') throw new EnrollError('E_ENROLL_AGENT', `${agent} is no agent's name`);
    if (agents.has(agent) && agents.get(agent)?.serials === undefined) {
      throw new EnrollError('E_ENROLL_AGENT', `${agent} is the hub's own host: it needs no token`);
    }
    if (readTools(store).some(({ name }) => name === agent)) {
      throw new EnrollError(
        'E_ENROLL_AGENT',
        `${agent} is a tool of this site: both would be one identity to a broker`,
      );
    }
    const secret = new Uint8Array(randomBytes(32));
    const expires = now() + hours * 3_600_000;
    await store.write(() => {
      void store.tokens.put(agent, { hash: hashOf(secret), expires, by, used: null });
      appendAudit(store, key, { kind: 'agent.token', incident: null, actor: by, data: { agent, expires } }, now());
    });
    return writeJoinToken({ site: site.name, agent, root: site.root, ca: ca.fingerprint, secret, at, expires });
  }

  /** A certificate in a tool's name, with the CA's behind it: whoever takes the tool on remembers its serial number. */
  async issueTool(name: string, tlsKey: Uint8Array): Promise<{ readonly pem: string; readonly serial: string }> {
    const { ca, now } = this.options;
    const { pem, serial } = await ca.issueAgent(name, tlsKey, now());
    return { pem: pem + ca.certificate, serial };
  }

  /**
   * Enrols the host that shows its token's secret. A second try with the same key is answered again: the first answer
   * may have been lost. With any other key the token is used up.
   */
  async join(secret: Uint8Array, signed: Uint8Array): Promise<Admission> {
    const { store, now, key } = this.options;
    const request = this.read(signed);
    const { agent } = request;
    const owner = hexOf(request.key);
    const check = () => {
      const token = store.tokens.get(agent);
      if (token === undefined || !timingSafeEqual(Buffer.from(token.hash, 'hex'), Buffer.from(hashOf(secret), 'hex')))
        return new EnrollError('E_ENROLL_REFUSED', `no such token for ${agent}`);
      if (token.expires <= now()) return new EnrollError('E_TOKEN_EXPIRED', 'the token has expired: ask for another');
      if (token.used !== null && token.used !== owner)
        return new EnrollError('E_TOKEN_USED', 'the token was used already: if not by you, revoke that agent');
      return token;
    };
    const early = check();
    if (early instanceof EnrollError) throw early;
    const certificate = await this.options.ca.issueAgent(agent, request.tls_key, now());
    const outcome = await store.write(() => {
      // Looked at again: two may have come at the same time.
      const token = check();
      if (token instanceof EnrollError) return token;
      const record = {
        key: request.key,
        certificates: [{ serial: certificate.serial, not_after: certificate.notAfter }],
        since: now(),
        by: token.by,
        revoked: null,
      };
      void store.tokens.put(agent, { ...token, used: owner });
      void store.enrolled.put(agent, record);
      const data = { agent, key: owner, serial: certificate.serial, not_after: certificate.notAfter };
      appendAudit(store, key, { kind: 'agent.enrolled', incident: null, actor: token.by, data }, now());
      return record;
    });
    if (outcome instanceof EnrollError) throw outcome;
    this.admit(agent, outcome);
    return { certificate, mac: this.macOf(agent, request.key) };
  }

  /** A new certificate for who holds a good one *and* the agent's signing key: a stolen certificate does not renew. */
  async renew(shown: { readonly agent: string; readonly serial: string }, signed: Uint8Array): Promise<Admission> {
    const { store, now, key } = this.options;
    const request = this.read(signed);
    const { agent } = request;
    const known = store.enrolled.get(agent);
    const isGood = known?.revoked === null && known.certificates.some(({ serial }) => serial === shown.serial);
    if (known === undefined || shown.agent !== agent || !isGood)
      throw new EnrollError('E_CERTIFICATE_REVOKED', `this certificate of ${shown.agent} is not good any more`);
    if (hexOf(known.key) !== hexOf(request.key))
      throw new EnrollError('E_ENROLL_KEY', `${agent} was enrolled with another key: it needs a new token`);
    const certificate = await this.options.ca.issueAgent(agent, request.tls_key, now());
    // The old one stays good until the next renewal, since the answer may be lost; what is older goes.
    const certificates = [
      ...known.certificates.filter(({ serial }) => serial === shown.serial),
      { serial: certificate.serial, not_after: certificate.notAfter },
    ];
    const record = await store.write(() => {
      const present = store.enrolled.get(agent);
      if (present?.revoked !== null) return null;
      const renewed = { ...present, certificates };
      void store.enrolled.put(agent, renewed);
      const data = { agent, serial: certificate.serial, not_after: certificate.notAfter };
      appendAudit(store, key, { kind: 'agent.renewed', incident: null, actor: agent, data }, now());
      return renewed;
    });
    if (record === null) throw new EnrollError('E_CERTIFICATE_REVOKED', `${agent} was revoked`);
    this.admit(agent, record);
    return { certificate, mac: this.macOf(agent, request.key) };
  }

  /** From now on no certificate of this agent is good, its connection is cut, and nothing that it signs is believed. */
  async revoke(agent: string, by: string): Promise<void> {
    const { store, now, key, agents, changed } = this.options;
    const known = store.enrolled.get(agent);
    const token = store.tokens.get(agent);
    if ((known === undefined || known.revoked !== null) && token === undefined)
      throw new EnrollError('E_ENROLL_AGENT', `${agent} is not enrolled`);
    await store.write(() => {
      const present = store.enrolled.get(agent);
      if (present?.revoked === null) void store.enrolled.put(agent, { ...present, certificates: [], revoked: now() });
      void store.tokens.remove(agent);
      const data = { agent, serials: present?.certificates.map(({ serial }) => serial) ?? [] };
      appendAudit(store, key, { kind: 'agent.revoked', incident: null, actor: by, data }, now());
    });
    agents.delete(agent);
    changed(agent, null);
  }

  private admit(agent: string, record: EnrolledRecord): void {
    const enrolled = this.enrolledOf(agent, record);
    this.options.agents.set(agent, enrolled);
    this.options.changed(agent, enrolled);
  }

  private enrolledOf(agent: string, { key, certificates }: EnrolledRecord): Enrolled {
    // The store hands out Buffers.
    return {
      key: Uint8Array.from(key),
      secretHash: this.macOf(agent, key),
      serials: certificates.map(({ serial }) => serial),
    };
  }

  /** Bound to the agent's key, so that one enrolled anew under an old name has another. */
  private macOf(agent: string, key: Uint8Array): Uint8Array {
    const mac = createHmac('sha256', this.options.macSecret).update(`sentinel-mac/${agent}/`).update(key);
    return new Uint8Array(mac.digest());
  }

  private read(signed: Uint8Array): Request {
    const claimed = enrollmentShape(decodeCbor(peek(signed)), '');
    open('enroll', signed, claimed.key);
    if (claimed.site !== this.options.site.name)
      throw new EnrollError('E_ENROLL_REFUSED', `this is not the site ${claimed.site}`);
    return claimed;
  }
}

/** One enrolled agent as the store keeps it: nothing of it is secret. */
export interface EnrolledRecord {
  /** Raw Ed25519 public key. */
  readonly key: Uint8Array;
  readonly certificates: readonly { readonly serial: string; readonly not_after: number }[];
  readonly since: number;
  /** The admin who issued its token. */
  readonly by: string;
  readonly revoked: number | null;
}

/** One join token as the store keeps it. */
export interface TokenRecord {
  /** SHA-256 of its secret, in hex. */
  readonly hash: string;
  readonly expires: number;
  readonly by: string;
  /** The key of the agent that has used it, in hex. */
  readonly used: string | null;
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const hashOf = (secret: Uint8Array): string => createHash('sha256').update(secret).digest('hex');
