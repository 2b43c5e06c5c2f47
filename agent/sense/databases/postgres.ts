import { maybe, nullable, real, record, type Shape } from '../../../broker/shape.ts';
import type { WatchedDatabase } from '../../drop-in/databases.ts';
import { percent } from '../sense.ts';
import { runClient } from './client.ts';
import { type DatabaseLook, NOTHING } from './look.ts';

/**
 * One question, one JSON object. A standby that has replayed all that it got is not behind, however long the primary
 * has had nothing to say.
 */
const QUESTION = `SELECT json_build_object(
  'used', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
  'max', current_setting('max_connections')::int,
  'hits', (SELECT sum(blks_hit) FROM pg_stat_database),
  'misses', (SELECT sum(blks_read) FROM pg_stat_database),
  'archive_failures', (SELECT failed_count FROM pg_stat_archiver),
  'waiting', (SELECT count(*) FROM pg_locks WHERE NOT granted),
  'lag', CASE WHEN NOT pg_is_in_recovery() THEN (SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication)
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END,
  'receiver_down', CASE WHEN pg_is_in_recovery() AND NOT EXISTS (SELECT 1 FROM pg_stat_wal_receiver) THEN 1
    WHEN pg_is_in_recovery() THEN 0 END)`;

const answer: Shape<{
  readonly used: number;
  readonly max: number;
  readonly hits?: number | null;
  readonly misses?: number | null;
  readonly archive_failures?: number | null;
  readonly waiting?: number | null;
  readonly lag?: number | null;
  readonly receiver_down?: number | null;
}> = record({
  used: real,
  max: real,
  hits: maybe(nullable(real)),
  misses: maybe(nullable(real)),
  archive_failures: maybe(nullable(real)),
  waiting: maybe(nullable(real)),
  lag: maybe(nullable(real)),
  receiver_down: maybe(nullable(real)),
});

/** Reads what the question is answered with; throws on anything else. */
export function parsePostgres(text: string): DatabaseLook {
  const said = answer(JSON.parse(text), '');
  return {
    ...NOTHING,
    connectionsPercent: percent(said.used, said.max),
    hits: said.hits ?? null,
    misses: said.misses ?? null,
    archiveFailures: said.archive_failures ?? null,
    waitingLocks: said.waiting ?? null,
    lagSeconds: said.lag ?? null,
    replicationDown: said.receiver_down ?? null,
  };
}

/** Asks a postgres by psql: read-only, without start-up files, without a prompt. Rejects when it does not answer. */
export async function askPostgres(declared: WatchedDatabase, signal: AbortSignal): Promise<DatabaseLook> {
  const { host, port, user, database, passwordFile } = declared;
  const args = ['-X', '-A', '-t', '-q', '-w', '-v', 'ON_ERROR_STOP=1'];
  if (host !== '') args.push(`--host=${host}`);
  if (port !== undefined) args.push(`--port=${port}`);
  if (user !== '') args.push(`--username=${user}`);
  args.push(`--dbname=${database === '' ? 'postgres' : database}`, `--command=${QUESTION}`);
  const env = {
    PGAPPNAME: 'sentinel',
    PGCONNECT_TIMEOUT: '5',
    PGOPTIONS: '-c statement_timeout=5000 -c default_transaction_read_only=on',
    ...(passwordFile === '' ? {} : { PGPASSFILE: passwordFile }),
  };
  return parsePostgres(await runClient('psql', args, env, signal));
}
