import 'reflect-metadata';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** Every certificate of a site: P-256 with SHA-256, which each TLS library and each broker speaks. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const DAY = 86_400_000;
/** How long certificates hold. The CA outlives the plant's machines; the others are renewed in their last third. */
export const LIFETIME = { ca: 20 * 365 * DAY, server: 397 * DAY, agent: 90 * DAY } as const;
/** Hosts without a time source may be behind by so much when they get their certificate. */
const CLOCK_SLACK = DAY;

/** Whether a certificate is in its last third, when it is renewed. Times in milliseconds. */
export const isDue = (notBefore: number, notAfter: number, now: number): boolean =>
  now > notAfter - (notAfter - notBefore) / 3;

/** A certificate that the site CA has issued. */
export interface Issued {
  readonly der: Uint8Array;
  readonly pem: string;
  /** Upper-case hex without leading zeros, as Node's TLS shows it. */
  readonly serial: string;
  readonly notAfter: number;
}

export class CertificateError extends Error {
  readonly code = 'E_CERTIFICATE_KEY';
}

/**
 * A site's certificate authority (X.509). It says who may connect and nothing else: what is obeyed or believed is signed by
 * other keys. So it lies on the hub, which issues and renews without a person.
 */
export class SiteCa {
  /** PEM of the CA's certificate. */
  readonly certificate: string;
  private readonly root: x509.X509Certificate;
  private readonly key: webcrypto.CryptoKey;

  private constructor(key: webcrypto.CryptoKey, root: x509.X509Certificate) {
    this.key = key;
    this.root = root;
    this.certificate = `${root.toString('pem')}\n`;
  }

  /** Makes a CA for a site; answers its PKCS #8 key and its certificate as PEM. */
  static async make(site: string, now: number): Promise<{ readonly key: string; readonly certificate: string }> {
    const pair = newTlsKey();
    const keys = { privateKey: await signingKey(pair.privateKey), publicKey: await verifyingKey(pair.publicKey) };
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: [{ CN: [`Sentinel CA of ${site}`] }],
      notBefore: new Date(now - CLOCK_SLACK),
      notAfter: new Date(now + LIFETIME.ca),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return { key: pemOf(pair.privateKey), certificate: `${certificate.toString('pem')}\n` };
  }

  /** Opens a CA from its key and certificate; throws when they can't be read. */
  static async open(key: KeyObject, certificate: string): Promise<SiteCa> {
    return new SiteCa(await signingKey(key), new x509.X509Certificate(certificate));
  }

  /** SHA-256 of the certificate's DER: what join tokens pin. */
  get fingerprint(): Uint8Array {
    return new Uint8Array(createHash('sha256').update(new Uint8Array(this.root.rawData)).digest());
  }

  /** A certificate with which an agent connects: CN = its id. `spki` is the DER of a P-256 public key. */
  issueAgent(agent: string, spki: Uint8Array, now: number, lifetime: number = LIFETIME.agent): Promise<Issued> {
    return this.issue(agent, readTlsKey(spki), x509.ExtendedKeyUsage.clientAuth, [], now, lifetime);
  }

  /** A certificate for the hub's listeners, under each of the addresses (names or IPs) by which it is reached. */
  issueServer(addresses: readonly string[], key: KeyObject, now: number): Promise<Issued> {
    const names = addresses.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }));
    const extensions = [new x509.SubjectAlternativeNameExtension(names)];
    return this.issue('hub', key, x509.ExtendedKeyUsage.serverAuth, extensions, now, LIFETIME.server);
  }

  private async issue(
    name: string,
    key: KeyObject,
    usage: x509.ExtendedKeyUsage,
    extensions: readonly x509.Extension[],
    now: number,
    lifetime: number,
  ): Promise<Issued> {
    const notAfter = Math.min(now + lifetime, this.root.notAfter.getTime());
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: [{ CN: [name] }],
      issuer: this.root.subjectName,
      notBefore: new Date(now - CLOCK_SLACK),
      notAfter: new Date(notAfter),
      signingKey: this.key,
      publicKey: await verifyingKey(key),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...extensions,
        await x509.AuthorityKeyIdentifierExtension.create(this.root),
      ],
    });
    return {
      der: new Uint8Array(certificate.rawData),
      pem: `${certificate.toString('pem')}\n`,
      serial: certificate.serialNumber.toUpperCase().replace(/^0+/, ''),
      notAfter,
    };
  }
}

export const newTlsKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

export const pemOf = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();

/** 127 random bits: positive, and never the same twice (RFC 5280 section 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  // The first bit is the sign, and a first byte of zero would be left out of the encoding.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** Reads a public key that came from outside; throws CertificateError unless it is one on P-256. */
function readTlsKey(spki: Uint8Array): KeyObject {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // Said below.
  }
  throw new CertificateError('the TLS key must be on the curve P-256');
}

const signingKey = (key: KeyObject) =>
  webcrypto.subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), ALGORITHM, true, ['sign']);
const verifyingKey = (key: KeyObject) =>
  webcrypto.subtle.importKey('spki', key.export({ format: 'der', type: 'spki' }), ALGORITHM, true, ['verify']);
