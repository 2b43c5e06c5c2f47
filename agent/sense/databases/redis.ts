import type { WatchedDatabase } from '../../drop-in/databases.ts';
import { percent } from '../sense.ts';
import { readSecret, runClient } from './client.ts';
import { type DatabaseLook, NOTHING } from './look.ts';

/** Reads redis's answer to INFO; throws on anything else, as on `NOAUTH Authentication required.` */
export function parseRedis(text: string): DatabaseLook {
  const fields = new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon <= 0 || line.startsWith('#') ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
  const number = (name: string): number | null => {
    const value = Number(fields.get(name) || Number.NaN);
    return Number.isFinite(value) ? value : null;
  };
  const role = fields.get('role');
  if (role === undefined || number('used_memory') === null) {
    throw new Error(`redis-cli: ${text.trim().replace(/\p{C}/gu, ' ').slice(0, 120)}`);
  }
  const replica = role === 'slave';
  return {
    ...NOTHING,
    connectionsPercent: percent(number('connected_clients') ?? Number.NaN, number('maxclients') ?? 0),
    hits: number('keyspace_hits'),
    misses: number('keyspace_misses'),
    // A primary pings its replicas every ten seconds: what is longer ago than that is lag.
    lagSeconds: replica ? number('master_last_io_seconds_ago') : null,
    replicationDown: replica ? (fields.get('master_link_status') === 'up' ? 0 : 1) : null,
    // Without a limit it takes what the host has, which the host's own memory tells.
    memoryPercent: percent(number('used_memory') ?? Number.NaN, number('maxmemory') ?? 0),
  };
}

/** Asks a redis by redis-cli. Rejects when it does not answer. */
export async function askRedis(declared: WatchedDatabase, signal: AbortSignal): Promise<DatabaseLook> {
  const { host, port, user, passwordFile } = declared;
  const args = host.startsWith('/') ? ['-s', host] : host === '' ? [] : ['-h', host];
  if (port !== undefined) args.push('-p', String(port));
  if (user !== '') args.push('--user', user);
  // redis-cli has no file for its password: it takes it from its environment, which only its own user can read.
  const env = passwordFile === '' ? {} : { REDISCLI_AUTH: await readSecret(passwordFile) };
  return parseRedis(await runClient('redis-cli', ['--no-auth-warning', ...args, 'INFO'], env, signal));
}
