import type { TopProcess } from '../../evidence/processes.ts';
import { number } from '../../evidence/words.ts';
import { command, end, type Found, type KnownCause, nice, restart, unitLog } from './cause.ts';
import type { Signs } from './signs.ts';

const DATABASE = /postgres|mysql|mariadb|mongod|redis/i;
const activity = command(
  "psql -X -c 'SELECT pid,state,wait_event_type,query FROM pg_stat_activity'",
  'Shows every session with what it waits for.',
);
const processes = command("mysql -e 'SHOW FULL PROCESSLIST'", 'Shows every session with what it waits for.');
/** Tools are those of the database that the evidence shows. */
const isMysql = (signs: Signs): boolean =>
  signs.process(/\b(?:mysqld|mariadbd?)\b/) !== undefined || signs.metric(/^(?:mysql|mariadb)/) !== undefined;
const databaseUnit = (signs: Signs): string | undefined => signs.unitLike(DATABASE);

/** One session holds, all others wait: ending the holder's session frees the queue. */
const lockQueue: KnownCause = {
  id: 'lock-queue',
  class: 'lock-queue',
  find: (signs) => {
    const line = signs.line(
      /still waiting for \w*lock|process holding the lock: (\d+)|lock wait timeout|deadlock detected|waiting for table metadata lock/i,
    );
    if (line === undefined && !signs.hasSignal('database.locks')) return null;
    const named = signs.line(/process(?:es)? holding the lock: (\d+)/i)?.groups[0];
    const idle = signs.processes.find(({ cmd }) => /idle in transaction/.test(cmd.text));
    const holder = signs.processes.find(({ process }) => String(process.pid) === named) ?? idle;
    const mysql = isMysql(signs);
    const dump = signs.process(
      /\b(?:mysqldump|mariadb-dump)\b.*--(?:lock-all-tables|lock-tables|master-data|source-data|flush-logs)/,
    );
    if (mysql && dump !== undefined) return heldByDump(signs, dump, line?.id);
    const pid = holder?.process.pid;
    const change = signs.since('migration', 'alter', 'schema');
    return {
      sentence: `Statements queue behind a lock${pid === undefined ? ' that one transaction holds' : `: session ${pid}${idle === holder ? ', idle in a transaction (idle in transaction)' : ''} holds it in its open transaction`}${signs.metric(/locks/)?.words ? `; ${signs.metric(/locks/)?.words} wait` : ''}${change.words}.`,
      evidence: [
        ...signs.main,
        ...(line === undefined ? [] : [line.id]),
        ...(holder === undefined ? [] : signs.itemOf(holder)),
        ...change.ids,
      ],
      commands: [
        mysql ? processes : activity,
        ...(pid === undefined || mysql
          ? []
          : [
              command(
                `psql -X -c 'SELECT pg_terminate_backend(${pid})'`,
                'Ends the session that holds the lock; its transaction is undone, and the queue goes on.',
              ),
            ]),
      ],
      sure: 'decisive',
      ...(pid === undefined ? { person: true } : {}),
    };
  },
};

/** A dump that locks every table: all who write wait until it has ended. */
function heldByDump(signs: Signs, dump: TopProcess, line: string | undefined): Found {
  const change = signs.since('dump', 'backup');
  return {
    sentence: `Statements queue behind a lock that ${signs.name(dump)} holds on all tables while it dumps them${change.words}.`,
    evidence: [...signs.main, ...(line === undefined ? [] : [line]), ...signs.itemOf(dump), ...change.ids],
    commands: [processes, end(dump.process.pid)],
    sure: 'decisive',
  };
}

/** A replica falls behind for want of disk, of network, or of its primary. */
const replication: KnownCause = {
  id: 'replication',
  class: 'replication-lag',
  find: (signs) => {
    if (
      !signs.hasSignal('database.replication_lag', 'database.replication') &&
      signs.line(/replication.{0,40}(?:lag|broken|stopped)|wal receiver|standby.*behind/i) === undefined
    )
      return null;
    const away = signs.line(
      /could not connect to the primary|no route to host|connection (?:refused|timed out|reset)|wal receiver.{0,40}(?:fail|terminat)|io_running: (?:no|connecting)/i,
    );
    const slot = signs.line(/requested wal segment .{0,40}already been removed|replication slot/i);
    const busy = signs.hasSignal('disk.slow', 'host.io_pressure') || signs.metric(/disk\.(?:busy|await)/) !== undefined;
    const job = signs.processes.find(({ cmd }) =>
      /\b(?:restic|borg|rsync|tar|pg_dump|pg_basebackup|mysqldump|rclone|updatedb)\b/.test(cmd.text),
    );
    const long = signs.processes.find(({ cmd }) => /select|idle in transaction/i.test(cmd.text));
    const change =
      away === undefined
        ? signs.since(job && signs.program(job))
        : signs.since('switch', 'firewall', 'network', 'vlan', 'route', 'link');
    const why =
      away !== undefined
        ? 'it can not reach (connect to) its primary: the network, a route or a firewall between them'
        : slot !== undefined
          ? 'the primary no longer has the WAL that it needs'
          : job !== undefined
            ? `${signs.name(job)}, a backup or batch job, keeps its disk busy, so replay can not keep up`
            : busy
              ? 'its disk is saturated, so replay can not keep up'
              : long !== undefined
                ? 'a long query on the replica holds back the replay'
                : 'its disk, its network or a long query holds back the replay';
    return {
      sentence: `The replica lags behind its primary (replication lag ${signs.metric(/replication/)?.words ?? ''}): ${why}${change.words}.`,
      evidence: [
        ...signs.main,
        ...(away === undefined ? [] : [away.id]),
        ...(job === undefined ? [] : signs.itemOf(job)),
        ...change.ids,
      ],
      commands:
        away !== undefined
          ? [
              command('ip route', 'Shows whether there is a way to the primary.'),
              command('ip -s link', 'Shows the state of the interfaces.'),
              command('ss -tn state established', 'Shows whether the connection to the primary stands.'),
            ]
          : [
              ...(job === undefined ? [] : [nice(job.process.pid)]),
              command('iostat -x 1 3', 'Shows whether the disk keeps up.'),
              command("psql -X -c 'SELECT * FROM pg_stat_wal_receiver'", 'Shows the state of the stream.'),
            ],
      sure: away !== undefined || job !== undefined ? 'decisive' : 'likely',
      ...(away === undefined && job !== undefined ? {} : { person: true }),
    };
  },
};

