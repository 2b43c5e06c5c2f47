import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isIP } from 'node:net';
import type { TlsMaterial } from '../../broker/tls-listener.ts';

/** What visitors of an HTTP door may cost the hub: one table, each with its reason. */
export const HTTP_LIMITS = {
  /** At once. Monitoring systems are few, and each keeps one connection. */
  visitors: 64,
  /** From the connection to the last header, and to the end of the request: a slow visitor holds no place for long. */
  headersMs: 5_000,
  requestMs: 10_000,
  /** Between two requests of one connection: scrapes come every 15 to 60 seconds. */
  idleMs: 65_000,
  headerBytes: 8_192,
} as const;

export class HttpDoorError extends Error {
  readonly code: 'E_HTTP_ADDRESS' | 'E_HTTP_OPEN' | 'E_HTTP_PLAIN' | 'E_HTTP_PORT' | 'E_HTTP_TOKEN';
  constructor(code: HttpDoorError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads PORT, HOST:PORT or [IPv6]:PORT; without a host it is this machine's loopback. Throws HttpDoorError. */
export function readHttpAddress(text: string): HttpAddress {
  const [, six, four = '127.0.0.1', digits = ''] =
    /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? four;
  if (digits === '' || Number(digits) > 65_535 || (six !== undefined && isIP(six) !== 6)) {
    throw new HttpDoorError(
      'E_HTTP_ADDRESS',
      `${JSON.stringify(text)} is no address: write PORT, HOST:PORT or [IPv6]:PORT`,
    );
  }
  return { host, port: Number(digits) };
}

/** What a token must hold at the least: 32 characters that can't be guessed. */
const TOKEN = /^[\x21-\x7e]{32,512}$/;

/** Reads a bearer token's file; answers its SHA-256. Throws HttpDoorError that says what is wrong with the file. */
export function readToken(file: string): Uint8Array {
  const refused = (why: string) =>
    new HttpDoorError('E_HTTP_TOKEN', `${file}: ${why}. Make one: (umask 077; openssl rand -hex 32 > ${file})`);
  let text: string;
  try {
    if ((statSync(file).mode & 0o007) !== 0) throw refused('everybody on this machine can read it');
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw error instanceof HttpDoorError ? error : refused(error instanceof Error ? error.message : String(error));
  }
  if (!TOKEN.test(text)) throw refused('a token is one line of 32 to 512 printable characters');
  return sha256(text);
}

const sha256 = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest());

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpDoorOptions extends HttpAddress {
  /** Absent: plain HTTP, which only loopback has. */
  readonly tls: Pick<TlsMaterial, 'key' | 'cert'> | null;
  /** SHA-256 of the bearer token that visitors show; null: none is asked for, which only loopback has. */
  readonly token: Uint8Array | null;
  /** Called for whom the door lets in. What it throws is answered with 500, and told to `failed`. */
  readonly answer: (request: IncomingMessage) => Promise<HttpAnswer>;
  readonly failed: (error: unknown) => void;
}

export interface HttpDoor {
  readonly port: number;
  /** Visitors who were turned away: without a good token, or with what is no HTTP. */
  readonly refused: number;
  renewTls(tls: Pick<TlsMaterial, 'key' | 'cert'>): void;
  close(): Promise<void>;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
/** Whether only this machine reaches an address. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** Opens an HTTP listener. Other machines reach it by TLS 1.3 and with a token, or not at all. Throws HttpDoorError. */
export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const { host, port, tls, token } = options;
  if (!isLoopback(host) && token === null) {
    throw new HttpDoorError('E_HTTP_OPEN', `${host} is not this machine’s loopback: name a file with a token`);
  }
  if (!isLoopback(host) && tls === null) {
    throw new HttpDoorError(
      'E_HTTP_PLAIN',
      `${host} is not this machine’s loopback, and without TLS the token travels as it is: make a site with a CA (\`sentinel init\`)`,
    );
  }
  let refused = 0;
  const take: RequestListener = (request, response) => {
    if (token !== null && !isShown(request, token)) {
      refused++;
      send(response, {
        status: 401,
        type: 'text/plain',
        body: 'a bearer token is needed\n',
        headers: { 'www-authenticate': 'Bearer' },
      });
      return;
    }
    options.answer(request).then(
      (answer) => send(response, answer),
      (error: unknown) => {
        options.failed(error);
        send(response, { status: 500, type: 'text/plain', body: 'it failed: the hub’s log says why\n' });
      },
    );
  };
  const limits = {
    maxHeaderSize: HTTP_LIMITS.headerBytes,
    headersTimeout: HTTP_LIMITS.headersMs,
    requestTimeout: HTTP_LIMITS.requestMs,
    keepAliveTimeout: HTTP_LIMITS.idleMs,
    connectionsCheckingInterval: 1_000,
  };
  const secure =
    tls === null
      ? null
      : createTlsServer({ ...limits, ...tls, minVersion: 'TLSv1.3', handshakeTimeout: HTTP_LIMITS.headersMs }, take);
  const server: Server = secure ?? createServer(limits, take);
  server.maxConnections = HTTP_LIMITS.visitors;
  server.on('clientError', (_error, socket) => {
    refused++;
    socket.destroy();
  });
  server.on('tlsClientError', (_error, socket) => {
    refused++;
    socket.destroy();
  });
  await listen(server, { host, port });
  server.on('error', () => {
    // One connection that could not be accepted must not end the hub.
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    get refused() {
      return refused;
    },
    renewTls: (next) => secure?.setSecureContext({ ...next, minVersion: 'TLSv1.3' }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isShown(request: IncomingMessage, token: Uint8Array): boolean {
  const [, shown] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return shown !== undefined && timingSafeEqual(sha256(shown), token);
}

function send(response: ServerResponse, { status, type, body, headers = {} }: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // Who was refused, or sent what is not read, starts anew.
    ...(status >= 400 && status !== 503 ? { connection: 'close' } : {}),
    ...headers,
  });
  response.end(body);
}

function listen(server: Server, { host, port }: HttpAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(
        new HttpDoorError('E_HTTP_PORT', `can't listen on ${host}:${port} (${error.message}). Choose another port.`),
      );
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
