import type { Said } from '../../broker/messages.ts';
import { redact } from '../../broker/redact.ts';
import type { Growth } from '../growth.ts';
import type { Sensor } from '../sense/sensor.ts';

/** What a probe may look at. */
export interface ProbeHost {
  readonly sensor: Sensor;
  readonly growth: Growth;
  /** The folder of the host's own files. */
  readonly root: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Ends with the probe's deadline: what it started is ended too. */
  readonly signal: AbortSignal;
}

/** What a probe is asked about, checked against the inventory: a name, or a process that is still the same. */
export interface Asked {
  readonly name: string;
  readonly pid: number;
}

/** One question of the catalogue. It reads only, and may throw: the answer is then `failed`, with the reason. */
export type Probe = (asked: Asked, host: ProbeHost) => Promise<readonly Said[]> | readonly Said[];

/** Why a probe has nothing to say. */
export class ProbeError extends Error {
  readonly code: 'E_PROBE_ABSENT' | 'E_PROBE_CLOSED' | 'E_PROBE_FAILED';
  constructor(code: ProbeError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** A line is a line on a screen. */
const MAX_LINE = 240;

/** Numbers and words of ours. */
export const plain = (text: string): Said => ({ text: redact(text, MAX_LINE), trusted: true });
/** Any part of it was chosen by a user, a program or a visitor. */
export const foreign = (text: string): Said => ({ text: redact(text, MAX_LINE), trusted: false });

export const mib = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;

/** Reads, or gives the fallback where the file is gone or closed to us. */
export function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
