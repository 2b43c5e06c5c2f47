import { number } from '../../evidence/words.ts';
import { command, type KnownCause, nice } from './cause.ts';
import { BATCH_JOB } from './processes.ts';
import type { Signs } from './signs.ts';

/** One thing that holds a replica back, and what shows it. */
interface Reason {
  readonly why: string;
  readonly ids: readonly string[];
  /** It has no other reading. */
  readonly plain?: true;
}

/** The share of a link's speed from which on it is full. */
const FULL_LINK = 0.8;

const away = (signs: Signs): Reason | null => {
  const line = signs.line(
    /could not connect to the primary|no route to host|connection (?:refused|timed out|reset)|wal receiver.{0,40}(?:fail|terminat)|(?:io_running|replica_io_running): (?:no|connecting)|error (?:re)?connecting to (?:master|source)|master.{0,20}replica sync.{0,40}(?:timeout|lost|error)|lost connection to (?:master|primary|source)/i,
  );
  if (line === undefined) return null;
  const change = signs.since('switch', 'firewall', 'network', 'vlan', 'route', 'link', 'nft', 'iptables');
  return {
    why: `it can not reach (connect to) its primary: the network, a route or a firewall between them${change.words}`,
    ids: [line.id, ...change.ids],
    plain: true,
  };
};

const refused = (signs: Signs): Reason | null => {
  const line = signs.line(
    /duplicate entry|error_code: ?(?:1062|1032)|could not execute \w+ event|worker \d+ failed executing transaction|last_(?:sql_)?error: ?\S|(?:slave|replica) sql.{0,40}(?:error|stopped|aborted)/i,
  );
  if (line === undefined) return null;
  const change = signs.since('super_read_only', 'read_only', 'import', 'replica', 'restore');
  const written = /read_only|import/i.test(change.words) || signs.metric(/read_?only/)?.value === 0;
  return {
    why: `it stopped at a row that it can not apply (duplicate or missing, a conflict): its data differ from the primary${written ? ', since somebody wrote on the replica itself' : ', as after writes on the replica itself'}${change.words}; skipping the row hides that`,
    ids: [line.id, ...change.ids],
    plain: true,
  };
};

const gone = (signs: Signs): Reason | null => {
  const line = signs.line(
    /requested wal segment .{0,40}already been removed|could not find.{0,40}in binary log|purged (?:the )?(?:binary|required)|oplog.{0,40}(?:too stale|rolled over)/i,
  );
  return line === undefined
    ? null
    : { why: 'the primary no longer has the log (WAL, binlog) that it needs', ids: [line.id], plain: true };
};

const jobOf = (signs: Signs) =>
  signs.processes.find(({ cmd }) => BATCH_JOB.test(cmd.text) || /\bpg_basebackup\b/.test(cmd.text));

/** Its disk is busy, by itself or by a job, a check or a rebuild. */
const disk = (signs: Signs): Reason | null => {
  const slow = signs.metrics(/^disk\.(?:busy|await)/);
  const job = jobOf(signs);
  const check = signs.line(/data-check|resync of|recovery of raid|\bscrub\b|rebuild(?:started|ing| in progress)/i);
  if (
    job === undefined &&
    slow.length === 0 &&
    check === undefined &&
    !signs.hasSignal('disk.slow', 'host.io_pressure')
  )
    return null;
  const device = slow.find(({ label }) => label !== null)?.label ?? '';
  const by =
    job !== undefined
      ? `${signs.name(job)}, a backup or batch job, keeps its disk${device === '' ? '' : ` ${device}`} busy`
      : `its disk${device === '' ? '' : ` ${device}`} is saturated${check === undefined ? '' : ' by a check or rebuild of its array (RAID)'}`;
  return {
    why: `${by}, so replay can not keep up`,
    ids: [...(check === undefined ? [] : [check.id]), ...(job === undefined ? [] : signs.itemOf(job))],
  };
};

/** The link is full, slower than it was, or loses packets. */
const link = (signs: Signs): Reason | null => {
  const flow = signs.metrics(/^net(?:work)?[._].*bytes_per_s/).find(({ value }) => (value ?? 0) > 0);
  const up = signs.line(/link is up (?:at )?(\d{1,6}) ?([MG])bps/i);
  const bits = up === undefined ? 0 : Number(up.groups[0]) * (/g/i.test(up.groups[1] ?? '') ? 1e9 : 1e6);
  const isFull = bits > 0 && (flow?.value ?? 0) * 8 >= bits * FULL_LINK;
  const loses = signs.hasSignal('net.errors', 'net.flaps');
  if (!isFull && !loses && !(flow !== undefined && up !== undefined && bits <= 1e8)) return null;
  const speed = bits > 0 ? ` (${number(bits / 1e6)} Mbit/s)` : '';
  return {
    why: `the network link${flow?.label ? ` ${flow.label}` : ''}${speed} to its primary ${loses && !isFull ? 'loses packets' : 'is full: it carries less than is written there'}`,
    ids: up === undefined ? [] : [up.id],
  };
};

