/**
 * D-Bus messages (D-Bus specification 0.41, "Message Protocol"), as much of it as asking systemd for its units takes:
 * calls with text arguments out, replies in. Every read is within bounds, or throws.
 */

/** The largest reply that is read: ten thousand units are 3 MiB. */
export const MAX_MESSAGE = 8 * 1_048_576;
/** The specification's own limit. */
const MAX_FIELDS = 67_108_864;
const FIXED = 16;

const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;

const FIELD = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, destination: 6, signature: 8 } as const;

export class DbusError extends Error {
  readonly code = 'E_DBUS';
}

export interface Call {
  readonly serial: number;
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** One argument of type `as`; none when it is left out. */
  readonly texts?: readonly string[];
}

/** A call as bytes. */
export function encodeCall(call: Call): Buffer {
  const body = call.texts === undefined ? Buffer.alloc(0) : textArray(call.texts);
  const fields = new Writer();
  const field = (code: number, type: string, value: string): void => {
    fields.align(8).byte(code).signature(type);
    if (type === 'g') fields.signature(value);
    else fields.text(value);
  };
  field(FIELD.path, 'o', call.path);
  field(FIELD.interface, 's', call.interface);
  field(FIELD.member, 's', call.member);
  field(FIELD.destination, 's', call.destination);
  if (call.texts !== undefined) field(FIELD.signature, 'g', 'as');
  const header = fields.bytes();
  // 'l': little-endian; flags 0; protocol version 1.
  const start = new Writer().byte(0x6c).byte(METHOD_CALL).byte(0).byte(1);
  start.uint32(body.length).uint32(call.serial).uint32(header.length);
  return Buffer.concat([start.bytes(), header, Buffer.alloc(padding(header.length, 8)), body]);
}

function textArray(texts: readonly string[]): Buffer {
  const items = new Writer();
  for (const text of texts) items.align(4).text(text);
  const bytes = items.bytes();
  return Buffer.concat([new Writer().uint32(bytes.length).bytes(), bytes]);
}

export interface Reply {
  readonly type: number;
  readonly replySerial: number;
  readonly errorName: string;
  /** Where the body begins; read it with its own signature. */
  readonly body: Reader;
}

/** The whole length of the message that begins here; null while too little of it is here to know. Throws what is too large. */
export function messageLength(bytes: Buffer): number | null {
  if (bytes.length < FIXED) return null;
  const reader = new Reader(bytes, isLittle(bytes));
  const body = reader.at(4).uint32();
  const fields = reader.at(12).uint32();
  const length = fields > MAX_FIELDS ? Number.POSITIVE_INFINITY : FIXED + fields + padding(fields, 8) + body;
  if (length > MAX_MESSAGE) throw new DbusError(`a message of ${length} bytes`);
  return length;
}

/** A whole message, read. */
export function decodeReply(bytes: Buffer): Reply {
  const little = isLittle(bytes);
  const reader = new Reader(bytes, little);
  const type = reader.at(1).byte();
  const fields = reader.at(12).uint32();
  const end = FIXED + fields;
  let replySerial = 0;
  let errorName = '';
  reader.at(FIXED);
  while (reader.offset < end) {
    reader.align(8);
    const code = reader.byte();
    const signature = reader.signature();
    if (signature === 'u') {
      const value = reader.uint32();
      if (code === FIELD.replySerial) replySerial = value;
    } else if (signature === 's' || signature === 'o') {
      const value = reader.text();
      if (code === FIELD.errorName) errorName = value;
    } else if (signature === 'g') {
      reader.signature();
    } else {
      throw new DbusError('a header field of an unknown type');
    }
  }
  return { type, replySerial, errorName, body: new Reader(bytes.subarray(end + padding(end, 8)), little) };
}

function isLittle(bytes: Buffer): boolean {
  const order = bytes[0];
  if (order !== 0x6c && order !== 0x42) throw new DbusError('no known byte order');
  return order === 0x6c;
}

const padding = (length: number, to: number): number => (to - (length % to)) % to;

/** Reads values one after another; each is aligned to its own size. */
export class Reader {
  readonly #bytes: Buffer;
  readonly #little: boolean;
  offset = 0;

  constructor(bytes: Buffer, little: boolean) {
    this.#bytes = bytes;
    this.#little = little;
  }

  at(offset: number): this {
    this.offset = offset;
    return this;
  }

  align(to: number): this {
    this.offset += padding(this.offset, to);
    return this;
  }

  byte(): number {
    return this.#take(1)[0] ?? 0;
  }

  uint32(): number {
    const bytes = this.align(4).#take(4);
    return this.#little ? bytes.readUInt32LE(0) : bytes.readUInt32BE(0);
  }

  text(): string {
    return this.#terminated(this.uint32());
  }

  signature(): string {
    return this.#terminated(this.byte());
  }

  #terminated(length: number): string {
    return this.#take(length + 1).toString('utf8', 0, length);
  }

  #take(length: number): Buffer {
    const from = this.offset;
    this.offset += length;
    if (this.offset > this.#bytes.length) throw new DbusError('a message that ends too soon');
    return this.#bytes.subarray(from, this.offset);
  }
}

class Writer {
  readonly #parts: Buffer[] = [];
  #length = 0;

  align(to: number): this {
    return this.#add(Buffer.alloc(padding(this.#length, to)));
  }

  byte(value: number): this {
    return this.#add(Buffer.from([value]));
  }

  uint32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.align(4).#add(bytes);
  }

  text(value: string): this {
    const bytes = Buffer.from(`${value}\0`);
    return this.uint32(bytes.length - 1).#add(bytes);
  }

  signature(value: string): this {
    return this.byte(value.length).#add(Buffer.from(`${value}\0`));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #add(bytes: Buffer): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }
}
