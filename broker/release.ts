import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { decodeCbor, encodeCbor } from './cbor.ts';
import type { KeyPair } from './keys.ts';
import { bytes, type Infer, int, list, oneOf, pattern, record, text } from './shape.ts';
import { open, peek, seal } from './signed.ts';
import { PLAIN_VERSION } from './version.ts';

/** How large a release of the agent may be, and in which pieces it travels. */
export const RELEASE_LIMITS = {
  /** One piece: what the acting socket takes in one act, and a quarter of an MQTT payload. */
  chunk: 16_384,
  chunks: 256,
  /** Compressed, 256 pieces: ten times the agent of today. */
  packed: 4_194_304,
  /** The code itself, when it is unpacked. */
  code: 16_777_216,
  /** The signed description: 256 sums of 32 bytes, and some words. */
  message: 16_384,
  /** RELEASE.json. */
  label: 4_096,
} as const;

const sum = pattern(/^[0-9a-f]{64}$/, '64 hex digits');

/** What the release key signs: which agent this is, and the sum of each piece, so that nothing unsigned is ever kept. */
export const releaseShape = record({
  product: oneOf('sentinel-agent'),
  version: pattern(PLAIN_VERSION, 'a version: three numbers'),
  /** RELEASE.json, as it is put beside the code. */
  label: text(RELEASE_LIMITS.label),
  code: record({ size: int(1, RELEASE_LIMITS.code), sha256: sum }),
  packed: record({ size: int(1, RELEASE_LIMITS.packed), sha256: sum }),
  /** SHA-256 of each piece, in order. */
  chunks: list(bytes(32, true), RELEASE_LIMITS.chunks),
});
export type Release = Infer<typeof releaseShape>;

export class ReleaseError extends Error {
  readonly code = 'E_RELEASE';
}

/** A release as it is carried: its signed description, and its code, compressed. */
export interface ReleaseFile {
  readonly message: Uint8Array;
  readonly packed: Uint8Array;
}

const MAGIC = Buffer.from('sentinel-agent-upgrade 1\n');
const HEAD = MAGIC.length + 4;

/** Signs `code` as a release of this version. The same code, version, label and key give the same bytes. */
export function makeRelease(
  { version, label, code }: Pick<Release, 'version' | 'label'> & { readonly code: Uint8Array },
  key: KeyPair,
): ReleaseFile {
  const packed = new Uint8Array(gzipSync(code, { level: 9 }));
  const release = {
    product: 'sentinel-agent',
    version,
    label,
    code: { size: code.length, sha256: sha256(code) },
    packed: { size: packed.length, sha256: sha256(packed) },
    chunks: chunksOf(packed).map((chunk) => new Uint8Array(createHash('sha256').update(chunk).digest())),
  };
  return { message: seal('release', encodeCbor(checked(releaseShape(release, ''))), key), packed };
}

/** The bytes of an upgrade file. */
export function writeReleaseFile({ message, packed }: ReleaseFile): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return new Uint8Array(Buffer.concat([MAGIC, length, message, packed]));
}

/** The parts of an upgrade file, whole and as its description has them; who signed it is not looked at. Throws ReleaseError or ShapeError. */
export function readReleaseFile(file: Uint8Array): ReleaseFile {
  const head = Buffer.from(file.subarray(0, HEAD));
  if (head.length < HEAD || !head.subarray(0, MAGIC.length).equals(MAGIC))
    throw new ReleaseError('not an upgrade file: `npm run pack -- --key FILE` makes one');
  const length = head.readUInt32BE(MAGIC.length);
  if (length > RELEASE_LIMITS.message || HEAD + length > file.length)
    throw new ReleaseError('the upgrade file is cut short: copy it again');
  const message = file.slice(HEAD, HEAD + length);
  const packed = file.slice(HEAD + length);
  checkPacked(peekRelease(message), packed);
  return { message, packed };
}

/** What the release key has signed. Throws SignatureError, ShapeError or ReleaseError. */
export const openRelease = (message: Uint8Array, key: Uint8Array): Release =>
  checked(releaseShape(decodeCbor(open('release', message, key)), ''));

/** The same without a look at the signature: for who only carries it. */
export const peekRelease = (message: Uint8Array): Release => checked(releaseShape(decodeCbor(peek(message)), ''));

/** Names a release: of the description as it was signed. */
export const releaseHash = (message: Uint8Array): string => sha256(message);

/** The pieces of a release, in order; the last may be shorter. */
export function chunksOf(packed: Uint8Array): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < packed.length; at += RELEASE_LIMITS.chunk)
    chunks.push(packed.slice(at, at + RELEASE_LIMITS.chunk));
  return chunks;
}

/** Whether these bytes are that piece of the release. */
export function isChunk({ chunks }: Release, index: number, chunk: Uint8Array): boolean {
  const wanted = chunks[index];
  return wanted !== undefined && createHash('sha256').update(chunk).digest().equals(wanted);
}

/** The code of a release, unpacked only when all of it is what was signed. Throws ReleaseError. */
export function unpackRelease(release: Release, packed: Uint8Array): Uint8Array {
  checkPacked(release, packed);
  try {
    const code = new Uint8Array(gunzipSync(packed, { maxOutputLength: release.code.size }));
    if (sha256(code) === release.code.sha256) return code;
  } catch {
    // It is signed, and yet no archive of that size: said below.
  }
  throw new ReleaseError('what is packed is not the code that was signed');
}

export const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

function checkPacked(release: Release, packed: Uint8Array): void {
  if (packed.length !== release.packed.size || sha256(packed) !== release.packed.sha256)
    throw new ReleaseError('the release is not whole: copy it again');
}

/** As many sums as pieces: no piece without one, and no sum that nothing answers to. */
function checked(release: Release): Release {
  if (release.chunks.length !== Math.ceil(release.packed.size / RELEASE_LIMITS.chunk))
    throw new ReleaseError('the release has not as many sums as pieces');
  return release;
}