/** A long statement on the replica itself. */
const longQuery = (signs: Signs): Reason | null => {
  const process = signs.processes.find(
    ({ cmd, age_s: age = 0 }) => /\bselect\b|idle in transaction/i.test(cmd.text) && age >= 300,
  );
  const line = signs.line(/conflict with recovery|recovery (?:is )?paused|max_standby_streaming_delay/i);
  if (process === undefined && line === undefined) return null;
  return {
    why: `a long query on the replica${process === undefined ? '' : ` (session ${process.process.pid})`} holds back the replay`,
    ids: [...(line === undefined ? [] : [line.id]), ...(process === undefined ? [] : signs.itemOf(process))],
  };
};

/** More is written at the primary than usual. */
const burst = (signs: Signs): Reason | null => {
  const change = signs.since('import', 'bulk', 'backfill', 'migration', 'reindex', 'batch', 'archive run', 'vacuum');
  if (change.ids.length === 0) return null;
  return { why: `a burst of writes (WAL traffic) at the primary${change.words}`, ids: change.ids };
};

/** A replica falls behind for want of disk, of network, or of its primary; where several fit, none is taken for sure. */
export const replication: KnownCause = {
  id: 'replication',
  class: 'replication-lag',
  find: (signs) => {
    if (
      !signs.hasSignal('database.replication_lag', 'database.replication') &&
      signs.metric(/(?:replica|slave|repl)\w*[._]?.*(?:sql|io|running|behind|lag|delay|state)/) === undefined &&
      signs.line(
        /replication.{0,40}(?:lag|broken|stopped)|wal receiver|standby.*behind|seconds_behind_(?:master|source): ?[1-9]|(?:replica|slave) (?:sql|io|i\/o).{0,60}(?:error|stopped|aborted|failed)/i,
      ) === undefined
    )
      return null;
    const all = [refused, gone, away, disk, link, longQuery, burst].flatMap((find) => find(signs) ?? []);
    const plain = all.find((one) => one.plain === true);
    const job = jobOf(signs);
    const isJob = plain === undefined && job !== undefined;
    // A job that may be seen working explains a busy disk by itself; the other reasons are guesses beside it.
    const reasons = plain !== undefined ? [plain] : isJob ? [disk(signs)].flatMap((one) => one ?? []) : all;
    const [first] = reasons;
    const open = reasons.length > 1;
    const lag = signs.metric(/replication/)?.words;
    const stopped = plain?.why.startsWith('it stopped') === true;
    const isMysql =
      signs.process(/\b(?:mysqld|mariadbd?)\b/) !== undefined || signs.metric(/^(?:mysql|mariadb)/) !== undefined;
    const why =
      first === undefined
        ? 'its disk, its network or a long query holds back the replay'
        : open
          ? `either ${reasons.map((one) => one.why).join(', or ')}; what was sent, received and replayed tells which`
          : first.why;
    return {
      sentence: `The replica (standby${stopped && isMysql ? ', its SQL thread' : ''}) ${stopped ? 'has stopped and falls' : 'lags'} behind its primary (replication lag${lag ? ` ${lag}` : ''}): ${why}.`,
      evidence: [...signs.main, ...reasons.flatMap((one) => one.ids)],
      commands:
        plain?.why.startsWith('it can not reach') === true
          ? [
              command('ip route', 'Shows whether there is a way to the primary.'),
              command('ip -s link', 'Shows the state of the interfaces.'),
              command('ss -tn state established', 'Shows whether the connection to the primary stands.'),
            ]
          : isMysql
            ? [
                command("mysql -e 'SHOW REPLICA STATUS'", 'Shows which thread stopped, and at what.'),
                ...(isJob ? [nice(job.process.pid)] : []),
                command('iostat -x 1 3', 'Shows whether the disk keeps up.'),
              ]
            : [
                ...(isJob ? [nice(job.process.pid)] : []),
                command('iostat -x 1 3', 'Shows whether the disk keeps up.'),
                command("psql -X -c 'SELECT * FROM pg_stat_wal_receiver'", 'Shows the state of the stream.'),
                ...(open ? [command('ip -s link', 'Shows the state of the interfaces.')] : []),
              ],
      sure: plain !== undefined || isJob ? 'decisive' : 'likely',
      ...(open ? { or: reasons.slice(0, 3).map((one) => `Held back because ${one.why}.`) } : {}),
      ...(isJob ? {} : { person: true }),
    };
  },
};
