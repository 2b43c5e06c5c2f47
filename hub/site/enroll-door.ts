import { createServer, type TLSSocket } from 'node:tls';
import { Framed } from '../../broker/framed.ts';
import { type EnrollAnswer, enrollRequest } from '../../broker/join-protocol.ts';
import type { TlsMaterial } from '../../broker/tls-listener.ts';
import type { Admission, Enrollment } from './enrollment.ts';

/** From the connection to the answer: an issued certificate takes milliseconds, a slow link seconds. */
const VISIT_MS = 20_000;
/** Visitors at once; hosts join seldom, and each holds a socket for as long as a visit may last. */
const VISITORS = 128;

export interface DoorOptions {
  /** Absent: every address of this machine. */
  readonly host: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls: TlsMaterial;
  readonly enrollment: Enrollment;
  /** The roster in force, as the site root signed it. */
  readonly roster: () => Uint8Array;
  /** Port of the broker's TLS listener. */
  readonly brokerPort: number;
}

export interface Door {
  readonly port: number;
  /** A renewed certificate for those who come from now on. */
  renewTls(tls: TlsMaterial): void;
  close(): Promise<void>;
}

/** Opens the enrolment door: TLS 1.3, one question and one answer for each visitor (broker/join-protocol.ts). */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const visitors = new Set<TLSSocket>();
  const server = createServer(
    {
      ...options.tls,
      minVersion: 'TLSv1.3',
      // Who joins has none yet; who renews must show a good one, which `answer` looks at.
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: VISIT_MS,
    },
    (socket) => {
      visitors.add(socket);
      const late = setTimeout(() => socket.destroy(), VISIT_MS);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        clearTimeout(late);
        visitors.delete(socket);
      });
      const link = new Framed(socket);
      let asked = false;
      link.on('message', (value) => {
        if (asked) return void socket.destroy();
        asked = true;
        void answer(options, socket, value).then((said) => {
          link.send(said);
          link.close();
        });
      });
    },
  );
  server.maxConnections = VISITORS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', () => {
    // One connection that could not be accepted must not end the hub.
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    renewTls: (tls) => server.setSecureContext({ ...tls, minVersion: 'TLSv1.3' }),
    close: async () => {
      for (const socket of visitors) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(options: DoorOptions, socket: TLSSocket, value: unknown): Promise<EnrollAnswer> {
  const { enrollment, roster, brokerPort } = options;
  const yes = ({ certificate, mac }: Admission): EnrollAnswer => ({
    ok: 'yes',
    certificate: certificate.der,
    mac,
    roster: roster(),
    broker_port: brokerPort,
  });
  try {
    const { verb, secret, signed } = enrollRequest(value, '');
    if (verb === 'join') return yes(await enrollment.join(secret ?? new Uint8Array(32), signed));
    return yes(await enrollment.renew(shownBy(socket), signed));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL';
    return { ok: 'no', code, message: error instanceof Error ? error.message.slice(0, 1_000) : 'failed' };
  }
}

/** The certificate that TLS has verified; an empty one when there is none. */
function shownBy(socket: TLSSocket): { readonly agent: string; readonly serial: string } {
  const { subject, serialNumber } = socket.getPeerCertificate();
  if (!socket.authorized) return { agent: 'nobody', serial: '' };
  return { agent: String(subject.CN), serial: serialNumber.replace(/^0+/, '') };
}
