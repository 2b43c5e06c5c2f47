import { X509Certificate } from 'node:crypto';
import { join, relative } from 'node:path';
import { namesIn, readTail } from '../changes/bounded-read.ts';
import { expandGlob } from '../sense/logs/glob.ts';
import { foreign, type Probe, type ProbeHost, plain } from './probe.ts';

/** Where servers usually keep their own certificates; authorities' bundles are not of interest. `*` is one folder. */
const PLACES = [
  'etc/letsencrypt/live/*',
  'etc/nginx',
  'etc/nginx/ssl',
  'etc/nginx/tls',
  'etc/apache2/ssl',
  'etc/httpd/ssl',
  'etc/haproxy/certs',
  'etc/mosquitto/certs',
  'etc/postgresql/*/main',
  'etc/kubernetes/pki',
  'etc/pki/tls/certs',
  'etc/ssl',
  'etc/ssl/localcerts',
];
const PER_FOLDER = 64;
const FILES = 256;
const MAX_BYTES = 65_536;
const SHOWN = 40;
const DAY = 86_400_000;

/** Until when the certificates of this host are valid, those that the site declared too, the earliest first. Files that are closed to this agent are left out. */
export const certificates: Probe = (_, { root, now, sensor }: ProbeHost) => {
  const found: { until: number; path: string; names: string }[] = [];
  const files = PLACES.flatMap((place) => foldersOf(root, place)).flatMap((folder) =>
    namesIn(join(root, folder), PER_FOLDER).flatMap((name) =>
      /\.(?:pem|crt|cer)$/.test(name) ? [`${folder}/${name}`] : [],
    ),
  );
  const declared = sensor.watch
    .declared()
    .certificates.flatMap(({ glob }) => expandGlob(join(root, glob)))
    .map((path) => relative(root, path));
  for (const path of [...new Set([...declared, ...files])].slice(0, FILES)) {
    const text = readTail(join(root, path), MAX_BYTES)?.bytes.toString('latin1') ?? '';
    // The first is the server's own; the others are of those who signed it.
    const pem = /-----BEGIN CERTIFICATE-----[^-]{1,16384}-----END CERTIFICATE-----/.exec(text)?.[0];
    if (pem === undefined) continue;
    try {
      const { validTo, subjectAltName, subject } = new X509Certificate(pem);
      found.push({ until: Date.parse(validTo), path: `/${path}`, names: subjectAltName ?? subject });
    } catch {
      // It looks like one and is none.
    }
  }
  return [
    plain(`${found.length} certificates found`),
    ...found
      .sort((a, b) => a.until - b.until)
      .slice(0, SHOWN)
      .map(({ until, path, names }) => {
        const days = Math.floor((until - now()) / DAY);
        const when = days < 0 ? `expired ${-days} days ago` : `valid for ${days} days`;
        return foreign(
          `${when}, until ${new Date(until).toISOString().slice(0, 10)}: ${path} (${names.replace(/\s+/g, ' ')})`,
        );
      }),
  ];
};

function foldersOf(root: string, place: string): string[] {
  const [before = '', after] = place.split('/*');
  if (after === undefined) return [before];
  return namesIn(join(root, before), PER_FOLDER).map((name) => `${before}/${name}${after}`);
}
