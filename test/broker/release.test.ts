import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import {
  chunksOf,
  isChunk,
  makeRelease,
  openRelease,
  peekRelease,
  RELEASE_LIMITS,
  readReleaseFile,
  releaseHash,
  sha256,
  unpackRelease,
  writeReleaseFile,
} from '../../broker/release.ts';
import { seal } from '../../broker/signed.ts';

const test = suite('releases');
const key = newKeyPair();
/** Of several pieces: bytes that do not compress. */
const code = new Uint8Array(
  Buffer.concat(Array.from({ length: 1_300 }, (_, i) => createHash('sha256').update(String(i)).digest())),
);
const made = (change: object = {}, by: KeyPair = key) =>
  makeRelease({ version: '0.2.0', label: '{"version":"0.2.0"}', code, ...change }, by);

const refused = (act: () => unknown): string => {
  try {
    act();
    return 'taken';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
};

test('what was signed comes out again, and the same twice', () => {
  const file = writeReleaseFile(made());
  assert.equal(file, writeReleaseFile(made()));
  const { message, packed } = readReleaseFile(file);
  const release = openRelease(message, key.public);
  assert.is(release.version, '0.2.0');
  assert.equal(unpackRelease(release, packed), code);
  assert.is(chunksOf(packed).length, release.chunks.length);
  for (const [i, chunk] of chunksOf(packed).entries()) {
    assert.ok(isChunk(release, i, chunk));
    assert.not.ok(isChunk(release, i + 1, chunk));
  }
});

test('another key, another kind of message, and a changed description are refused', () => {
  const { message } = made();
  assert.is(
    refused(() => openRelease(message, newKeyPair().public)),
    'E_SIGNATURE',
  );
  assert.is(
    refused(() => openRelease(seal('upgrade', encodeCbor(peekRelease(message)), key), key.public)),
    'E_SIGNATURE',
  );
  const changed = Uint8Array.from(message, (byte, i) => (i === 80 ? byte ^ 1 : byte));
  assert.is.not(
    refused(() => openRelease(changed, key.public)),
    'taken',
  );
  assert.is.not(releaseHash(changed), releaseHash(message));
});

test('a file that is cut anywhere, longer, or no upgrade file is refused', () => {
  const file = writeReleaseFile(made());
  void fc.assert(
    fc.property(fc.integer({ min: 0, max: file.length - 1 }), (length) => {
      assert.match(
        refused(() => readReleaseFile(file.subarray(0, length))),
        /^E_(RELEASE|CBOR|MESSAGE_SHAPE)$/,
      );
    }),
    { numRuns: 60 },
  );
  assert.is(
    refused(() => readReleaseFile(Buffer.concat([file, Buffer.alloc(1)]))),
    'E_RELEASE',
  );
  assert.is(
    refused(() => readReleaseFile(Buffer.from('#!/bin/sh\n'.repeat(20)))),
    'E_RELEASE',
  );
});

test('the release key itself can’t have more unpacked than it says', () => {
  const bomb = gzipSync(Buffer.alloc(1_000_000));
  const lying = {
    ...peekRelease(made().message),
    code: { size: 1_000, sha256: sha256(Buffer.alloc(1_000)) },
    packed: { size: bomb.length, sha256: sha256(bomb) },
    chunks: [new Uint8Array(32)],
  };
  assert.is(
    refused(() => unpackRelease(lying, bomb)),
    'E_RELEASE',
  );
  assert.is(
    refused(() => peekRelease(seal('release', encodeCbor({ ...lying, chunks: [] }), key))),
    'E_RELEASE',
  );
  const huge = { ...lying, packed: { ...lying.packed, size: RELEASE_LIMITS.packed + 1 } };
  assert.is(
    refused(() => peekRelease(seal('release', encodeCbor(huge), key))),
    'E_MESSAGE_SHAPE',
  );
  assert.is(
    refused(() => peekRelease(seal('release', encodeCbor({ ...lying, version: '1.0' }), key))),
    'E_MESSAGE_SHAPE',
  );
});

test.run();
