import { number } from '../../evidence/words.ts';
import { command, end, type KnownCause, restart, stop, unitStatus } from './cause.ts';
import { isFilling } from './filling.ts';
import { LOGS } from './logs.ts';

const look = (mount: string) => command(`du -xh --max-depth=2 ${mount}`, 'Shows which folders are large.');
const dmesg = command('dmesg -T --level err', 'Shows the errors with their device and sector.');
/** The disk that a kernel's line, a label or a mount's source names. */
const DEVICE = /\b(mmcblk\d+|nvme\d+n?\d*|sd[a-z]{1,2}|vd[a-z]|xvd[a-z]|dm-\d+|md\d+)/;

/** Blocks free and still no space: small files have taken the inodes. */
const inodes: KnownCause = {
  id: 'inodes',
  class: 'inode-exhaustion',
  find: (signs) => {
    const taken = signs.metric(/^disk\.inodes/);
    const mount = taken?.label ?? signs.mounts.find(({ inodesUsed }) => (inodesUsed ?? 0) >= 95)?.mount.path;
    if (mount === undefined || mount === null || !signs.evidence.entities.some(({ value }) => value === mount))
      return null;
    // That somebody logged in is a session too.
    const sessions = signs.line(/\bsess_|session_start|\/sessions?\b|\bsession (?:files?|data)\b/i);
    const mail =
      signs.line(/\b(?:postfix|qmgr|exim|sendmail|maildrop|mail queue|queue file)/i) ??
      (signs.process(/^(?:qmgr|master|exim4?)$/) && { id: signs.main[0] ?? '', groups: [] });
    const cleaner = signs.units.find((unit) => /clean|prune|purge|rotate|expire/.test(unit));
    const blocks = signs.mounts.find((one) => one.mount.path === mount);
    const whose =
      sessions !== undefined
        ? 'session files that nobody cleans up'
        : mail !== undefined
          ? 'the files of a mail queue'
          : 'very many small files that nobody removes';
    const sweep = sessions !== undefined && !/^\/(?:var|home|srv|usr|opt|etc)?$/.test(mount);
    return {
      sentence: `File system ${mount} is out of inodes (${taken?.words ?? 'nearly all'} used) while ${blocks === undefined ? 'blocks are free' : `only ${number(blocks.used)} % of its space is used`}: small files have taken them, ${whose}${cleaner === undefined ? '' : `; ${cleaner}, which should clean up, failed`}.`,
      evidence: [
        ...signs.main,
        ...(sessions === undefined ? [] : [sessions.id]),
        ...(blocks === undefined ? [] : [blocks.item.id]),
      ],
      commands: [
        command(`df -i ${mount}`, 'Shows how many inodes are used.'),
        ...(cleaner === undefined
          ? []
          : [command(`systemctl start ${cleaner}`, 'Runs the job that should have cleaned up.')]),
        ...(mail === undefined ? [] : [command('postqueue -p', 'Shows what waits in the mail queue, and why.')]),
        sweep
          ? command(
              `find ${mount} -xdev -type f -name 'sess_*' -mmin +1440 -delete`,
              'Deletes session files that were not touched for a day.',
            )
          : command(`du -x --inodes --max-depth=2 ${mount}`, 'Shows which folders hold the many files.'),
      ],
      sure: 'decisive',
      ...(sweep || cleaner !== undefined ? {} : { person: true }),
    };
  },
};

