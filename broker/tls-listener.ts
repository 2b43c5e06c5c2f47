import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createSecureServer, type TLSSocket } from 'node:tls';
import type { Admission } from './admission.ts';
import { BROKER } from './broker-limits.ts';
import type { LoopTurns } from './loop-turns.ts';

/** PEM each: the server's certificate and key, and the CA by which clients' certificates are checked. */
export interface TlsMaterial {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** The certificate that a client has proved to hold the key of: its name, and its serial number in upper-case hex. */
export interface Certificate {
  readonly name: string;
  readonly serial: string;
}

/** TLS 1.3 and a certificate of the site's CA, or no connection. */
const contextOf = (tls: TlsMaterial) => ({ ...tls, minVersion: 'TLSv1.3' as const });

/** TCP's own keep-alive, by which what is dead is found. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: BROKER.keepAliveMs } as const;

/** The listener, and how it takes new material for connections that come from now on. */
export interface TlsListener {
  readonly server: Server;
  renew(tls: TlsMaterial): void;
}

/**
 * A listener on which nobody is anonymous: `accept` gets those whose certificate the CA has issued. Handshakes under way
 * count as connections that have not yet said who they are, since each costs more than a socket, and they are begun a
 * few in a turn: until then the connection is not read.
 */
export function tlsListener(
  tls: TlsMaterial,
  parts: { readonly admission: Admission; readonly turns: LoopTurns },
  refused: (why: 'busy' | 'tls') => void,
  accept: (socket: TLSSocket, certificate: Certificate) => void,
): TlsListener {
  const places = new Map<string, () => void>();
  const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  // It listens nowhere: connections are handed to it (tls.Server's event 'connection').
  const secure = createSecureServer(
    { ...contextOf(tls), requestCert: true, rejectUnauthorized: true, handshakeTimeout: BROKER.connectMs },
    (socket) => {
      places.get(nameOf(socket))?.();
      const { subject, serialNumber } = socket.getPeerCertificate();
      accept(socket, { name: String(subject.CN), serial: serialNumber.replace(/^0+/, '') });
    },
  );
  secure.on('tlsClientError', (_error, socket) => {
    refused('tls');
    socket.destroy();
  });
  const server = createServer({ pauseOnConnect: true, ...KEEP_ALIVE }, (raw) => {
    const name = nameOf(raw);
    const leave = parts.admission.enter(raw.remoteAddress ?? '');
    raw.on('error', () => raw.destroy());
    if (leave === null) {
      refused('busy');
      raw.destroy();
      return;
    }
    places.set(name, leave);
    raw.once('close', () => {
      leave();
      if (places.get(name) === leave) places.delete(name);
    });
    parts.turns.queue(() => {
      if (raw.destroyed) return false;
      secure.emit('connection', raw);
      return true;
    });
  });
  return { server, renew: (next) => secure.setSecureContext(contextOf(next)) };
}
