import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Admission } from './admission.ts';
import { BROKER } from './broker-limits.ts';

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

/** New material for connections that come from now on. */
export const renewContext = (server: Server, tls: TlsMaterial): void => server.setSecureContext(contextOf(tls));

/**
 * A listener on which nobody is anonymous: `accept` gets those whose certificate the CA has issued. Handshakes under way
 * count as connections that have not yet said who they are, since each costs more than a socket.
 */
export function tlsListener(
  tls: TlsMaterial,
  admission: Admission,
  refused: (why: 'busy' | 'tls') => void,
  accept: (socket: TLSSocket, certificate: Certificate) => void,
): Server {
  const places = new Map<string, () => void>();
  const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  const server = createServer(
    { ...contextOf(tls), requestCert: true, rejectUnauthorized: true, handshakeTimeout: BROKER.connectMs },
    (socket) => {
      places.get(nameOf(socket))?.();
      const { subject, serialNumber } = socket.getPeerCertificate();
      accept(socket, { name: String(subject.CN), serial: serialNumber.replace(/^0+/, '') });
    },
  );
  server.on('connection', (raw: Socket) => {
    const name = nameOf(raw);
    const leave = admission.enter(raw.remoteAddress ?? '');
    if (leave === null) {
      refused('busy');
      raw.destroy();
      return;
    }
    raw.setKeepAlive(true, BROKER.keepAliveMs);
    places.set(name, leave);
    raw.once('close', () => {
      leave();
      if (places.get(name) === leave) places.delete(name);
    });
  });
  server.on('tlsClientError', (_error, socket) => {
    refused('tls');
    socket.destroy();
  });
  return server;
}
