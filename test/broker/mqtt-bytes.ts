/** MQTT 3.1.1 packets as bytes, for clients that do what no library lets them do. */
const string = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

export function packet(type: number, body: Buffer): Buffer {
  const head = [type];
  let left = body.length;
  do {
    const byte = left & 0x7f;
    left = Math.floor(left / 128);
    head.push(left > 0 ? byte | 0x80 : byte);
  } while (left > 0);
  return Buffer.concat([Buffer.from(head), body]);
}

/** Clean session; a keep-alive of 0 asks for none. */
export function connectPacket(id: string, secret: string, keepaliveS = 0, user = id): Buffer {
  const fixed = Buffer.from([4, 0xc2, keepaliveS >> 8, keepaliveS & 0xff]);
  return packet(0x10, Buffer.concat([string('MQTT'), fixed, string(id), string(user), string(secret)]));
}

export function publishPacket(
  topic: string,
  payload: Uint8Array,
  { id = 0, retain = false }: { readonly id?: number; readonly retain?: boolean } = {},
): Buffer {
  const number = id === 0 ? Buffer.alloc(0) : Buffer.from([id >> 8, id & 0xff]);
  return packet(0x30 | (id === 0 ? 0 : 2) | (retain ? 1 : 0), Buffer.concat([string(topic), number, payload]));
}

export const subscribePacket = (topic: string, qos: 0 | 1, id = 1): Buffer =>
  packet(0x82, Buffer.concat([Buffer.from([id >> 8, id & 0xff]), string(topic), Buffer.from([qos])]));

export const PINGREQ = Buffer.from([0xc0, 0]);

/** One packet as it was read: its first byte, and what is behind its fixed header. */
export interface RawPacket {
  readonly type: number;
  readonly body: Buffer;
}

/** Splits a stream into packets; hands each on. */
export class RawReader {
  private pending: Buffer = Buffer.alloc(0);
  private readonly onPacket: (packet: RawPacket) => void;

  constructor(onPacket: (packet: RawPacket) => void) {
    this.onPacket = onPacket;
  }

  read(chunk: Buffer): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    for (;;) {
      let size = 0;
      let at = 1;
      for (let weight = 1; ; weight *= 128) {
        const byte = this.pending[at++];
        if (byte === undefined) return;
        size += (byte & 0x7f) * weight;
        if ((byte & 0x80) === 0) break;
      }
      if (this.pending.length < at + size) return;
      const type = this.pending[0] ?? 0;
      const body = this.pending.subarray(at, at + size);
      this.pending = this.pending.subarray(at + size);
      this.onPacket({ type, body });
    }
  }
}

/** What a PUBLISH says. */
export function readPublish({ type, body }: RawPacket): {
  topic: string;
  id: number;
  payload: Buffer;
  retain: boolean;
} {
  const size = body.readUInt16BE(0);
  const qos = (type >> 1) & 3;
  const id = qos === 0 ? 0 : body.readUInt16BE(2 + size);
  return {
    topic: body.subarray(2, 2 + size).toString(),
    id,
    payload: body.subarray(2 + size + (qos === 0 ? 0 : 2)),
    retain: (type & 1) === 1,
  };
}
