import { decodeCbor, encodeCbor } from './cbor.ts';
import { bytesAsBase64 } from './json.ts';
import { type Infer, record, type Shape, ShapeError } from './shape.ts';
import { ID } from './topics.ts';

/**
 * Questions to the hub and their answers, over the mesh: `hub/req/CLIENT/VERB` is answered on `hub/res/CLIENT/VERB`.
 * CLIENT is who the broker has authenticated, so an answer goes to who asked and to nobody else, whatever the payload
 * says. A request is a map with `tx`, which the answer repeats; as JSON it is answered in JSON, as CBOR in CBOR.
 */
export const REQUESTS = {
  /** One request: a signed approval of the largest plan, as base64 in JSON. */
  bytes: 32_768,
  /** One client's requests a second, and how many it may save up: a dashboard's refresh, not a poll. */
  perSecond: 5,
  burst: 20,
  /** One client's requests that wait for their answer. */
  inFlight: 8,
  /** An answer that is later than this is not sent: who asked has stopped waiting. */
  deadlineMs: 30_000,
  /** Clients whose budgets are remembered. */
  clients: 1_024,
} as const;

export const VERB = /^[a-z][a-z-]{0,31}$/;

/** What a client asked, with its name as the broker authenticated it. */
export interface Request {
  readonly client: string;
  readonly verb: string;
  readonly payload: Uint8Array;
}

export const requestTopic = (client: string, verb: string): string => `hub/req/${client}/${verb}`;
export const responseTopic = (client: string, verb: string): string => `hub/res/${client}/${verb}`;

/** Reads a topic that a client asks on; null for every other topic. */
export function parseRequestTopic(topic: string): { readonly client: string; readonly verb: string } | null {
  const [hub, req, client = '', verb = '', ...more] = topic.split('/');
  const isOne = hub === 'hub' && req === 'req' && more.length === 0 && ID.test(client) && VERB.test(verb);
  return isOne ? { client, verb } : null;
}

/** Why a request has no result: a code for scripts and a sentence for people. */
export class RequestError extends Error {
  readonly code: 'E_REQUEST_VERB' | 'E_REQUEST_RATE' | 'E_REQUEST_SIZE' | 'E_JSON';
  constructor(code: RequestError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export type Format = 'cbor' | 'json';

/** No map in CBOR begins with `{`: the first byte says which of the two a request is. */
export const formatOf = (payload: Uint8Array): Format => (payload[0] === 0x7b ? 'json' : 'cbor');

/** Any number or short text that the client chose: the answer repeats it. */
const tx: Shape<string | number> = (value, path) => {
  const isText = typeof value === 'string' && value.length <= 64;
  const isNumber = typeof value === 'number' && Number.isSafeInteger(value);
  if (!isText && !isNumber) throw new ShapeError(path, 'an integer or a text of at most 64');
  return value;
};
const head = record({ tx });
export type Tx = Infer<typeof tx>;

/** The request as plain data with its `tx`. Throws CborError, ShapeError or RequestError. */
export function readRequest(payload: Uint8Array): { readonly tx: Tx; readonly fields: unknown } {
  if (payload.length > REQUESTS.bytes) throw new RequestError('E_REQUEST_SIZE', `at most ${REQUESTS.bytes} bytes`);
  const fields = formatOf(payload) === 'cbor' ? decodeCbor(payload) : readJson(payload);
  return { tx: head(fields, '').tx, fields };
}

function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    throw new RequestError('E_JSON', 'the request is neither CBOR nor JSON');
  }
}

export type Answer =
  | { readonly tx: Tx | null; readonly status: 'ok'; readonly result: unknown }
  | { readonly tx: Tx | null; readonly status: 'error'; readonly code: string; readonly message: string };

export function writeAnswer(answer: Answer, format: Format): Uint8Array {
  return format === 'cbor' ? encodeCbor(answer) : jsonBytes(answer);
}

/** JSON as the mesh carries it: bytes as base64. */
export const jsonBytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value, bytesAsBase64));

/** Bytes in a request: as they are in CBOR, as base64 in JSON. */
export const bytesOrBase64 =
  (max: number): Shape<Uint8Array> =>
  (value, path) => {
    const read = typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : value;
    if (!(read instanceof Uint8Array) || read.length > max) throw new ShapeError(path, `at most ${max} bytes`);
    return read;
  };
