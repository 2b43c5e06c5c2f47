import { BROKER } from './broker-limits.ts';
import { LIMITS } from './messages.ts';
import type { Shortcut } from './shortcut.ts';

const CONNECT = 1;
const PUBLISH = 3;
/** Topic, packet number and properties of a PUBLISH besides its payload. */
const PACKET_MAX = LIMITS.payload + BROKER.topicBytes + 64;
/** MQTT's remaining length has at most 4 bytes (MQTT-2.2.3). */
const LENGTH_BYTES = 4;

export class PacketError extends Error {
  readonly code = 'E_PACKET';
}

/** What became of a chunk: bytes to pass on, bytes for later, and how many packets were in it. */
export interface Scanned {
  readonly passed: Buffer | null;
  /** Not looked at yet. */
  readonly rest: Buffer | null;
  /** Packets that ended in what is passed on. */
  readonly ended: number;
  /** Packets of telemetry that were taken out before it. */
  readonly taken: number;
}

/**
 * Follows the packets of one client by their fixed headers (MQTT 3.1.1, section 2.2), before a parser sees a byte: a
 * parser keeps a packet of any length, up to 256 MB, from a client that nobody knows yet. The first packet must be
 * CONNECT and short, and nothing is passed on behind it until `letIn`. A PUBLISH that is too long is passed on
 * without its payload, so that its sender gets its acknowledgement and does not bring it again for ever. Telemetry may
 * be taken out on the way (`Shortcut`). Throws PacketError: then the connection is not worth keeping.
 */
export class PacketScanner {
  private readonly onOversize: () => void;
  /** The beginning of a fixed header: not passed on before it is known what it heads. */
  private partial: Buffer | null = null;
  /** Bytes of the present packet that are still to come. */
  private left = 0;
  /** The first bytes of a packet that is too long, until its topic and number are whole. */
  private shortened: Buffer[] | null = null;
  private skipping = false;
  private isFirst = true;
  private isHeld = false;
  /** Takes telemetry, from when the client is let in. */
  private shortcut: Shortcut | null = null;
  /** A packet of telemetry of which more bytes are to come. One of each client is kept whole, as a parser would. */
  private begun: { readonly packet: Buffer; have: number } | null = null;

  constructor(onOversize: () => void) {
    this.onOversize = onOversize;
  }

  /** CONNECT was passed on, and its answer is not known yet. */
  get held(): boolean {
    return this.isHeld;
  }

  letIn(shortcut: Shortcut | null = null): void {
    this.isHeld = false;
    this.shortcut = shortcut;
  }

