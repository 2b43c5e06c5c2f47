import { number } from '../../evidence/words.ts';
import { command, end, type KnownCause, restart, stop, unitStatus } from './cause.ts';
import { CONTAINERS } from './containers.ts';
import { CROWDED } from './crowded.ts';
import { isFilling } from './filling.ts';
import { GROWN, thinPool } from './grown.ts';
import { LOGS } from './logs.ts';

const look = (mount: string) => command(`du -xh --max-depth=2 ${mount}`, 'Shows which folders are large.');
const dmesg = command('dmesg -T --level err', 'Shows the errors with their device and sector.');
/** The disk that a kernel's line, a label or a mount's source names. */
const DEVICE = /\b(mmcblk\d+|nvme\d+n?\d*|sd[a-z]{1,2}|vd[a-z]|xvd[a-z]|dm-\d+|md\d+)/;

/** A file system turns read-only to save what is left: writing again before the disk was looked at loses more. */
const readOnly: KnownCause = {
  id: 'read-only',
  class: 'read-only-filesystem',
  find: (signs) => {
    const line = signs.line(
      /read-only file ?system|remount(?:ing|ed).{0,40}read-only|forced readonly|filesystem has been shut ?down|shutting down filesystem|\berofs\b/i,
    );
    if (!signs.hasSignal('disk.read_only', 'kernel.readonly') && line === undefined) return null;
    // Nothing can be written to a full pool: that is no fault of a disk.
    if (thinPool.find(signs) !== null) return null;
    const broken = signs.line(
      /(?:i\/o error|timeout, aborting|medium error|error -\d+ whilst|journal has aborted|critical target|unrecovered read|failed command|io failure|timeout waiting for hardware|card stuck)/i,
    );
    const corrupt = signs.line(
      /structure needs cleaning|corrupt(?:ion|ed)\b|bad (?:checksum|magic|entry|extra_isize)|checksum (?:error|mismatch|failed)|deleted inode referenced|metadata i\/o error|log i\/o error|parent transid verify failed|iget: bogus/i,
    );
    const asked =
      broken === undefined && corrupt === undefined
        ? signs.since('fstab', 'remount', 'overlayroot', 'read-only', 'mount')
        : undefined;
    const device = signs.line(DEVICE)?.groups[0] ?? signs.metric(/read_only/)?.label?.replace(/^\/dev\//, '');
    const mount = signs.metric(/read_only/)?.label ?? signs.mounts[0]?.mount.path ?? '';
    const disk =
      device !== undefined && !device.startsWith('/')
        ? device.replace(/p?\d+$/, (part) => (device.startsWith('sd') ? '' : part))
        : undefined;
    const why =
      broken === undefined && corrupt !== undefined
        ? 'its structure is damaged (corruption, as after a loss of power or by bad memory or a failing disk), so the kernel refuses further writes; it has to be checked while unmounted'
        : asked !== undefined && asked.ids.length > 0
          ? `somebody mounted it so${asked.words}`
          : 'the disk or card, its cable or its controller is failing (hardware), so the kernel refuses further writes';
    return {
      sentence: `The file system ${mount} went read-only${broken === undefined ? '' : ' after I/O errors'}${disk === undefined ? '' : ` of ${disk}`}: ${why}.`,
      evidence: [
        ...signs.main,
        ...[line, broken, corrupt].flatMap((one) => (one === undefined ? [] : [one.id])),
        ...(asked?.ids ?? []),
      ],
      commands: [
        dmesg,
        command('findmnt -o TARGET,SOURCE,FSTYPE,OPTIONS', 'Shows what is mounted read-only.'),
        command('lsblk -o NAME,SIZE,TYPE,MOUNTPOINT,MODEL', 'Shows what lies on that device.'),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

/** Read errors and pending sectors explain slowness better than whatever was deployed. */
const failingDisk: KnownCause = {
  id: 'failing-disk',
  class: 'disk-failing',
  find: (signs) => {
    const line = signs.line(
      /(?:i\/o error,? dev|failed command: (?:READ|WRITE)|unreadable \(pending\) sectors|offline uncorrectable|medium error|uncorrectable|reallocated sector|nvme.*(?:timeout|reset)|smart.*fail|media error)/i,
    );
    if (line === undefined || signs.hasSignal('disk.read_only', 'kernel.readonly')) return null;
    const named =
      signs.line(/(?:dev |\/dev\/)(mmcblk\d+|nvme\d+n\d+|sd[a-z]{1,2}|vd[a-z])/)?.groups[0] ??
      signs.line(DEVICE)?.groups[0] ??
      signs.metric(/^disk\.(?:await|busy)/)?.label ??
      undefined;
    return {
      sentence: `Disk ${named ?? 'of this host'} is failing: it returns read or write errors (I/O error, bad or pending sectors), and everything waits for it.`,
      evidence: [line.id, ...signs.main],
      commands: [
        ...(named !== undefined && /^[a-z0-9]+$/.test(named)
          ? [command(`smartctl -a /dev/${named}`, "Shows the disk's own record of its errors.")]
          : []),
        dmesg,
        command('lsblk -o NAME,SIZE,TYPE,MOUNTPOINT,MODEL', 'Shows what lies on that device.'),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

/** Space that no file shows is held by files that were deleted while open. */
const deletedOpen: KnownCause = {
  id: 'deleted-open',
  class: 'deleted-open-files',
  find: (signs) => {
    const holder = signs.told(/\(deleted\)|deleted (?:file|log)/i);
    const removed = signs.change(/\b(?:rm|deleted|removed|truncated?)\b.*(\/\S+)/i);
    if (!isFilling(signs) || (holder === undefined && (removed === undefined || signs.line(/deleted/i) === undefined)))
      return null;
    const unit = holder === undefined ? signs.unit : (signs.unitOf(holder.process) ?? signs.unit);
    return {
      sentence: `A file was deleted while ${holder === undefined ? 'a process' : signs.name(holder.process)} still has it open: its space on ${signs.fullMount()} is not given back until the holder closes it.`,
      evidence: [
        ...signs.main,
        ...(holder === undefined ? [] : [holder.id]),
        ...(removed === undefined ? [] : [removed.id]),
      ],
      commands: [
        command('lsof +L1', 'Names the processes that hold deleted files open.'),
        ...(unit === undefined ? [] : [restart(unit)]),
      ],
      sure: 'decisive',
      ...(unit === undefined ? { person: true } : {}),
    };
  },
};

/** Who wrote most is named by the agent's look at the full file system. */
const writer: KnownCause = {
  id: 'writer',
  class: 'disk-writer',
  find: (signs) => {
    const told = signs.told(
      /(?:wrote|written|writ(?:es|ing)|holds|open for writing|appends?|creates?|created)\b.*?(\/[\w./-]+)|(?:MiB|GiB|MB|GB) written/i,
    );
    if (told === undefined || !isFilling(signs)) return null;
    const unit = signs.unitOf(told.process);
    const change = signs.since(signs.program(told.process), unit);
    return {
      sentence: `${signs.name(told.process)} fills the disk ${signs.fullMount()} with files under ${told.groups[0] || 'it'} that nobody removes${change.words}.`,
      evidence: [told.id, ...signs.main, ...change.ids],
      commands: [look(signs.fullMount() ?? '/'), unit === undefined ? end(told.process.process.pid) : stop(unit)],
      sure: 'likely',
      fills: 'files',
    };
  },
};

/** Nobody saw who wrote most: whoever meets the full file system is among those who write there. */
const meetsIt: KnownCause = {
  id: 'writer-by-line',
  class: 'disk-full',
  find: (signs) => {
    const line = signs.line(
      /^(?:\d+ times: )?([\w@.-]{2,60})(?:\[\d+\])?: .{0,120}(?:no space left on device|enospc|disk full)/i,
    );
    const mount = signs.fullMount();
    const program = line?.groups[0]?.replace(/\.service$/, '');
    if (line === undefined || program === undefined || mount === undefined || !isFilling(signs)) return null;
    if (/^(?:kernel|systemd\S*|sshd|cron|rsyslogd|dockerd|buildkitd|containerd)$/i.test(program)) return null;
    const [process] = signs.processes
      .filter((one) => signs.program(one) === program || one.process.comm === program)
      .sort((a, b) => b.cpu - a.cpu);
    const change = signs.since(program);
    return {
      sentence: `${process === undefined ? program : signs.name(process)} writes to ${mount} and finds it full; whether it is who filled it is not shown${change.words}.`,
      evidence: [line.id, ...signs.main, ...(process === undefined ? [] : signs.itemOf(process)), ...change.ids],
      commands: [look(mount), command('lsof +L1', 'Names the processes that hold deleted files open.')],
      sure: 'open',
      person: true,
    };
  },
};

/** Writes fail though everything has room: a quota, reserved blocks, or a limit inside a container. */
const hiddenSpace: KnownCause = {
  id: 'quota',
  class: 'quota',
  find: (signs) => {
    const line = signs.line(/disk quota exceeded|edquot/i);
    if (line === undefined) return null;
    return {
      sentence: 'Writes fail because a quota is used up, although the file system has room.',
      evidence: [line.id],
      commands: [
        command('df -h', 'Shows that the file systems have room.'),
        ...(signs.unit === undefined ? [] : [unitStatus(signs.unit)]),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

/** What a program writes elsewhere fails there: its own files then pile up where it stands. */
const fullDestination: KnownCause = {
  id: 'full-destination',
  class: 'destination-full',
  find: (signs) => {
    const line = signs.line(
      /(\/[\w./-]{2,200})['"]?\W{0,3}.{0,60}(?:no space left on device|enospc|disk full)|(?:no space left on device|enospc).{0,40}?(\/[\w./-]{2,200})/i,
    );
    const path = line?.groups.find(Boolean);
    const subject = signs.metric(/^disk\.(?:used|forecast)/)?.label ?? undefined;
    if (line === undefined || path === undefined) return null;
    const full = signs.mounts
      .filter(({ mount, used }) => used >= 95 && mount.path !== '/' && isBelow(path, mount.path))
      .sort((a, b) => b.mount.path.length - a.mount.path.length)[0];
    if (full === undefined || full.mount.path === subject) return null;
    const destination = full.mount.path;
    const archive = signs.line(/archive command failed|archiving write-ahead|wal segment .{0,60}not archived|pg_wal/i);
    const what =
      archive === undefined ? 'what is written there' : 'the WAL archive (write-ahead log) that is written there';
    return {
      sentence: `${destination} is full (${number(full.used)} %), so that ${what} fails${subject === undefined ? '' : `, and files pile up on ${subject}`}: room is needed on ${destination}, not ${subject === undefined ? 'elsewhere' : `on ${subject}`}.`,
      evidence: [line.id, full.item.id, ...signs.main, ...(archive === undefined ? [] : [archive.id])],
      commands: [
        command(`df -h ${destination}`, 'Shows how full it is.'),
        look(destination),
        ...(signs.unit === undefined ? [] : [unitStatus(signs.unit)]),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

const isBelow = (path: string, mount: string): boolean => path === mount || path.startsWith(`${mount}/`);

export const STORAGE: readonly KnownCause[] = [
  ...CROWDED,
  thinPool,
  readOnly,
  failingDisk,
  fullDestination,
  ...CONTAINERS,
  deletedOpen,
  ...LOGS,
  writer,
  ...GROWN,
  meetsIt,
  hiddenSpace,
];