/** A file system turns read-only to save what is left: writing again before the disk was looked at loses more. */
const readOnly: KnownCause = {
  id: 'read-only',
  class: 'read-only-filesystem',
  find: (signs) => {
    const line = signs.line(/read-only file ?system|remount(?:ing|ed).{0,40}read-only|\berofs\b/i);
    if (!signs.hasSignal('disk.read_only', 'kernel.readonly') && line === undefined) return null;
    const broken = signs.line(
      /(?:i\/o error|timeout, aborting|medium error|error -\d+ whilst|journal has aborted|critical target|unrecovered read|failed command)/i,
    );
    const device = signs.line(DEVICE)?.groups[0] ?? signs.metric(/read_only/)?.label?.replace(/^\/dev\//, '');
    const mount = signs.metric(/read_only/)?.label ?? signs.mounts[0]?.mount.path ?? '';
    const disk =
      device !== undefined && !device.startsWith('/')
        ? device.replace(/p?\d+$/, (part) => (device.startsWith('sd') ? '' : part))
        : undefined;
    return {
      sentence: `The file system ${mount} went read-only${broken === undefined ? '' : ' after I/O errors'}${disk === undefined ? '' : ` of ${disk}`}: the disk or card, its cable or its controller is failing, so the kernel refuses further writes.`,
      evidence: [...signs.main, ...[line, broken].flatMap((one) => (one === undefined ? [] : [one.id]))],
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

/** A file that a container writes beside its volumes lies in its own layer: no prune frees it while it runs. */
const growingLayer: KnownCause = {
  id: 'container-layer',
  class: 'container-writes',
  find: (signs) => {
    const writer = signs.told(
      /(?:docker|libpod|containerd|kubepods|overlay2?)\b.*(?:open for writing|written|wrote|writes|holds)|(?:open for writing|written|wrote|writes|holds)\b.*(?:docker|libpod|containerd|kubepods|overlay)/i,
    );
    const mount = signs.fullMount();
    if (writer === undefined || mount === undefined || !isFilling(signs)) return null;
    const file = signs.told(/(?:open for writing|written|wrote|writes)\W{1,3}(\/[\w./-]+)/i)?.groups[0];
    const change = signs.since('docker', 'podman', 'container', 'image', signs.program(writer.process));
    return {
      sentence: `${signs.name(writer.process)}, in a container, writes ${file === undefined ? 'files' : `${file}`} into the container's own writable layer, which grows and fills the space of ${mount}; no unused image holds it, so a prune would free nothing${change.words}.`,
      evidence: [writer.id, ...signs.main, ...change.ids],
      commands: [
        command('docker ps --all --size', "Shows the size of each container's own layer."),
        command('docker system df', 'Shows what images, containers and build cache take.'),
      ],
      sure: 'decisive',
      person: true,
      futile: ['container-images', 'disk-full'],
    };
  },
};

/** Images and build cache are never removed by themselves. */
const containerLayers: KnownCause = {
  id: 'container-layers',
  class: 'container-images',
  find: (signs) => {
    const line = signs.line(/overlay2|\/var\/lib\/(?:docker|containers)|register layer|buildkit/i);
    const mount = signs.fullMount();
    if (mount === undefined || (line === undefined && !/docker|containers/.test(mount)) || !isFilling(signs))
      return null;
    const change = signs.since('docker', 'prune', 'builder', 'image', 'container');
    const cache = signs.line(/build(?:kit|er)|cache/i) !== undefined || signs.change(/builder|cache|gc/i) !== undefined;
    return {
      sentence: `Unused images, layers and build cache of docker (overlay2) that nothing prunes fill the space of ${mount}${change.words}.`,
      evidence: [...signs.main, ...(line === undefined ? [] : [line.id]), ...change.ids],
      commands: [
        command('docker system df', 'Shows what images, containers and build cache take.'),
        command('docker image prune -f', 'Removes images without a name that no container uses.'),
        ...(cache ? [command('docker builder prune -f', 'Removes build cache that no build uses.')] : []),
      ],
      sure: 'decisive',
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
    const told = signs.told(/(?:wrote|written|writes|holds) .*?(\/[\w./-]+)|(?:MiB|GiB) written/i);
    if (told === undefined || !isFilling(signs)) return null;
    const unit = signs.unitOf(told.process);
    const change = signs.since(signs.program(told.process), unit);
    return {
      sentence: `${signs.name(told.process)} fills the disk ${signs.fullMount()} with files under ${told.groups[0] || 'it'} that nobody removes${change.words}.`,
      evidence: [told.id, ...signs.main, ...change.ids],
      commands: [look(signs.fullMount() ?? '/'), unit === undefined ? end(told.process.process.pid) : stop(unit)],
      sure: 'likely',
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
  inodes,
  readOnly,
  failingDisk,
  fullDestination,
  growingLayer,
  containerLayers,
  deletedOpen,
  ...LOGS,
  writer,
  hiddenSpace,
];
