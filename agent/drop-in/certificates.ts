import { isScalar } from 'yaml';
import { isGlob } from '../sense/logs/glob.ts';
import { namedList } from './section.ts';

/** Certificate files whose end is watched. */
export interface WatchedCertificates {
  readonly name: string;
  readonly glob: string;
}

/** Each is one metric. */
export const MAX_CERTIFICATES = 32;

export const certificatesSection = namedList<WatchedCertificates>({
  name: 'certificates',
  max: MAX_CERTIFICATES,
  read: (reader, node) => {
    const map = reader.map(node, 'a set of certificates', ['name', 'glob']);
    const glob = map.get('glob', true);
    if (!isScalar(glob) || typeof glob.value !== 'string' || !isGlob(glob.value)) {
      return reader.fail(
        glob ?? map,
        'has no good glob',
        'give `glob: /etc/app/tls/*.pem`; only * and ? within a name',
      );
    }
    return { name: reader.name(map), glob: glob.value };
  },
});
