import { X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { WatchedCertificates } from '../drop-in/certificates.ts';
import { Background } from './background.ts';
import { expandGlob } from './logs/glob.ts';
import { labelled, type Reading, type Sense } from './sense.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** While one is about to end, a new one is noticed sooner. */
const SOON_MS = 300_000;
const SOON_DAYS = 14;
const DEADLINE_MS = 30_000;
/** Files of one glob, bytes of one file, certificates in it: a chain is three to five, 10 kB. */
const MAX_FILES = 64;
const MAX_BYTES = 262_144;
const MAX_CHAIN = 16;
const PEM = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** When each declared set's first certificate ends, in milliseconds since the epoch; null where none could be read. */
type Ends = ReadonlyMap<string, number | null>;

/** Days until the first certificate of each declared set ends, looked up hourly. */
export class CertificatesSense implements Sense {
  readonly name = 'certificates';
  readonly #declared: () => readonly WatchedCertificates[];
  readonly #wall: () => number;
  readonly #look: Background<Ends>;
  #before: readonly WatchedCertificates[] | null = null;
  #looked = Number.NEGATIVE_INFINITY;

  constructor(declared: () => readonly WatchedCertificates[], wall: () => number) {
    this.#declared = declared;
    this.#wall = wall;
    this.#look = new Background({ everyMs: HOUR_MS, deadlineMs: DEADLINE_MS, look: () => readEnds(declared()) });
  }

  sample(now: number): Reading[] {
    const declared = this.#declared();
    if (declared.length === 0) return [];
    if (declared !== this.#before) this.#look.hurry(now);
    this.#before = declared;
    const ends = this.#look.value(now);
    const readings = declared.map(({ name }) => {
      const end = ends?.get(name) ?? null;
      const value = end === null ? null : (end - this.#wall()) / DAY_MS;
      return { name: labelled('certificate.days_left', name), unit: 'days', scale: 0.1, value, learn: false };
    });
    const soon = readings.some(({ value }) => value !== null && value <= SOON_DAYS);
    if (soon && now - this.#looked >= SOON_MS) {
      this.#looked = now;
      this.#look.hurry(now);
    }
    return readings;
  }

  close(): void {
    this.#look.stop();
  }
}

async function readEnds(declared: readonly WatchedCertificates[]): Promise<Ends> {
  const ends = new Map<string, number | null>();
  for (const { name, glob } of declared) {
    const found: number[] = [];
    for (const path of expandGlob(glob, MAX_FILES)) found.push(...(await endsOf(path)));
    ends.set(name, found.length === 0 ? null : Math.min(...found));
  }
  return ends;
}

async function endsOf(path: string): Promise<number[]> {
  try {
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(MAX_BYTES);
      const { bytesRead } = await file.read(buffer, 0, MAX_BYTES, 0);
      return certificateEnds(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch {
    return []; // closed to us, or gone
  }
}

/** When the certificates in a PEM or DER file end; what is none is left out. Never throws. */
export function certificateEnds(bytes: Uint8Array): number[] {
  const text = Buffer.from(bytes).toString('latin1');
  const pem = text.match(PEM)?.slice(0, MAX_CHAIN);
  return (pem ?? [bytes]).flatMap((one) => {
    try {
      const end = Date.parse(new X509Certificate(one).validTo);
      return Number.isFinite(end) ? [end] : [];
    } catch {
      return [];
    }
  });
}
