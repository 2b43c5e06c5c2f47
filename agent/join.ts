import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { encodeCbor } from '../broker/cbor.ts';
import { writeDurably } from '../broker/durable-file.ts';
import { keepKey, keyFile } from '../broker/enroll.ts';
import { Framed } from '../broker/framed.ts';
import { type EnrollAnswer, enrollAnswer } from '../broker/join-protocol.ts';
import type { JoinToken } from '../broker/join-token.ts';
import { type KeyPair, readKeyPair } from '../broker/keys.ts';
import { openRoster } from '../broker/roster.ts';
import { seal } from '../broker/signed.ts';
import { prepareFolder, type StateFolder } from '../broker/state-folder.ts';
import { hashOfSecret, type Joined, readJoined, writeJoined } from './identity.ts';

/** A hub behind a slow link answers within this; a later answer finds nobody. */
const ANSWER_MS = 30_000;

/** Why this host did not join or renew. */
export class JoinError extends Error {
  readonly code: 'E_JOIN_CA' | 'E_JOIN_UNREACHABLE' | 'E_JOIN_REFUSED' | 'E_JOIN_ANSWER' | 'E_TOKEN_EXPIRED';
  constructor(code: JoinError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Makes this host an agent of the token's site: makes its keys, gets its certificate, and keeps both. Its private keys never
 * leave it. Does nothing when it has joined with this token before. Throws JoinError, StateError or SignatureError.
 */
export async function joinSite(state: StateFolder, token: JoinToken, now: number): Promise<Joined> {
  prepareFolder(state);
  const before = readJoined(state);
  if (before?.token === hashOfSecret(token.secret)) return before;
  if (token.expires <= now) throw new JoinError('E_TOKEN_EXPIRED', 'the token has expired: ask for another');
  const ca = await fetchCa(token.at, token.ca);
  const key = keepKey(keyFile.agent(state, token.agent));
  const tlsKey = newTlsKey();
  const said = await ask(token.at, { ca }, 'join', requestOf(token, key, tlsKey), token.secret);
  const { certificate, mac, roster, broker_port } = said;
  if (mac === undefined || roster === undefined || broker_port === undefined)
    throw new JoinError('E_JOIN_ANSWER', 'the hub’s answer is not whole');
  // Not only the CA that was pinned but the site root too must vouch for who answers.
  openRoster(roster, token.root);
  const joined: Joined = {
    version: 1,
    site: token.site,
    agent: token.agent,
    root: hexOf(token.root),
    token: hashOfSecret(token.secret),
    at: token.at,
    broker: `mqtts://${token.at.slice(0, token.at.lastIndexOf(':'))}:${broker_port}`,
    mac: hexOf(mac),
    ca,
    certificate: checked(certificate, token.agent, tlsKey, ca),
    tls_key: pemOf(tlsKey),
  };
  writeDurably(state.roster, roster);
  writeJoined(state, joined);
  return joined;
}

/** Gets a new certificate over a connection with the present one, and keeps it. Throws JoinError. */
export async function renew(state: StateFolder, joined: Joined): Promise<Joined> {
  const { agent, at, ca } = joined;
  const key = readKeyPair(keyFile.agent(state, agent));
  const tlsKey = newTlsKey();
  const present = { ca, cert: joined.certificate, key: joined.tls_key };
  const said = await ask(at, present, 'renew', requestOf(joined, key, tlsKey));
  const renewed = {
    ...joined,
    certificate: checked(said.certificate, agent, tlsKey, ca),
    tls_key: pemOf(tlsKey),
    mac: said.mac === undefined ? joined.mac : hexOf(said.mac),
  };
  writeJoined(state, renewed);
  return renewed;
}

function requestOf(who: { readonly site: string; readonly agent: string }, key: KeyPair, tlsKey: KeyObject) {
  const { site, agent } = who;
  const spki = new Uint8Array(publicOf(tlsKey));
  return seal('enroll', encodeCbor({ site, agent, key: key.public, tls_key: spki }), key);
}

/**
 * The site CA's certificate, as the hub shows it in its chain: taken only when it has the hash that the token pins. Nothing
 * is said on this connection; the next one is checked by TLS itself against that CA.
 */
function fetchCa(at: string, pin: Uint8Array): Promise<string> {
  return visit(at, { rejectUnauthorized: false }, (socket, done, fail) => {
    // Before any other look at the certificate: Node gives the chain once.
    const { issuerCertificate } = socket.getPeerCertificate(true);
    const raw: Buffer | undefined = issuerCertificate?.raw;
    const hash = raw === undefined ? null : createHash('sha256').update(raw).digest();
    if (raw === undefined || hash === null || !hash.equals(pin)) {
      fail(new JoinError('E_JOIN_CA', `who answers at ${at} is not the hub that the token is for`));
      return;
    }
    done(`${new X509Certificate(raw).toString().trim()}\n`);
  });
}

async function ask(
  at: string,
  tls: ConnectionOptions,
  verb: 'join' | 'renew',
  signed: Uint8Array,
  secret?: Uint8Array,
): Promise<EnrollAnswer> {
  const said = await visit<EnrollAnswer>(at, tls, (socket, done, fail) => {
    const link = new Framed(socket);
    link.on('message', (value) => {
      try {
        done(enrollAnswer(value, ''));
      } catch (error) {
        fail(new JoinError('E_JOIN_ANSWER', error instanceof Error ? error.message : String(error)));
      }
    });
    link.send({ verb, signed, ...(secret === undefined ? {} : { secret }) });
  });
  if (said.ok === 'no') {
    throw new JoinError('E_JOIN_REFUSED', `the hub says ${said.code ?? 'no'}: ${said.message ?? 'refused'}`);
  }
  return said;
}

/** One TLS 1.3 connection to the door; it ends when the visitor is done or has failed. */
function visit<T>(
  at: string,
  tls: ConnectionOptions,
  visitor: (socket: TLSSocket, done: (value: T) => void, fail: (error: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const port = Number(at.slice(at.lastIndexOf(':') + 1));
    const socket = connect({ host: hostOf(at), port, minVersion: 'TLSv1.3', ...tls });
    const end = (finish: () => void) => {
      clearTimeout(late);
      socket.destroy();
      finish();
    };
    const fail = (error: Error) => end(() => reject(error));
    const unreachable = (why: string) =>
      fail(new JoinError('E_JOIN_UNREACHABLE', `can't enrol at ${at}: ${why}. Is the hub running, and its port open?`));
    const late = setTimeout(() => unreachable('no answer'), ANSWER_MS);
    socket.once('secureConnect', () => visitor(socket, (value) => end(() => resolve(value)), fail));
    socket.on('error', (error) => unreachable(error.message));
    socket.on('close', () => unreachable('the hub closed the connection'));
  });
}

/** The certificate as PEM, if it is for this agent and this key and by this CA. */
function checked(der: Uint8Array | undefined, agent: string, tlsKey: KeyObject, ca: string): string {
  try {
    const certificate = new X509Certificate(der ?? new Uint8Array());
    const isOurs =
      certificate.subject === `CN=${agent}` &&
      certificate.verify(new X509Certificate(ca).publicKey) &&
      certificate.checkPrivateKey(tlsKey);
    if (isOurs) return certificate.toString();
  } catch {
    // Said below.
  }
  throw new JoinError('E_JOIN_ANSWER', 'the hub’s answer does not hold a certificate for this agent');
}

const newTlsKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const pemOf = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();

function publicOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' });
}

/** The host of HOST:PORT; an IPv6 address stands in brackets. */
const hostOf = (at: string): string => at.slice(0, at.lastIndexOf(':')).replace(/^\[|\]$/g, '');
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
