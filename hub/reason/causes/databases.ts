import type { TopProcess } from '../../evidence/processes.ts';
import { number, plainName } from '../../evidence/words.ts';
import { command, end, type Found, type KnownCause, restart, unitLog } from './cause.ts';
import { replication } from './replicas.ts';
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
    const told = signs.told(
      /\b(?:blocks|blocking|holds .{0,40}lock|holding .{0,40}lock|idle in transaction)\b/i,
    )?.process;
    const holder = signs.processes.find(({ process }) => String(process.pid) === named) ?? told ?? idle;
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

/** Percent of a database's connections from which on too few are left. */
const MANY_CONNECTIONS = 80;

/** Connections that an application never gives back. */
const connections: KnownCause = {
  id: 'connections',
  class: 'connection-exhaustion',
  find: (signs) => {
    const line = signs.line(
      /remaining connection slots|too many (?:connections|clients)|connection pool.{0,40}(?:exhausted|timeout|full)|queuepool limit|pool:? \d+ connections/i,
    );
    const used = signs.metric(/^database\.connections_percent/);
    if (line === undefined && (used?.value ?? 0) < MANY_CONNECTIONS) return null;
    const raised = poolRaised(signs);
    // Who waits for a lock keeps his connection: they are used up because of it, where nobody asks for more than before.
    if (raised === undefined && signs.line(/still waiting for|holding the lock/i) !== undefined) return null;
    const hog = signs.line(/^(?:\d+ times: )?([\w@.-]+): .{0,80}(?:connections? open|pool|none returned|leak)/i)
      ?.groups[0];
    const unit =
      signs.units.find((one) => hog !== undefined && one.startsWith(hog) && !DATABASE.test(one)) ??
      signs.units.find((one) => !DATABASE.test(one) && signs.since(one).ids.length > 0);
    const change = signs.since(...(raised === undefined ? [unit, hog] : ['maximumpoolsize', 'pool']));
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
      sentence: `The connections of the database are used up (exhausted${used?.words ? `, ${used.words}` : ''}): ${raised !== undefined ? `the pools of its clients were raised beyond what the server allows (max_connections)${raised.clients === '' ? '' : `, ${raised.clients}`}` : unit === undefined ? 'an application opens too many or never returns them to its pool' : `${unit} opens connections and never returns them to its pool`}${change.words}.`,
      evidence: [...signs.main, ...(line === undefined ? [] : [line.id]), ...change.ids],
      commands: [
        ...(unit === undefined ? [activity] : [restart(unit)]),
        command('ss -tn state established', 'Shows who holds how many connections.'),
        ...undo,
      ],
      sure: line !== undefined ? 'decisive' : 'likely',
      ...(raised === undefined ? {} : { apart: true }),
      ...(unit === undefined ? { person: true } : {}),
    };
  },
};

/** A change that lets clients open more connections than before, and how many each holds. */
function poolRaised(signs: Signs): { readonly clients: string } | undefined {
  const change = signs.change(/pool.{0,40}?(\d{1,5})\s*(?:->|→|to)\s*(\d{1,5})/i);
  if (change === undefined || !(Number(change.groups[1]) > Number(change.groups[0]))) return undefined;
  const each = signs
    .metrics(/conn.*(?:client|host|app|user)|(?:client|app).*conn/)
    .filter(({ label }) => label !== null);
  return {
    clients: each
      .slice(0, 2)
      .map(({ label, value }) => `${plainName(label ?? '')} holds ${number(value ?? 0)}`)
      .join(', '),
  };
}

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
      ...(signs.fullMount() === undefined ? {} : { fills: 'wal' as const }),
      person: true,
    };
  },
};

/** Transaction numbers are used up where nothing may be cleaned away. */
const wraparound: KnownCause = {
  id: 'wraparound',
  class: 'transaction-wraparound',
  find: (signs) => {
    const line = signs.line(/must be vacuumed within|transaction id wraparound|not accepting commands to avoid/i);
    if (line === undefined) return null;
    return {
      sentence:
        'The database nears the end of its transaction numbers (wraparound): vacuum does not get through, as an old open transaction, a prepared one or a slot keeps it back.',
      evidence: [line.id, ...signs.main],
      commands: [activity],
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

export const DATABASES: readonly KnownCause[] = [lockQueue, replication, connections, archive, wraparound, cache];
