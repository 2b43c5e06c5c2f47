import { command, type KnownCause } from './cause.ts';
import { isFilling } from './filling.ts';
import { type Saying, sayingCause } from './saying.ts';
import type { Signs } from './signs.ts';

const OF_DATA =
  /database|db[._]|postgres|mysql|mariadb|mongo|redis|elastic|opensearch|kafka|rabbit|etcd|influx|sqlite|queue|backlog|lag|index|shard|partition|replica|primary|consumer|producer|publish|messages|http|error|fail|latency|unit\.|container\.|log\.|write|reject|isr|broker|disk\.|heap|memory/;
const full = (signs: Signs): string => (signs.fullMount() === undefined ? '' : ` ${signs.fullMount()}`);
const space = command('df -h', 'Shows how full the file systems are.');

/** Stores and brokers in their own words. */
const DATA: readonly Saying[] = [
  {
    id: 'data-corruption',
    class: 'data-corruption',
    words:
      /invalid page in block|could not read block|page verification failed|database disk image is malformed|is marked as crashed|innodb: .{0,80}corrupt|wiredtiger.{0,80}(?:checksum|corrupt)|log sequence number \d+ is in the future|(?:file|index|database|segment|block) (?:is )?corrupt(?:ed|ion)?\b|corrupted? (?:index|page|record|block|database|segment|commit ?log)|missing chunk number \d+ for toast/i,
    explains: OF_DATA,
    means: ({ who }) =>
      `Data of ${who} is damaged (corruption: a page, an index or a file does not read as it was written), as after a loss of power, by bad memory or a bad disk: it is neither repaired nor restarted before a copy was made`,
    after: ['power', 'reboot', 'disk', 'restore', 'upgrade', 'collation', 'glibc'],
    looks: () => [command('dmesg -T --level err', 'Shows whether disk or memory report faults.')],
  },
  {
    id: 'disk-watermark',
    class: 'disk-watermark',
    words:
      /(?:flood[- ]?stage|high|low) disk watermark|read[-_]only[-_]allow[-_]delete|disk usage exceeded flood|disk_threshold/i,
    explains: OF_DATA,
    means: ({ who, signs }) =>
      `${who} has closed its indexes for writing, since its disk${full(signs)} is fuller than its watermark: room is needed there, and the indexes are opened again by it or by hand`,
    after: ['retention', 'ilm', 'index', 'shard', 'replica'],
    looks: () => [space],
  },
  {
    id: 'broker-alarm',
    class: 'broker-alarm',
    words:
      /(?:memory|disk)(?: resource limit)? alarm (?:is )?set|free disk space .{0,40}(?:insufficient|below)|vm_memory_high_watermark.{0,20}set|publishers? (?:will be |are |is )?blocked|connection\.blocked/i,
    explains: OF_DATA,
    means: ({ who }) =>
      `${who} blocks all who publish, since its alarm for memory or disk is set: messages that nobody consumes, or too little room`,
    after: ['consumer', 'queue', 'watermark', 'deploy'],
    looks: () => [command('rabbitmqctl list_queues', 'Shows which queues hold the messages.'), space],
  },
  {
    id: 'broker-partition',
    class: 'cluster-partition',
    words:
      /running_partitioned_network|inconsistent_database|partitioned network|network partition|split[- ]?brain|lost quorum|quorum (?:was |is )?lost|no quorum|etcdserver: no leader|mnesia.{0,40}inconsistent/i,
    explains: OF_DATA,
    means: ({ who }) =>
      `The cluster of ${who} is split (network partition, no quorum): its members did not see each other, and which side is right is for a person to say`,
    after: ['network', 'switch', 'firewall', 'vlan', 'reboot', 'node'],
    looks: () => [command('ip -s link', 'Shows the state of the interfaces.')],
  },
  {
    id: 'no-primary',
    class: 'no-primary',
    words:
      /no primary (?:detected|found|available|exists|member)|not ?(?:master|primary)(?:noslaveok| and)\b|notwritableprimary|could not find host matching read preference|primary stepped down|replset.{0,60}(?:cannot see a majority|stepping down)/i,
    explains: OF_DATA,
    means: ({ who }) =>
      `The set of replicas has no primary (${who} finds none): its members do not see a majority, so nobody may write`,
    after: ['network', 'node', 'priority', 'reboot', 'member'],
  },
  {
    id: 'consumer-stuck',
    class: 'consumer-lag',
    words:
      /group is rebalancing|max\.poll\.interval|commit cannot be completed|member .{0,80}(?:has failed|leavegroup)|offset.{0,40}out of range|poll timeout has expired/i,
    explains: /lag|offset|consumer|kafka|queue|backlog|messages|log\.|unit\.|container\./,
    means: ({ who }) =>
      `The consumer group of ${who} does not get on: its members are too slow between two polls or leave and join again (rebalance), so the lag grows although the broker is sound`,
    after: ['consumer', 'deploy', 'batch', 'poll', 'partition'],
  },
  {
    id: 'in-sync-replicas',
    class: 'under-replicated',
    words:
      /shrinking isr|under-?replicated partition|not enough in-sync replicas|notenoughreplicas|(?:all )?shards failed|cluster health status changed from \[?\w+\]? to \[?red/i,
    explains: OF_DATA,
    means: ({ who }) =>
      `Copies of the data of ${who} are missing (under-replicated partitions, shards): one of its nodes is away, or its disk or network is too slow`,
    after: ['node', 'broker', 'disk', 'network', 'reboot', 'rack'],
    looks: () => [command('iostat -x 1 3', 'Shows whether the disk keeps up.'), space],
  },
  {
    id: 'etcd-space',
    class: 'store-quota',
    words:
      /mvcc: database space exceeded|etcdserver: .{0,20}space exceeded|alarm:? ?nospace|max-(?:series|values)-per-\w+.{0,20}(?:limit|exceeded)|exceed(?:s|ed)?.{0,30}(?:series limit|cardinality)/i,
    explains: OF_DATA,
    means: ({ who }) =>
      `${who} refuses writes at a bound of its own (the quota of its store, or of its series: cardinality), although the disk has room`,
    after: ['retention', 'compact', 'tag', 'label', 'quota'],
    looks: () => [space],
  },
  {
    id: 'slow-commit',
    class: 'disk-slow',
    words:
      /slow fdatasync|apply request took too long|(?:fsync|wal sync|commit) took too long|leader failed to send out heartbeat on time/i,
    explains: OF_DATA,
    means: ({ who }) =>
      `The disk is too slow for ${who}: its writes wait for it (fsync), and members take each other for dead`,
    after: ['disk', 'backup', 'raid', 'storage'],
    looks: () => [command('iostat -x 1 3', 'Shows whether the disk keeps up.')],
  },
  {
    id: 'vacuum-held',
    class: 'vacuum-held',
    words:
      /dead (?:row versions|tuples).{0,40}cannot be removed|cannot be removed yet, oldest xmin|oldest xmin is far in the past/i,
    explains: OF_DATA,
    means: ({ who }) =>
      `${who} can not clean up (vacuum): an old open transaction, a prepared one or a replication slot keeps the dead rows, so tables and their indexes bloat and everything gets slower`,
    after: ['report', 'replica', 'slot', 'migration'],
    looks: () => [
      command(
        "psql -X -c 'SELECT pid,state,wait_event_type,query FROM pg_stat_activity'",
        'Shows which session has been open for long.',
      ),
    ],
  },
  {
    id: 'btrfs-full',
    class: 'btrfs-unallocated',
    words: /btrfs.{0,120}(?:\b0 unallocated|no space|enospc|unallocated)|enospc_debug/i,
    explains: /disk|write|error|fail|read_only|unit\.|container\.|log\.|space/,
    means: () =>
      'The btrfs file system has no unallocated chunk left (for metadata), so writes find no space although df shows room: it has to be balanced',
    after: ['snapshot', 'balance', 'btrfs'],
    looks: () => [space],
  },
  {
    id: 'encoding',
    class: 'encoding',
    words:
      /unicode(?:decode|encode)error|codec can'?t (?:de|en)code|invalid byte sequence for encoding|invalid (?:multibyte|utf-?8)|incompatible character encodings|illegal mix of collations|collation .{0,40}(?:version )?mismatch|cannot (?:set|change) locale|locale.{0,30}(?:not supported|not found|unset)/i,
    explains: /error|fail|import|parse|unit\.|container\.|log\.|http|queue|lag/,
    means: ({ who }) =>
      `${who} reads or writes text in another encoding than it has (locale, character set or collation), as after a new base image, a new locale or data from elsewhere`,
    after: ['locale', 'image', 'encoding', 'lang', 'glibc', 'collation', 'import'],
  },
  {
    id: 'logrotate',
    class: 'logrotate-failing',
    words:
      /logrotate\b.{0,60}(?:error|failed|skipping)|error: .{0,80}(?:insecure permissions|duplicate log entry)|logrotate.{0,60}(?:already locked|state file)/i,
    explains: /disk|log|space|folder|unit\./,
    means: ({ signs }) =>
      `Logs are no longer rotated, since logrotate fails (rights of a folder, a duplicate entry or its lock), and they grow until they fill${full(signs) || ' the disk'}`,
    after: ['logrotate', 'chmod', 'chown', 'log'],
    looks: () => [space],
  },
  {
    id: 'locked-file',
    class: 'lock-queue',
    words: /database is locked|sqlite_busy|database table is locked/i,
    explains: /./,
    means: ({ who }) =>
      `${who} waits for a lock on its database file (SQLite, database is locked): another process or a second copy of it writes there and does not end`,
    after: ['backup', 'sqlite', 'copy', 'deploy'],
  },
];

/** The log of changes that a database keeps for its replicas, and nobody clears. */
const binaryLogs: KnownCause = {
  id: 'binary-logs',
  class: 'binary-logs',
  find: (signs) => {
    const line = signs.says(
      /\b(?:mysql|mariadb|bin)?-?(?:bin(?:log)?|relay-?log)\.\d{6}|expire_logs_days|binlog_expire_logs|binary log.{0,60}(?:size|space|GB|GiB|purge)/i,
    );
    const folder = signs.metrics(/binlog|binary_?log|relay_?log/).find(({ value }) => (value ?? 0) > 0);
    if ((line === undefined && folder === undefined) || !isFilling(signs)) return null;
    const change = signs.since('binlog', 'expire_logs', 'replica', 'retention');
    return {
      sentence: `The binary logs of the database${folder?.words ? ` (${folder.words})` : ''} are kept too long or for a replica that reads no more, and fill${full(signs)}${change.words}: they are purged by the database, never deleted by hand.`,
      evidence: [...(line === undefined ? [] : [line.id]), ...signs.main, ...change.ids],
      commands: [command("mysql -e 'SHOW BINARY LOGS'", 'Shows the logs and their sizes.'), space],
      sure: folder === undefined ? 'likely' : 'decisive',
      person: true,
    };
  },
};

export const SAID_DATA: readonly KnownCause[] = [...DATA.map(sayingCause), binaryLogs];