/** Connections that an application never gives back. */
const connections: KnownCause = {
  id: 'connections',
  class: 'connection-exhaustion',
  find: (signs) => {
    const line = signs.line(
      /remaining connection slots|too many (?:connections|clients)|connection pool.{0,40}(?:exhausted|timeout|full)|queuepool limit|pool:? \d+ connections/i,
    );
    const used = signs.metric(/^database\.connections/);
    if (line === undefined && used === undefined) return null;
    if (signs.line(/still waiting for|holding the lock/i) !== undefined) return null;
    const hog = signs.line(/^(?:\d+ times: )?([\w@.-]+): .{0,80}(?:connections? open|pool|none returned|leak)/i)
      ?.groups[0];
    const unit =
      signs.units.find((one) => hog !== undefined && one.startsWith(hog) && !DATABASE.test(one)) ??
      signs.units.find((one) => !DATABASE.test(one) && signs.since(one).ids.length > 0);
    const change = signs.since(unit, hog);
    const undo =
      change.package === null
        ? []
        : [
            command(
              `apt-get install --allow-downgrades -y ${change.package[0]}=${change.package[1]}`,
              'Goes back to the version that worked.',
            ),
          ];
    return {
      sentence: `The connections of the database are used up (exhausted${used?.words ? `, ${used.words}` : ''}): ${unit === undefined ? 'an application opens too many or never returns them to its pool' : `${unit} opens connections and never returns them to its pool`}${change.words}.`,
      evidence: [...signs.main, ...(line === undefined ? [] : [line.id]), ...change.ids],
      commands: [
        ...(unit === undefined ? [activity] : [restart(unit)]),
        command('ss -tn state established', 'Shows who holds how many connections.'),
        ...undo,
      ],
      sure: line !== undefined ? 'decisive' : 'likely',
      ...(unit === undefined ? { person: true } : {}),
    };
  },
};

/** WAL that can't be archived is kept for ever. */
const archive: KnownCause = {
  id: 'wal-archive',
  class: 'wal-archive-failing',
  find: (signs) => {
    const line = signs.line(
      /archive command failed|archive_command|could not (?:archive|be archived)|wal.{0,30}archiv/i,
    );
    const slot = signs.line(/inactive replication slot|slot .{0,40}(?:inactive|retain)/i);
    if (line === undefined && slot === undefined) return null;
    return {
      sentence: `${line === undefined ? 'A replication slot that nobody reads' : 'The archive command of the database fails, which'} keeps its write-ahead log (WAL, pg_wal), and that fills ${signs.fullMount() ?? 'the disk'}.`,
      evidence: [...[line, slot].flatMap((one) => (one === undefined ? [] : [one.id])), ...signs.main],
      commands: [
        unitLog(databaseUnit(signs) ?? 'postgresql.service'),
        command('df -h', 'Shows whether the archive target is full.'),
      ].filter(({ command: text }) => databaseUnit(signs) !== undefined || !text.startsWith('journalctl')),
      sure: 'decisive',
      person: true,
    };
  },
};

/** A cache at its bound refuses writes or forgets what is needed. */
const cache: KnownCause = {
  id: 'cache-full',
  class: 'cache-full',
  find: (signs) => {
    const line = signs.line(/oom command not allowed|maxmemory|evicted keys/i);
    const used = signs.metric(/^redis|database\.memory/);
    if (line === undefined) return null;
    return {
      sentence: `Redis has reached its memory bound (maxmemory${used?.value === undefined ? '' : `, ${number(used.value)}`}): it refuses writes or evicts what is needed.`,
      evidence: [line.id, ...signs.main],
      commands: [
        command('redis-cli info memory', 'Shows how much is used, and the bound.'),
        command('redis-cli info clients', 'Shows who is connected.'),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

export const DATABASES: readonly KnownCause[] = [lockQueue, replication, connections, archive, cache];
