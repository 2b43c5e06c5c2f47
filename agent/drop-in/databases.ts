import { isScalar, type YAMLMap } from 'yaml';
import type { Reader } from './reader.ts';
import { namedList } from './section.ts';

/** A database that its own client can ask; a password is only ever in the client's own file. */
export interface WatchedDatabase {
  readonly name: string;
  readonly kind: 'postgres' | 'redis';
  /** A name, an address, or a folder or path of a unix socket; empty for the client's default. */
  readonly host: string;
  readonly port?: number;
  readonly user: string;
  readonly database: string;
  /** postgres: a .pgpass file. redis: a file with the password alone. Empty for none. */
  readonly passwordFile: string;
}

/** Each is one short process a minute. */
export const MAX_DATABASES = 8;
const KEYS = ['name', 'kind', 'host', 'port', 'user', 'database', 'password_file'];
const WORD = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
const HOST = /^(?:[A-Za-z0-9][A-Za-z0-9.:-]{0,126}|\/[A-Za-z0-9_./-]{1,106})$/;

export const databasesSection = namedList<WatchedDatabase>({
  name: 'databases',
  max: MAX_DATABASES,
  read: (reader, node) => {
    const map = reader.map(node, 'a database', KEYS);
    const kind = map.get('kind', true);
    const word = isScalar(kind) ? kind.value : undefined;
    if (word !== 'postgres' && word !== 'redis') {
      return reader.fail(kind ?? map, 'kind is neither postgres nor redis', 'give one of them');
    }
    const port = reader.positive(map, 'port');
    if (port !== undefined && (!Number.isInteger(port) || port > 65_535)) {
      reader.fail(map.get('port', true), 'port is no port', 'give 1 to 65535');
    }
    return {
      name: reader.name(map),
      kind: word,
      host: text(reader, map, 'host', HOST, 'a host name, an address, or the path of a socket'),
      user: text(reader, map, 'user', WORD, 'a name of letters, digits and dashes'),
      database: text(reader, map, 'database', WORD, 'a name of letters, digits and dashes'),
      passwordFile: reader.path(map, 'password_file') ?? '',
      ...(port === undefined ? {} : { port }),
    };
  },
});

function text(reader: Reader, map: YAMLMap, key: string, form: RegExp, what: string): string {
  const node = map.get(key, true) as unknown;
  if (node === undefined) return '';
  if (isScalar(node) && typeof node.value === 'string' && form.test(node.value)) return node.value;
  return reader.fail(node, `${key} is not of its form`, `give ${what}`);
}
