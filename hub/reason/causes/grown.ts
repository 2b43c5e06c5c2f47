import { mib, number, plainName } from '../../evidence/words.ts';
import { command, end, type KnownCause } from './cause.ts';
import { isFilling } from './filling.ts';

const MIB = 1_048_576;
/** A folder that holds less than this part of the largest is not what fills a file system. */
const SHARE = 0.25;

/** A program that crashes again and again leaves its memory on the disk each time. */
const coreDumps: KnownCause = {
  id: 'core-dumps',
  class: 'core-dumps',
  find: (signs) => {
    const line = signs.line(/dumped core|core dump(?:ed|s)?\b|coredump/i);
    if (line === undefined || !isFilling(signs)) return null;
    const folder = signs.metrics(/^(?:folder|dir)/).find(({ label }) => /core|crash/.test(label ?? ''));
    const who = signs
      .line(/process \d+ \(([\w.@-]+)\).{0,40}(?:dumped core|core)|core dump.{0,40}\b(?:of|by|from) ([\w.@-]+)/i)
      ?.groups.find(Boolean);
    const again = signs.line(/restart counter is at (\d{1,6})/i);
    const change = signs.since(who);
    return {
      sentence: `${who ?? 'A program'} crashes again and again${again === undefined ? '' : ` (${again.groups[0]} restarts)`}, and its core dumps${folder?.label ? ` in ${folder.label} (${folder.words})` : ''} fill ${signs.fullMount() ?? 'the disk'}${change.words}.`,
      evidence: [line.id, ...signs.main, ...(again === undefined ? [] : [again.id]), ...change.ids],
      commands: [
        command('coredumpctl list --no-pager', 'Shows what crashed, when, and whose core dumps are kept.'),
        ...(signs.fullMount() === undefined
          ? []
          : [command(`du -xh --max-depth=2 ${signs.fullMount()}`, 'Shows which folders are large.')]),
      ],
      sure: folder !== undefined || again !== undefined ? 'decisive' : 'likely',
      fills: 'core',
      person: true,
    };
  },
};

/** A pool that was promised more than it has fills while each file system on it has room. */
export const thinPool: KnownCause = {
  id: 'thin-pool',
  class: 'thin-pool-full',
  find: (signs) => {
    const line = signs.line(
      /\bthin\b.{0,80}(?:out.of.(?:data|metadata).space|no (?:free )?space|is now \d+(?:\.\d+)? ?% full|exhausted)|out-of-data-space|(?:thin|lvm|dmeventd|device-?mapper)\b.{0,60}pool.{0,60}(?:data|metadata).{0,30}(?:exhausted|9\d(?:\.\d+)? ?%|100 ?%)|reached low water mark for (?:data|metadata) device/i,
    );
    const metric = signs
      .metrics(/(?:^|[._])(?:lvm|thin|dm|tp\d)\w*[._].*(?:data|metadata|used)_?percent|thin_?pool.*percent/)
      .find(({ value }) => (value ?? 0) >= POOL_FULL);
    if (line === undefined && metric === undefined) return null;
    const change = signs.since('snapshot', 'lvm', 'thin', 'lvcreate', 'volume');
    return {
      sentence: `The thin pool${metric?.label ? ` ${plainName(metric.label)}` : ''} under the file systems (LVM, device mapper) is full${metric?.words ? ` (${metric.words})` : ''}, although they themselves have room: writes to it fail or hang, and file systems shut down, until it is extended or a snapshot that holds old blocks is removed${change.words}.`,
      evidence: [...(line === undefined ? [] : [line.id]), ...signs.main, ...change.ids],
      commands: [
        command('lvs -a', 'Shows how full each pool is, and its snapshots.'),
        command('vgs', 'Shows whether there is room to extend it.'),
        command('dmesg -T --level err', 'Shows which file systems gave up.'),
      ],
      sure: 'decisive',
      person: true,
      futile: [
        'bad-upgrade',
        'service-failed',
        'crash-loop',
        'read-only-filesystem',
        'disk-failing',
        'database-down',
        'disk-full',
      ],
    };
  },
};

/** Percent of a pool from which on its writes fail next. */
const POOL_FULL = 95;

const SNAPSHOTTERS = /\b(?:snapper|timeshift|zfs-auto-snap\w*|sanoid|syncoid|btrbk|zrepl|snapraid|autosnap\w*)\b/;
/** Seconds: what clears snapshots away is done long before that. */
const HUNG_S = 43_200;

