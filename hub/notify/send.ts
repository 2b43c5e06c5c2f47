import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connectAsync, type IClientOptions } from 'mqtt';
import type { Channel, Route } from './channels.ts';

/** One attempt, from the connection to the answer. */
const SEND_MS = 10_000;
/** An answer's body says nothing that is used: so much is read, so that the connection ends in good order. */
const ANSWER_MAX = 65_536;
/** A receiver may ask for patience, but not for so much that it never hears again. */
const PATIENCE_MS = 3_600_000;

/** What came of one attempt. `down`: nothing gets through now; `refused`: this one is not taken. */
export type Sent =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'down'; readonly why: string; readonly waitMs: number | null };

/** Sends one body to the address that the configuration names, and to no other: a redirection is not followed. */
export async function send({ route }: Pick<Channel, 'route'>, id: string, body: string): Promise<Sent> {
  try {
    return route.kind === 'mqtt' ? await publish(route, body) : await post(route, id, body);
  } catch (error) {
    return { kind: 'down', why: error instanceof Error ? error.message || error.name : String(error), waitMs: null };
  }
}

function post(
  { url, token, ca }: Extract<Route, { url: URL; token: unknown }>,
  id: string,
  body: string,
): Promise<Sent> {
  const options = {
    method: 'POST',
    agent: false as const,
    signal: AbortSignal.timeout(SEND_MS),
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'idempotency-key': id,
      'user-agent': 'sentinel',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
  };
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const sent =
      url.protocol === 'http:'
        ? plainRequest(url, options)
        : tlsRequest(url, ca === null ? options : { ...options, ca });
    sent.on('error', reject);
    // An answer that is none, such as 101, ends the connection without an error; one that came has been resolved by then.
    sent.on('close', () => {
      if (!isAnswered) reject(new Error('it hung up without an answer'));
    });
    sent.on('response', (response) => {
      isAnswered = true;
      const answer = judge(response.statusCode ?? 0, response.headers['retry-after']);
      let read = 0;
      response.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read > ANSWER_MAX) response.destroy();
      });
      response.on('close', () => resolve(answer));
    });
    sent.end(body);
  });
}

function judge(status: number, retryAfter: string | undefined): Sent {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  const why = `answered ${status}`;
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : null;
    return { kind: 'down', why, waitMs: seconds === null ? null : Math.min(PATIENCE_MS, seconds * 1_000) };
  }
  return { kind: 'refused', why: status >= 300 && status < 400 ? `${why}: redirections are not followed` : why };
}

/** A connection for each message: they are few, and a broker that is away between two of them is nobody's trouble. */
async function publish({ url, topic, credentials }: Extract<Route, { kind: 'mqtt' }>, body: string): Promise<Sent> {
  const { username, password, ca, cert, key } = credentials ?? {};
  const options: IClientOptions = {
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: SEND_MS,
    ...(username === undefined ? {} : { username, clientId: username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const client = await connectAsync(url.href, options, false);
  const late = setTimeout(() => client.end(true), SEND_MS);
  client.on('error', () => {});
  try {
    const closed = new Promise<never>((_, reject) =>
      client.once('close', () => reject(new Error('the broker hung up'))),
    );
    await Promise.race([client.publishAsync(topic, body, { qos: 1 }), closed]);
    return { kind: 'taken' };
  } finally {
    clearTimeout(late);
    await client.endAsync(true);
  }
}
