import type { Server } from 'node:net';

/** With the wanted port taken, so many above it are tried before the start fails. */
const PORTS_TRIED = 32;

export class BrokerError extends Error {
  readonly code: 'E_BROKER_PORT' | 'E_BROKER_PLAIN';
  constructor(message: string, code: BrokerError['code'] = 'E_BROKER_PORT') {
    super(message);
    this.code = code;
  }
}

/** Listens on the wanted port or one of the next; port 0 takes any free one. */
export async function listenNear(
  server: Server,
  {
    host,
    port: wanted,
    ports = PORTS_TRIED,
  }: { readonly host?: string | undefined; readonly port: number; readonly ports?: number | undefined },
): Promise<number> {
  for (let port = wanted; port < wanted + ports; port++) {
    const taken = await new Promise<boolean>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(true);
        else reject(error);
      };
      server.once('error', failed);
      const listening = () => {
        server.off('error', failed);
        resolve(false);
      };
      if (host === undefined) server.listen(port, listening);
      else server.listen(port, host, listening);
    });
    if (taken) continue;
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }
  throw new BrokerError(
    `no free port from ${wanted} to ${wanted + ports - 1} on ${host ?? 'this machine'}. Choose one with --port N.`,
  );
}
