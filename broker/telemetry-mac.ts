import { createHmac, hash } from 'node:crypto';

/** SHA-256 takes its input in blocks of so many bytes, and HMAC pads its key to one (RFC 2104 section 2). */
const BLOCK = 64;
const SHA256_BYTES = 32;
const BOOT_BYTES = 8;
export const MAC_BYTES = 16;

/** A secret's key as HMAC needs it. */
interface MacKey {
  /** What is hashed first: the key, and behind it the boot id of the start that speaks now; then comes the message. */
  readonly inner: Buffer;
  boot: string;
  /** What is hashed then: the key, and behind it the first hash. */
  readonly outer: Buffer;
}

/** Derived once for each secret that is in use: a hub makes a MAC for each message. */
const keys = new WeakMap<Uint8Array, MacKey>();

/** Both sides derive the key from the hash of the agent's secret, which alone the hub keeps. */
function keyOf(secretHash: Uint8Array): MacKey {
  const known = keys.get(secretHash);
  if (known !== undefined) return known;
  const block = Buffer.alloc(BLOCK);
  createHmac('sha256', secretHash).update('sentinel-telemetry').digest().copy(block);
  const key = {
    inner: Buffer.concat([block.map((byte) => byte ^ 0x36), Buffer.alloc(BOOT_BYTES)]),
    boot: '',
    outer: Buffer.concat([block.map((byte) => byte ^ 0x5c), Buffer.alloc(SHA256_BYTES)]),
  };
  keys.set(secretHash, key);
  return key;
}

/** What is hashed first, in one piece; grows to the longest message that came. */
let scratch = Buffer.alloc(1_024);

/**
 * The MAC of telemetry: 16 bytes of HMAC-SHA-256 over the boot id and the bytes that a payload begins with.
 */
export function telemetryMac(boot: string, covered: Uint8Array, secretHash: Uint8Array): Uint8Array {
  return Buffer.from(macOf(boot, covered, covered.length, secretHash), 'binary').subarray(0, MAC_BYTES);
}

/** Whether the last bytes of a payload are the MAC of its first `covered`; takes the same time wherever they differ. */
export function endsInMac(boot: string, payload: Uint8Array, covered: number, secretHash: Uint8Array): boolean {
  const mac = macOf(boot, payload, covered, secretHash);
  let differs = payload.length - covered - 1 - MAC_BYTES;
  for (let i = 0; i < MAC_BYTES; i++) differs |= (payload[covered + 1 + i] ?? 0) ^ mac.charCodeAt(i);
  return differs === 0;
}

/**
 * The whole HMAC, a character for each byte. It is two hashes of one call each, with their results as text: Node's own
 * Hmac is an object with a handle for every message, and costs four times as much.
 */
function macOf(boot: string, bytes: Uint8Array, covered: number, secretHash: Uint8Array): string {
  const key = keyOf(secretHash);
  const { inner, outer } = key;
  if (key.boot !== boot) {
    inner.fill(0, BLOCK);
    inner.write(boot, BLOCK, 'hex');
    key.boot = boot;
  }
  const length = inner.length + covered;
  // The message with its own MAC behind it, which is not looked at.
  if (scratch.length < inner.length + bytes.length) scratch = Buffer.alloc(inner.length + bytes.length);
  scratch.set(inner);
  scratch.set(bytes, inner.length);
  outer.write(hash('sha256', scratch.subarray(0, length), 'binary'), BLOCK, 'binary');
  return hash('sha256', outer, 'binary');
}
