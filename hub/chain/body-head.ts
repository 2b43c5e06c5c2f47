import { decodeCbor } from '../../broker/cbor.ts';

/** What a record says of its place in the chain. */
export interface BodyHead {
  readonly n: unknown;
  readonly prev: unknown;
}

/** CBOR of what a hub writes first: the keys `n`, `ts` and `prev`, in this order. */
const N = Buffer.from([0x61, 0x6e]);
const TS = Buffer.from([0x62, 0x74, 0x73]);
/** The key `prev`, and the head of the 64 characters that follow it. */
const PREV = Buffer.from([0x64, 0x70, 0x72, 0x65, 0x76, 0x78, 0x40]);
const HEX = 64;

/**
 * The number and link of a record's body; null when it is no map. A hub writes them first, and so they are read without
 * what follows, which may be a whole incident: walking a chain would cost twice as much. What follows is taken as its
 * hash and signature say; who reads it decodes all of it.
 */
export function bodyHead(body: Uint8Array): BodyHead | null {
  return headAsWritten(Buffer.from(body.buffer, body.byteOffset, body.length)) ?? decoded(body);
}

function headAsWritten(body: Buffer): BodyHead | null {
  const map = body[0] ?? 0;
  // A map of up to 23 keys, or with its size in one or two bytes (RFC 8949 section 3).
  let at = map >= 0xa3 && map <= 0xb7 ? 1 : map === 0xb8 ? 2 : map === 0xb9 ? 3 : 0;
  if (at === 0 || !isAt(body, at, N)) return null;
  at += N.length;
  const n = unsigned(body, at);
  if (n === null) return null;
  at += n.length;
  if (!isAt(body, at, TS)) return null;
  at += TS.length;
  const length = numberLength(body[at]);
  if (length === 0) return null;
  at += length;
  const end = at + PREV.length + HEX;
  if (!isAt(body, at, PREV) || end > body.length) return null;
  return { n: n.value, prev: body.toString('utf8', at + PREV.length, end) };
}

function isAt(body: Buffer, at: number, bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (body[at + i] !== bytes[i]) return false;
  return true;
}

/** An unsigned integer of up to 32 bits; numbers beyond are left to the whole decoder. */
function unsigned(body: Buffer, at: number): { readonly value: number; readonly length: number } | null {
  const initial = body[at] ?? 0xff;
  if (initial < 24) return { value: initial, length: 1 };
  const size = initial === 0x18 ? 1 : initial === 0x19 ? 2 : initial === 0x1a ? 4 : 0;
  if (size === 0 || at + 1 + size > body.length) return null;
  return { value: body.readUIntBE(at + 1, size), length: 1 + size };
}

/** Bytes that a number takes with its head; 0 for what is none. */
function numberLength(initial: number | undefined): number {
  if (initial === undefined) return 0;
  if (initial < 24) return 1;
  const size = initial & 31;
  const isNumber = initial >> 5 === 0 || initial === 0xfa || initial === 0xfb;
  return isNumber && size >= 24 && size <= 27 ? 1 + (1 << (size - 24)) : 0;
}

function decoded(body: Uint8Array): BodyHead | null {
  try {
    const value = decodeCbor(body);
    if (typeof value !== 'object' || value === null) return null;
    const { n, prev } = value as Partial<Record<keyof BodyHead, unknown>>;
    return { n, prev };
  } catch {
    return null;
  }
}