/** What snapshots hold is deleted for everybody and free for nobody. */
const snapshots: KnownCause = {
  id: 'snapshots',
  class: 'snapshots-hold-space',
  find: (signs) => {
    const line = signs.says(
      /\b(?:snapper|timeshift|zfs-auto-snap\w*|sanoid|btrbk|zrepl)\b|\bsnapshots?\b.{0,60}(?:used|hold|keep|kept|exclusive|[\d.]+ ?[GT]i?B)/i,
    );
    const counts = signs.metrics(/snapshots?/).filter(({ value }) => (value ?? 0) > 0);
    const mount = signs.fullMount();
    if ((line === undefined && counts.length === 0) || mount === undefined || !isFilling(signs)) return null;
    const kept = signs.says(
      /prun\w*.{0,60}(?:lock|defer|fail|skip|error|held)|(?:fail|unable|could not|cannot)\w*.{0,60}(?:destroy|delete|prune|remove).{0,40}snapshot|(?:snapshot|dataset) is busy|cannot destroy/i,
    );
    const hung = signs.processes.find(
      ({ cmd, age_s: age = 0 }) =>
        SNAPSHOTTERS.test(cmd.text) && age >= HUNG_S && !/daemon|--cron-?loop|-d\b/.test(cmd.text),
    );
    const change = signs.since('snapper', 'snapshot', 'retention', 'sanoid', 'btrbk', 'zrepl');
    const isZfs =
      signs.mounts.some(({ mount: one }) => one.type === 'zfs') ||
      counts.some(({ name }) => /zfs|zpool/.test(name)) ||
      /zfs|sanoid|zrepl/.test(line?.text ?? '');
    return {
      sentence: `Snapshots hold the space of ${mount}${
        counts.length === 0
          ? ''
          : ` (${counts
              .slice(0, 2)
              .map(({ name, words }) => `${name} ${words}`)
              .join(', ')})`
      }: what is deleted is not given back as long as one of them keeps it${hung === undefined ? (kept === undefined ? '' : '; they are no longer pruned, since the job that prunes them fails or finds a lock') : `; ${signs.name(hung)}, which should prune them, hangs${kept === undefined ? '' : ' and holds the lock'}`}${change.words}.`,
      evidence: [
        ...[line, kept].flatMap((one) => (one === undefined ? [] : [one.id])),
        ...signs.main,
        ...(hung === undefined ? [] : signs.itemOf(hung)),
        ...change.ids,
      ],
      commands: [
        ...(isZfs
          ? [
              command('zfs list -t snapshot', 'Shows the snapshots and what each holds.'),
              command('zpool list', 'Shows how full each pool is.'),
            ]
          : [command('findmnt -o TARGET,SOURCE,FSTYPE,OPTIONS', 'Shows its kind of file system.')]),
        command(`df -h ${mount}`, 'Shows how full it is.'),
        ...(hung === undefined ? [] : [end(hung.process.pid)]),
      ],
      sure: counts.length > 0 || hung !== undefined || kept !== undefined ? 'decisive' : 'likely',
      ...(hung === undefined ? { person: true } : {}),
      futile: ['disk-full'],
    };
  },
};

/** The folders that are watched tell where the space went: the largest, and every other that holds a good part of it. */
const folders: KnownCause = {
  id: 'folders',
  class: 'disk-full',
  find: (signs) => {
    const mount = signs.fullMount();
    if (mount === undefined || !isFilling(signs)) return null;
    const inside = signs
      .metrics(/^(?:folder|dir|directory)s?[._](?:used|size|bytes|space|mib)/)
      .flatMap(({ name, label, value }) =>
        label?.startsWith(mount === '/' ? '/' : `${mount}/`) === true && value !== undefined
          ? [{ label, bytes: /bytes/.test(name) ? value : value * MIB }]
          : [],
      )
      .sort((a, b) => b.bytes - a.bytes);
    const [first] = inside;
    if (first === undefined) return null;
    const large = inside.filter(({ bytes }) => bytes >= first.bytes * SHARE).slice(0, 3);
    const total = large.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      sentence: `What fills ${mount} lies in ${large.map(({ label, bytes }) => `${label} (${mib(bytes)}, ${number((100 * bytes) / total)} % of these)`).join(' and in ')}.`,
      evidence: signs.main,
      commands: [command(`du -xh --max-depth=2 ${mount}`, 'Shows which folders are large.')],
      sure: 'likely',
      person: true,
    };
  },
};

/** What grows where nobody looks. */
export const GROWN: readonly KnownCause[] = [coreDumps, snapshots, folders];
