import { randomBytes } from 'node:crypto';

/** Crockford's base 32, as the ULID specification has it. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID: 48 bits of milliseconds, 80 random bits; sorts by time. */
export function ulid(now: number = Date.now()): string {
  let time = '';
  for (let rest = now, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = ALPHABET.charAt(rest % 32) + time;
  // 256 is a multiple of 32, so the low five bits of a random byte are uniform.
  return time + Array.from(randomBytes(16), (byte) => ALPHABET.charAt(byte & 31)).join('');
}

/** When a ULID was made, as it says itself: milliseconds. */
export const timeOfUlid = (id: string): number =>
  [...id.slice(0, 10)].reduce((time, digit) => time * 32 + ALPHABET.indexOf(digit), 0);
