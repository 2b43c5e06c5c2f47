import { type Limit, SAMPLES } from '../limit.ts';

/** A look is every half minute or minute: so long, and it was not one look alone. */
const LASTING = { samples: SAMPLES, ms: 90_000 } as const;
const ONCE = { samples: 1, ms: 0 } as const;

/** What runs on the host and answers questions: certificates, containers, databases, scraped endpoints. */
export const SERVICE_LIMITS: readonly Limit[] = [
  {
    ...{ signal: 'certificate.expiry', metric: 'certificate.days_left', what: 'days until a certificate of % ends' },
    ...{ at: 14, healthy: 'above', critical: 3, severity: 'warning', ...ONCE },
    why: 'two weeks are time to renew it on a site that changes things once a week',
  },
  {
    ...{
      signal: 'container.restarts',
      metric: 'container.restarts',
      what: 'restarts of the container % in ten minutes',
    },
    ...{ at: 3, critical: 20, severity: 'warning', ...ONCE },
    why: 'its own policy starts it again and again, and it does no work between',
  },
  {
    ...{
      signal: 'container.unhealthy',
      metric: 'container.unhealthy',
      what: 'health check of the container % failing',
    },
    ...{ at: 1, severity: 'warning', ...ONCE },
    why: 'docker itself waits for three failed checks before it says so',
  },
  {
    ...{ signal: 'database.down', metric: 'database.down', what: 'the database % not answering its client', at: 1 },
    ...{ severity: 'critical', ...LASTING },
    why: 'what the client can not reach, no application can',
  },
  {
    ...{
      signal: 'database.connections',
      metric: 'database.connections_percent',
      what: 'connections in use of the database %',
    },
    ...{ at: 85, critical: 95, full: 100, severity: 'warning', ...LASTING },
    why: 'at the limit the next application is refused, and so is whoever wants to look',
  },
  {
    ...{
      signal: 'database.cache',
      metric: 'database.cache_hit_percent',
      what: 'share of reads from memory of the database %',
    },
    ...{ at: 50, healthy: 'above', severity: 'info', samples: SAMPLES, ms: 600_000 },
    why: 'half of all reads go to disk for ten minutes: its memory is too small, or a query reads everything',
  },
  {
    ...{
      signal: 'database.locks',
      metric: 'database.waiting_locks',
      what: 'statements that wait for a lock in the database %',
    },
    ...{ at: 10, severity: 'warning', ...LASTING },
    why: 'one transaction holds up all behind it, and each of them holds a connection',
  },
  {
    ...{
      signal: 'database.wal_archive',
      metric: 'database.archive_failures',
      what: 'logs that the database % could not archive',
    },
    ...{ at: 1, severity: 'warning', ...ONCE },
    why: 'what is not archived can not be restored, and stays on its disk until that is full',
  },
  {
    ...{
      signal: 'database.replication_lag',
      metric: 'database.replication_lag_s',
      what: 'lag of a replica of the database %',
    },
    ...{ at: 60, critical: 600, severity: 'warning', ...LASTING },
    why: 'a minute of writes would be lost with the primary',
  },
  {
    ...{
      signal: 'database.replication',
      metric: 'database.replication_down',
      what: 'replication of the database % broken',
    },
    ...{ at: 1, severity: 'critical', ...LASTING },
    why: 'the replica gets nothing any more',
  },
  {
    ...{ signal: 'database.memory', metric: 'database.memory_percent', what: 'memory in use of the database %' },
    ...{ at: 92, critical: 98, full: 100, severity: 'warning', ...LASTING },
    why: 'at its limit redis refuses writes, or drops keys',
  },
  {
    ...{ signal: 'endpoint.down', metric: 'scrape.down', what: 'the endpoint % not answering', at: 1 },
    ...{ severity: 'warning', ...LASTING },
    why: 'its numbers are not there, and most often what it measures is not either',
  },
];
