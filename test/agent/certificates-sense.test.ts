import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import { CertificatesSense, certificateEnds } from '../../agent/sense/certificates.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-26T00:00:00Z');

/** A certificate that ends so many days after NOW. */
async function certificate(days: number): Promise<x509.X509Certificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return x509.X509CertificateGenerator.createSelfSigned(
    {
      ...{ name: 'CN=plc-gw', keys, signingAlgorithm: algorithm, serialNumber: '01' },
      notBefore: new Date(NOW - 400 * DAY),
      notAfter: new Date(NOW + days * DAY),
    },
    webcrypto as unknown as Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[1],
  );
}

const test = suite<{ dir: string }>('certificates');
test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-certs-'));
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true }));

test('the first to end of all files and chains counts; two weeks before it is a warning, three days before critical', async ({
  dir,
}) => {
  const [long, short] = [await certificate(300), await certificate(20)];
  writeFileSync(join(dir, 'chain.pem'), `key first\n${long.toString('pem')}\n${short.toString('pem')}\n`);
  writeFileSync(join(dir, 'der.pem'), Buffer.from(long.rawData));
  writeFileSync(join(dir, 'none.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const declared = [
    { name: 'web', glob: `${dir}/*.pem` },
    { name: 'gone', glob: '/nonexistent/*.pem' },
  ];
  let wall = NOW;
  const sense = new CertificatesSense(
    () => declared,
    () => wall,
  );
  assert.is(sense.sample(0)[0]?.value, null);
  while (sense.sample(1)[0]?.value === null) await sleep(5);
  const detector = new Detector();
  const said = [20, 13.9, 2.9].map((days) => {
    wall = NOW + (20 - days) * DAY;
    const readings = sense.sample(2);
    assert.ok(Math.abs((readings[0]?.value ?? 0) - days) < 0.01);
    assert.is(readings[1]?.value, null, 'no file: nothing is known');
    return detector.feed(wall, readings).map(({ severity, signal }) => `${signal} ${severity}`);
  });
  assert.equal(said, [[], ['certificate.expiry warning'], ['certificate.expiry critical']]);
  sense.close();
});

test('a renewed one is noticed within minutes, though healthy ones are looked at hourly', async ({ dir }) => {
  writeFileSync(join(dir, 'a.pem'), (await certificate(1)).toString('pem'));
  const declared = [{ name: 'web', glob: `${dir}/*.pem` }];
  const sense = new CertificatesSense(
    () => declared,
    () => NOW,
  );
  while ((sense.sample(0)[0]?.value ?? null) === null) await sleep(5);
  sense.sample(1);
  writeFileSync(join(dir, 'a.pem'), (await certificate(90)).toString('pem'));
  // Six minutes later, in two samples: one begins the look, the next has its answer.
  for (let at = 360_000; (sense.sample(at)[0]?.value ?? 0) < 80; at++) await sleep(5);
  sense.close();
});

test('any bytes are no certificate, and nothing worse', () => {
  const framed = fc.string().map((text) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`);
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 500 }), framed), (bytes) => {
      assert.equal(certificateEnds(Buffer.from(bytes as string)), []);
    }),
  );
});
test.run();
