import { type Cause, wordings } from '../cause.ts';

/** Databases, and logs that say more or other than they did. */
export const DATA_CAUSES: readonly Cause[] = [
  { class: 'database-down', signals: ['database.down'] },
  {
    class: 'connection-exhaustion',
    signals: ['database.connections', 'log.errors', 'log.new_error'],
    lines: wordings(
      2,
      'FATAL: sorry, too many clients already',
      'FATAL: remaining connection slots are reserved for superusers',
      '{svc}: too many connections to {db}',
      '{svc}: connection pool of {db} exhausted after {n} ms',
      'ERROR 1040: too many connections',
      '{svc}: no free connection in the pool of {db}',
      '{svc}: connection pool is exhausted, {n} wait',
      'FATAL: too many connections for role {user}',
    ),
  },
  {
    class: 'lock-queue',
    signals: ['database.locks', 'database.connections', 'log.errors'],
    lines: wordings(
      2,
      'LOG: process {n} still waiting for ShareLock on transaction {n}',
      'ERROR: deadlock detected',
      '{svc}: lock wait timeout exceeded on {word}',
      'canceling statement due to lock timeout',
      'DETAIL: process {n} waits for ExclusiveLock; blocked by process {n}',
      'LOG: process {n} still waiting for ExclusiveLock after {n} ms',
      '{svc}: statement on {word} cancelled: lock wait timeout',
    ),
  },
  {
    class: 'replication-lag',
    signals: ['database.replication_lag', 'database.replication', 'log.errors'],
    lines: wordings(
      2,
      'FATAL: terminating wal receiver process due to administrator command',
      'standby {word} is {n} s behind',
      'LOG: replication slot {word} is inactive',
      'replica {word}: relay log read failure',
      '{db}: standby does not keep up with the primary',
      'replication of {db} is {n} s behind',
      'wal receiver of standby {word} ended',
    ),
  },
  { class: 'cache-misses', signals: ['database.cache'] },
  {
    class: 'cache-full',
    signals: ['database.memory', 'log.errors'],
    lines: wordings(
      2,
      "redis: OOM command not allowed when used memory > 'maxmemory'",
      '{svc}: redis refused the write: maxmemory reached',
      'redis: evicted {n} keys, maxmemory {n}',
      '{svc}: OOM command not allowed',
      'redis: used memory is over maxmemory, write of {word} refused',
      '{svc}: redis is out of memory: write refused, maxmemory',
    ),
  },
  { class: 'log-flood', signals: ['log.flood', 'journal.flood'] },
  {
    class: 'new-error',
    signals: ['log.new_error', 'log.new_template', 'journal.errors', 'log.errors'],
    lines: wordings(
      2,
      '{svc}: error: unexpected reply {n} from {word}',
      '{svc}: error {n} while handling {word}',
      '{svc}: failed to process {word}: invalid length {n}',
      '{svc}: error: checksum of {word} differs',
      '{svc}: job {n} ended with error {n}',
      '{svc}: error: reply of {word} has wrong length {n}',
      '{svc}: failed: {word} ended with error {n}',
    ),
  },
];
