import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

/** What a server of the site sees of one request. */
export interface Heard {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: ChatBody;
}

export interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly temperature: number;
  readonly stream: boolean;
  readonly max_tokens: number;
  readonly response_format?: object;
  readonly grammar?: string;
}

/** A real server on loopback that answers as a test says. */
export interface ChatServer {
  readonly port: number;
  readonly heard: Heard[];
  close(): Promise<void>;
}

export type Answer = (response: ServerResponse, heard: Heard) => void;

export async function openChatServer(
  answer: Answer,
  tls: { readonly key: string; readonly cert: string } | null = null,
): Promise<ChatServer> {
  const heard: Heard[] = [];
  const take = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    response.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url: path = '', headers } = request;
      const body = JSON.parse(Buffer.concat(chunks).toString()) as ChatBody;
      const one = { path, authorization: headers.authorization, body };
      heard.push(one);
      answer(response, one);
    });
  };
  const server = tls === null ? createServer(take) : createTlsServer(tls, take);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heard,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A reply of the chat interface that says `content`. */
export function says(content: unknown, finish = 'stop'): Answer {
  return (response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content }, finish_reason: finish }] }));
  };
}
