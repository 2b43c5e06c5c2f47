import { decodeCbor } from './cbor.ts';
import { type Chain, followBatch } from './frame-chain.ts';
import { isPreface, openBatch, openPreface, readBatch, readPreface } from './frame-payload.ts';
import { unscale } from './frames.ts';
import { type Birth, birth as birthShape, event as eventShape } from './messages.ts';
import { withReadableSnapshot } from './packed-snapshot.ts';
import { openRoster } from './roster.ts';
import { open, peek, SignatureError, type SignedKind } from './signed.ts';
import { hubTopic, parseAnyAgentTopic } from './topics.ts';

/** `verified` under a key that is known here; `unverified` where none is; `invalid` when the signature is wrong. */
export type Signed = 'verified' | 'unverified' | 'invalid';

/** One message as a person or a script reads it. */
export interface Readable {
  readonly signed?: Signed;
  /** Nothing is retained on this topic any more. */
  readonly gone?: true;
  readonly message: unknown;
}

/** Whose signatures a reader can check. Without any of these everything signed is `unverified`. */
export interface KnownKeys {
  readonly root: Uint8Array | null;
  readonly agents: ReadonlyMap<string, { readonly key: Uint8Array; readonly secretHash: Uint8Array }>;
}

const KINDS: Readonly<Partial<Record<string, SignedKind>>> = {
  b: 'birth',
  e: 'event',
  r: 'result',
  c: 'order',
  ack: 'ack',
};

/** Agents whose births are remembered, so that their frames can be read. */
const BIRTHS_MAX = 10_000;

interface Stream {
  readonly birth: Pick<Birth, 'boot' | 'schema' | 'metrics'>;
  readonly chain: Chain;
}

/** Reads any message of the mesh, signed or not, CBOR, JSON or text. Never throws: what it can't read it gives as bytes. */
export class MessageReader {
  private readonly keys: KnownKeys;
  private readonly streams = new Map<string, Stream>();
  private hubKey: Uint8Array | null = null;

  constructor(keys: KnownKeys) {
    this.keys = keys;
  }

  read(topic: string, payload: Uint8Array): Readable {
    if (payload.length === 0) return { gone: true, message: null };
    try {
      return this.readKnown(topic, payload) ?? { message: plain(payload) };
    } catch {
      return { message: payload };
    }
  }

  private readKnown(topic: string, payload: Uint8Array): Readable | null {
    if (topic === hubTopic('site')) return this.roster(payload);
    if (topic === hubTopic('ckpt')) return sealed('checkpoint', payload, this.hubKey);
    const parsed = parseAnyAgentTopic(topic);
    if (parsed === null) return null;
    const { agent, channel } = parsed;
    if (channel === 'm') return this.telemetry(agent, payload);
    const kind = KINDS[channel];
    if (kind === undefined) return null;
    const key = kind === 'order' || kind === 'ack' ? this.hubKey : (this.keys.agents.get(agent)?.key ?? null);
    const readable = sealed(kind, payload, key);
    if (kind === 'birth' && readable.signed !== 'invalid') this.learn(agent, readable.message);
    return kind === 'event' ? { ...readable, message: unpackedEvent(readable.message) } : readable;
  }

  private roster(payload: Uint8Array): Readable {
    const { root } = this.keys;
    if (root === null) return sealed('roster', payload, null);
    try {
      const roster = openRoster(payload, root);
      this.hubKey = roster.hub_key;
      return { signed: 'verified', message: roster };
    } catch {
      return sealed('roster', payload, root);
    }
  }

  private learn(agent: string, message: unknown): void {
    if (this.streams.size >= BIRTHS_MAX) this.streams.clear();
    const birth = birthShape(message, '');
    const known = this.streams.get(agent);
    const isSame = known?.birth.boot === birth.boot && known.birth.schema === birth.schema;
    this.streams.set(agent, { birth, chain: isSame ? known.chain : { last: 0, step: null } });
  }

  /** What comes next of this agent is of another start, or of another schema, than its birth. */
  private preface(agent: string, payload: Uint8Array, secret: Uint8Array | undefined): Readable {
    const message = readPreface(payload);
    const signed = secret === undefined ? 'unverified' : prefaceOf(payload, secret);
    if (signed !== 'invalid') this.streams.set(agent, { birth: message, chain: { last: 0, step: null } });
    return { signed, message };
  }

  private telemetry(agent: string, payload: Uint8Array): Readable {
    const secret = this.keys.agents.get(agent)?.secretHash;
    if (isPreface(payload)) return this.preface(agent, payload, secret);
    const stream = this.streams.get(agent);
    let signed: Signed = 'unverified';
    if (stream !== undefined && secret !== undefined) signed = macOf(payload, stream.birth.boot, secret);
    const batch = readBatch(payload);
    if (stream === undefined || signed === 'invalid') return { signed, message: batch };
    const { chain, steps, gaps } = followBatch(stream.chain, batch, stream.birth);
    this.streams.set(agent, { ...stream, chain });
    const readable = steps.map(({ frame: { seq, ts, values } }) => ({
      seq,
      ts,
      metrics: Object.fromEntries(unscale({ values }, stream.birth.metrics)),
    }));
    return { signed, message: { agent, boot: stream.birth.boot, frames: readable, gaps } };
  }
}

function sealed(kind: SignedKind, payload: Uint8Array, key: Uint8Array | null): Readable {
  const message = decodeCbor(peek(payload));
  if (key === null) return { signed: 'unverified', message };
  try {
    open(kind, payload, key);
    return { signed: 'verified', message };
  } catch {
    return { signed: 'invalid', message };
  }
}

/** With its snapshot in words, where that was packed; as it came, where it was not, and where it is no event. */
function unpackedEvent(message: unknown): unknown {
  try {
    const event = eventShape(message, '');
    return event.packed === undefined ? message : withReadableSnapshot(event);
  } catch {
    return message;
  }
}

function prefaceOf(payload: Uint8Array, secret: Uint8Array): Signed {
  try {
    openPreface(payload, secret);
    return 'verified';
  } catch {
    return 'invalid';
  }
}

function macOf(payload: Uint8Array, boot: string, secret: Uint8Array): Signed {
  try {
    openBatch(payload, boot, secret);
    return 'verified';
  } catch (error) {
    return error instanceof SignatureError ? 'invalid' : 'verified';
  }
}

/** What is not signed: JSON begins with a brace or a bracket, and is text; so is `$SYS`. The rest is CBOR. */
function plain(payload: Uint8Array): unknown {
  try {
    return decodeCbor(payload);
  } catch {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    return /^[{[]/.test(text) ? (JSON.parse(text) as unknown) : text;
  }
}
