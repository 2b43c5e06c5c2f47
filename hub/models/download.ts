import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeDurably } from '../../broker/durable-file.ts';
import { ModelError } from './manifest.ts';

export interface DownloadOptions {
  /** As it was typed: no other address is ever contacted. */
  readonly url: URL;
  /** Other hosts that the first may send on to, as typed: HOST or HOST:PORT. */
  readonly via: readonly string[];
  readonly part: string;
  readonly signal: AbortSignal;
  /** Milliseconds without a byte after which the source counts as gone. */
  readonly silenceMs: number;
  /** How far it is; `total` is null where the source doesn't say. */
  readonly progress: (bytes: number, total: number | null) => void;
}

/** What is left free on the file system: the hub's store is on it too. */
const SPARE_BYTES = 1_073_741_824;
const MAX_REDIRECTS = 5;

/** What a part was begun from: it goes on only where the source still has the same. */
interface Begun {
  readonly url: string;
  readonly tag: string;
  readonly total: number;
}

/**
 * Fetches a file into `part`, or goes on with what is there of it. Resolves when it is whole; rejects with a ModelError:
 * after E_MODEL_CUT the same call goes on where this one ended.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { part, signal, silenceMs } = options;
  const begun = readBegun(part, options.url);
  const from = begun === null ? 0 : statSync(part).size;
  // A process that was ended between the last byte and what follows.
  if (begun !== null && from === begun.total) return rmSync(`${part}.json`, { force: true });
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  try {
    const until = AbortSignal.any([signal, silence.signal]);
    const response = await followed(options, begun === null || from === 0 ? null : { from, begun }, until);
    await received(response, options, { from, heard });
  } catch (error) {
    if (error instanceof ModelError) throw error;
    const why = silence.signal.aborted ? `nothing came for ${silenceMs} ms` : reasonOf(error);
    throw new ModelError('E_MODEL_CUT', `${told(options.url)}: ${why}. Run the same again: it goes on where it ended`);
  } finally {
    clearTimeout(timer);
  }
  rmSync(`${part}.json`, { force: true });
}

/** The answer of the typed address, or of one that it sends on to, as far as that was allowed. */
async function followed(
  { url, via }: DownloadOptions,
  resume: { readonly from: number; readonly begun: Begun } | null,
  signal: AbortSignal,
): Promise<Response> {
  let at = url;
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (resume !== null) {
    headers['range'] = `bytes=${resume.from}-`;
    headers['if-range'] = resume.begun.tag;
  }
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await fetch(at, { headers, redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    if (!URL.canParse(location, at.href)) {
      throw new ModelError('E_MODEL_REDIRECT', `${told(at)} sends on to what is no address`);
    }
    const next = new URL(location, at);
    // Fetch would refuse them, and quote them.
    next.username = '';
    next.password = '';
    if (!isHttp(next) || (next.host !== url.host && !via.includes(next.host))) {
      const how = isHttp(next) ? `add --via ${next.host} if it may be asked` : 'it is no web address';
      throw new ModelError('E_MODEL_REDIRECT', `${told(at)} sends on to ${told(next)}: ${how}`);
    }
    if (at.protocol === 'https:' && next.protocol === 'http:') {
      throw new ModelError('E_MODEL_REDIRECT', `${told(at)} sends on to ${told(next)}, which is not encrypted`);
    }
    at = next;
  }
  throw new ModelError('E_MODEL_REDIRECT', `${told(url)} sends on more than ${MAX_REDIRECTS} times`);
}

const isHttp = ({ protocol }: URL): boolean => protocol === 'https:' || protocol === 'http:';

async function received(
  response: Response,
  { url, part, progress }: DownloadOptions,
  { from, heard }: { readonly from: number; readonly heard: () => void },
): Promise<void> {
  const { status, headers, body } = response;
  const goesOn = status === 206 && startOf(headers.get('content-range')) === from && from > 0;
  if (!goesOn && status !== 200) {
    await body?.cancel();
    // What is there can't be what the source has now.
    if (status === 206 || status === 416) forget(part);
    throw new ModelError('E_MODEL_SOURCE', `${told(url)} answers with status ${status}`);
  }
  if (body === null) throw new ModelError('E_MODEL_SOURCE', `${told(url)} answers with nothing`);
  const start = goesOn ? from : 0;
  const length = Number(headers.get('content-length') ?? Number.NaN);
  const total = Number.isSafeInteger(length) ? start + length : null;
  const room = roomFor(part);
  if (total !== null && total - start > room) throw full(part, total - start);
  const tag = headers.get('etag') ?? '';
  // A weak tag does not promise the same bytes, and without one nothing does.
  if (!goesOn && total !== null && /^"/.test(tag)) writeBegun(part, { url: keyOf(url), tag, total });
  else if (!goesOn) rmSync(`${part}.json`, { force: true });

  // By hand: what has come stays when the rest does not, whatever ends it.
  const file = await open(part, goesOn ? 'a' : 'w', 0o640);
  try {
    let bytes = start;
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      heard();
      if (bytes + chunk.length - start > room) throw full(part, bytes + chunk.length - start);
      await file.writeFile(chunk);
      bytes += chunk.length;
      progress(bytes, total);
    }
    if (total !== null && bytes !== total) throw new Error(`${bytes} of ${total} bytes came`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** `bytes 100-199/200` begins at 100. */
const startOf = (range: string | null): number => Number(/^bytes (\d+)-/.exec(range ?? '')?.[1] ?? Number.NaN);

/** Bytes that may be written beside a part before the disk is as full as a hub bears. */
export const roomFor = (part: string): number => {
  const { bavail, bsize } = statfsSync(dirname(part));
  return Math.max(0, bavail * bsize - SPARE_BYTES);
};

export const full = (part: string, bytes: number): ModelError =>
  new ModelError('E_MODEL_SPACE', `${dirname(part)} has no room for ${bytes} bytes and ${SPARE_BYTES} to spare`);

function readBegun(part: string, from: URL): Begun | null {
  try {
    if (!existsSync(part)) return null;
    const value: unknown = JSON.parse(readFileSync(`${part}.json`, 'utf8'));
    if (typeof value !== 'object' || value === null) return null;
    const { url, tag, total } = value as Readonly<Record<string, unknown>>;
    if (url !== keyOf(from) || typeof tag !== 'string' || typeof total !== 'number') return null;
    return { url: keyOf(from), tag, total };
  } catch {
    return null;
  }
}

/** A query may hold a secret: it is compared, and not kept. */
const keyOf = ({ href }: URL): string => createHash('sha256').update(href).digest('hex');

const writeBegun = (part: string, begun: Begun): void => writeDurably(`${part}.json`, JSON.stringify(begun));

/** Nothing of it can be gone on with. */
export function forget(part: string): void {
  for (const file of [part, `${part}.json`]) rmSync(file, { force: true });
}

/** An address as it was typed. Throws E_MODEL_SOURCE for what is none, or holds a password: that would stand in the process list. */
export function addressOf(typed: string): URL {
  const url = URL.canParse(typed) ? new URL(typed) : null;
  if (url === null || !isHttp(url)) throw new ModelError('E_MODEL_SOURCE', 'what was typed is no web address');
  if (url.username === '' && url.password === '') return url;
  throw new ModelError('E_MODEL_SOURCE', `${told(url)}: a name or password in an address is not sent: leave it out`);
}

/** An address as it is shown and kept: without what may be a secret in it. */
export const told = ({ protocol, host, pathname }: URL): string => `${protocol}//${host}${pathname}`;

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
};
