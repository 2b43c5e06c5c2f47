import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A webhook's other end: keeps what comes, and answers what the test wants it to. */
export interface Receiver {
  readonly url: string;
  readonly got: Received[];
  /** Asked for each request: a status, headers, and what the answer waits for. */
  answer: () => {
    readonly status: number;
    readonly headers?: Record<string, string>;
    readonly after?: Promise<void>;
  };
  close(): Promise<void>;
}

export async function openReceiver(port = 0): Promise<Receiver> {
  const got: Received[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const { status, headers = {}, after = Promise.resolve() } = receiver.answer();
      got.push({ headers: request.headers, body: JSON.parse(text) });
      void after.then(() => response.writeHead(status, headers).end('thank you'));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  const at = typeof address === 'object' && address !== null ? address.port : port;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${at}/hook/secret`,
    got,
    answer: () => ({ status: 200 }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
