import { decodeCbor } from '../../broker/cbor.ts';

/** What a device's one message may hold: a reading among others, not a picture. */
export const PAYLOAD_MAX = 16_384;
/** What a sensor can mean; telemetry carries integers, and past this a scale would lose them. */
const VALUE_MAX = 1e12;

export const FORMATS = ['number', 'json', 'cbor'] as const;
export type Format = (typeof FORMATS)[number];

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** The number in a device's message, under a path of keys and indices for JSON and CBOR; null where there is none. */
export function valueIn(payload: Uint8Array, format: Format, path: readonly string[]): number | null {
  if (payload.length > PAYLOAD_MAX) return null;
  try {
    if (format === 'cbor') return numberOf(at(decodeCbor(payload), path));
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    return numberOf(format === 'number' ? text.trim() : at(JSON.parse(text), path));
  } catch {
    return null;
  }
}

/** Own properties alone: a path can't reach what every object has. */
function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}

/** Numbers, numbers as text, and yes or no as 1 or 0. */
function numberOf(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  const text = typeof value === 'string' && value.length <= 40 && NUMBER.test(value) ? Number(value) : value;
  const number = typeof text === 'bigint' ? Number(text) : text;
  return typeof number === 'number' && Math.abs(number) <= VALUE_MAX ? number : null;
}