  /** Goes through at most so many packets; what is behind them is `rest`. */
  scan(input: Buffer, most = Number.POSITIVE_INFINITY): Scanned {
    if (this.begun !== null) return this.goOn(this.begun, input);
    const chunk = this.partial === null ? input : Buffer.concat([this.partial, input]);
    this.partial = null;
    let ended = 0;
    let taken = 0;
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.isHeld || ended + taken >= most) break;
      if (this.skipping || this.shortened !== null) {
        // What is before the long packet first; it begins at the head of the next chunk then.
        if (at === 0) return this.skip(chunk);
        break;
      }
      if (this.left > 0) {
        const size = Math.min(this.left, chunk.length - at);
        at += size;
        this.left -= size;
        if (this.left === 0) ended += this.end();
        continue;
      }
      const telemetry = this.shortcut?.look(chunk, at) ?? 0;
      if (telemetry !== 0) {
        // What the client said before it is handled before it: telemetry is read by the birth that it follows.
        if (at > from) break;
        if (telemetry > 0 && at + telemetry <= chunk.length) {
          this.shortcut?.pass(chunk, at, telemetry);
          at += telemetry;
          from = at;
          taken++;
          continue;
        }
        this.keep(chunk.subarray(at), telemetry);
        return { passed: null, rest: null, ended, taken };
      }
      const size = this.readHead(chunk, at);
      if (size === 0) {
        this.partial = Buffer.from(chunk.subarray(at));
        return { passed: part(chunk, from, at), rest: null, ended, taken };
      }
      if (this.shortened !== null) return { passed: part(chunk, from, at), rest: part(chunk, at + size), ended, taken };
      at += size;
      if (this.left === 0) ended += this.end();
    }
    return { passed: part(chunk, from, at), rest: part(chunk, at), ended, taken };
  }

  /** Keeps the beginning of a packet of telemetry, whose length is -1 while that is not known. */
  private keep(bytes: Buffer, length: number): void {
    if (length < 0) {
      this.partial = Buffer.from(bytes);
      return;
    }
    this.begun = { packet: Buffer.allocUnsafe(length), have: bytes.length };
    bytes.copy(this.begun.packet);
  }

  private goOn(begun: { readonly packet: Buffer; have: number }, input: Buffer): Scanned {
    const { packet } = begun;
    const size = input.copy(packet, begun.have);
    begun.have += size;
    if (begun.have < packet.length) return { passed: null, rest: null, ended: 0, taken: 0 };
    this.begun = null;
    this.shortcut?.pass(packet, 0, packet.length);
    return { passed: null, rest: part(input, size), ended: 0, taken: 1 };
  }

  /** Reads the fixed header that begins here, and answers its size; 0 when it is not whole. */
  private readHead(chunk: Buffer, at: number): number {
    const type = chunk[at] ?? 0;
    if (this.isFirst && type >> 4 !== CONNECT) throw new PacketError('the first packet is not CONNECT');
    let length = 0;
    for (let i = 0; i < LENGTH_BYTES; i++) {
      const byte = chunk[at + 1 + i];
      if (byte === undefined) return 0;
      length += (byte & 0x7f) * 128 ** i;
      if ((byte & 0x80) !== 0) continue;
      this.begin(type, length);
      return 2 + i;
    }
    throw new PacketError('a length of more than 4 bytes');
  }

  private begin(type: number, length: number): void {
    if (this.isFirst && length > BROKER.connectBytes) throw new PacketError(`a CONNECT of ${length} bytes`);
    if (length > PACKET_MAX) {
      if (type >> 4 !== PUBLISH) throw new PacketError(`a packet of ${length} bytes`);
      this.shortened = [Buffer.from([type])];
    }
    this.left = length;
  }

  private end(): number {
    if (this.isFirst) {
      this.isFirst = false;
      this.isHeld = true;
    }
    return 1;
  }

  /** Inside a PUBLISH that is too long: keeps its topic and number, and lets the rest fall. */
  private skip(chunk: Buffer): Scanned {
    const taken = Math.min(this.left, chunk.length);
    this.left -= taken;
    const rest = part(chunk, taken);
    let passed: Buffer | null = null;
    if (this.shortened !== null) {
      this.shortened.push(Buffer.from(chunk.subarray(0, Math.min(taken, BROKER.topicBytes + 4))));
      passed = withoutPayload(Buffer.concat(this.shortened));
      if (passed !== null) {
        this.shortened = null;
        this.skipping = true;
        this.onOversize();
      }
    }
    if (this.left === 0) this.skipping = false;
    return { passed, rest, ended: passed === null ? 0 : 1, taken: 0 };
  }
}

const part = (chunk: Buffer, from: number, to = chunk.length): Buffer | null =>
  to > from ? chunk.subarray(from, to) : null;

/**
 * From [type, topic length, topic, number] a PUBLISH with nothing in it and not retained: an empty retained one would
 * erase what is. Null while bytes are missing.
 */
function withoutPayload(begun: Buffer): Buffer | null {
  if (begun.length < 3) return null;
  const topic = begun.readUInt16BE(1);
  if (topic > BROKER.topicBytes) throw new PacketError(`a topic of ${topic} bytes`);
  const type = begun[0] ?? 0;
  const body = 2 + topic + ((type & 0x06) === 0 ? 0 : 2);
  if (begun.length < 1 + body) return null;
  const length = body < 128 ? [body] : [(body & 0x7f) | 0x80, body >> 7];
  return Buffer.concat([Buffer.from([type & 0xfe, ...length]), begun.subarray(1, 1 + body)]);
}
