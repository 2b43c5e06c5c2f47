import { request as plainRequest } from 'node:http';
import { type RequestOptions, request as tlsRequest } from 'node:https';
import { ReasonError } from '../reasoner.ts';
import type { Endpoint } from './config.ts';

/** A plan is below a kilobyte; what a server puts around it stays far below this. */
const ANSWER_MAX = 262_144;

/**
 * Posts one request to the address that the configuration names, and to no other: no redirection is followed, no proxy is
 * used. Rejects with a ReasonError: E_ENDPOINT_DOWN, E_ENDPOINT_REFUSED for another status than 200, E_MODEL_OUTPUT for more
 * than may come, E_MODEL_TIMEOUT when the signal aborts, however slowly bytes still come.
 */
export function postTo({ url, token, ca }: Endpoint, body: string, signal: AbortSignal): Promise<string> {
  const options: RequestOptions = {
    method: 'POST',
    agent: false,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: the token goes to nobody else.
    rejectUnauthorized: true,
    signal,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'sentinel',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
  };
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(signal.aborted ? late() : down(error));
    if (signal.aborted) return reject(late());
    const sent =
      url.protocol === 'http:'
        ? plainRequest(url, options)
        : tlsRequest(url, ca === null ? options : { ...options, ca });
    sent.on('error', fail);
    // An answer that is none, such as 101, ends the connection without an error.
    sent.on('close', () => fail(new Error('it hung up without an answer')));
    sent.on('response', (response) => {
      const { statusCode: status = 0 } = response;
      if (status !== 200) {
        const how = status >= 300 && status < 400 ? ': redirections are not followed' : '';
        reject(new ReasonError('E_ENDPOINT_REFUSED', `it answered ${status}${how}`));
        sent.destroy();
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes <= ANSWER_MAX) return;
        reject(new ReasonError('E_MODEL_OUTPUT', `it answered with more than ${ANSWER_MAX} bytes`));
        sent.destroy();
      });
      response.on('error', fail);
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    sent.end(body);
  });
}

const late = () => new ReasonError('E_MODEL_TIMEOUT', 'no answer within its deadline');
const down = (error: unknown) =>
  new ReasonError(
    'E_ENDPOINT_DOWN',
    (error instanceof Error ? error.message || error.name : String(error)).slice(0, 200),
  );
