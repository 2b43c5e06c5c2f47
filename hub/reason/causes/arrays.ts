import { command, type KnownCause, nice } from './cause.ts';
import { BATCH_JOB } from './processes.ts';
import type { Line, Signs } from './signs.ts';

const mdstat = command('cat /proc/mdstat', 'Shows each array, its members, and how far a check or a rebuild is.');
const dmesg = command('dmesg -T --level err', 'Shows the errors with their device.');

/** A member that failed, as md, mdadm's monitor, LVM, ZFS and hardware controllers say it. */
const MEMBER_LOST =
  /(?:disk failure on (\w+), disabling|fail(?:spare)? event detected on md device [\w/]+(?:, component device \/dev\/(\w+))?|degradedarray event|operation continuing on \d+ devices|virtual drive\b.{0,40}\bdegraded|kicking non-fresh (\w+) from array)/i;
/** The same, in words that pools of connections and services use too: they count where some line speaks of such storage. */
const SAID_OF_ANY = /(?:array|pool|volume)\b.{0,40}\bdegraded|\bstate: (?:degraded|faulted)/i;
const OF_ARRAYS = /\b(?:raid\d*|mdadm|md\d{1,4}|zfs|zed|zpool|vdev|lvm|megaraid|storcli|hpsa)\b/i;
const memberLost = (signs: Signs): Line | undefined =>
  signs.line(MEMBER_LOST) ?? (signs.line(OF_ARRAYS) === undefined ? undefined : signs.line(SAID_OF_ANY));
const degradedMetric = (signs: Signs) =>
  signs.metric(/(?:raid|array|\bmd|zfs|zpool|disk|volume).*degraded|degraded.*(?:raid|array|\bmd|disk|drive|member)/);
const ARRAY = /\b(md\d{1,4})\b/;

/** A planned reading of everything, for errors that nobody has met yet; it gives way to others and ends by itself. */
const CHECK =
  /md: data-check of raid|\b(?:checkarray|mdcheck)\b|\bscrub (?:started|in progress|of pool)|btrfs scrub|patrol read (?:started|in progress)/i;

const isSlow = (signs: Signs): boolean =>
  signs.hasSignal('disk.slow', 'host.io_pressure', 'host.load', 'disk.forecast') ||
  signs.metric(/^disk\.(?:busy|await)|iowait/) !== undefined;

/** Without its spare the next failure loses everything; the rebuild that makes it slow is wanted. */
const degraded: KnownCause = {
  id: 'raid-degraded',
  class: 'raid-degraded',
  find: (signs) => {
    const lost = memberLost(signs);
    const metric = degradedMetric(signs);
    if (lost === undefined && metric === undefined) return null;
    const named =
      lost?.groups.find(Boolean) ??
      signs.line(/disk failure on (\w+)|component device \/dev\/(\w+)/i)?.groups.find(Boolean);
    const member = named !== undefined && /^[a-z][a-z0-9]{1,15}$/.test(named) ? named : undefined;
    const disk = member?.replace(/^((?:sd|vd|xvd)[a-z]+)\d+$/, '$1').replace(/^(nvme\d+n\d+|mmcblk\d+)p\d+$/, '$1');
    const array = signs.line(ARRAY)?.groups[0] ?? metric?.label?.match(ARRAY)?.[1];
    const rebuild = signs.line(/recovery of raid|rebuild(?:started|\d+| in progress)|resilver/i);
    const job = isSlow(signs) ? signs.process(BATCH_JOB) : undefined;
    return {
      sentence: `The array ${array ?? '(RAID)'} is degraded${member === undefined ? '' : `: its member ${member} failed and has to be replaced`}${rebuild === undefined ? '' : '; it rebuilds, which makes every access slow and must not be stopped'}${job === undefined ? '' : `, while ${signs.name(job)}, a backup or copy, uses the same disks`}.`,
      evidence: [
        ...[lost, rebuild].flatMap((one) => (one === undefined ? [] : [one.id])),
        ...signs.main,
        ...(job === undefined ? [] : signs.itemOf(job)),
      ],
      commands: [
        mdstat,
        ...(disk === undefined ? [] : [command(`smartctl -a /dev/${disk}`, "Shows the failed disk's own record.")]),
        ...(job === undefined ? [] : [nice(job.process.pid)]),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

/** It looks like a fault, and is the opposite. */
const check: KnownCause = {
  id: 'raid-check',
  class: 'planned-check',
  find: (signs) => {
    const line = signs.line(CHECK);
    if (line === undefined || !isSlow(signs) || memberLost(signs) !== undefined) return null;
    // Of a database that waits it may be one cause among others: that is for what knows databases.
    if (signs.hasSignal('database.replication_lag', 'database.replication', 'database.locks')) return null;
    if (degradedMetric(signs) !== undefined || signs.line(/i\/o error|medium error|mismatch_cnt=[1-9]/i) !== undefined)
      return null;
    const array = signs.line(ARRAY)?.groups[0];
    return {
      sentence: `A planned consistency check (scrub) of ${array === undefined ? 'the disks' : `the RAID array ${array}`} reads everything once; no member is missing, it gives way to other requests and ends by itself: nothing is broken.`,
      evidence: [line.id, ...signs.main],
      commands: [mdstat],
      sure: 'decisive',
    };
  },
};

/**
 * The way to the storage, not the storage: iSCSI, Fibre Channel, NVMe over a network, multipath. That a controller of NVMe
 * is down is said of a disk in the host.
 */
const PATH_LOST =
  /(?:session recovery timed out|iscsi_err_\w+|iscsi.{0,60}(?:timed? ?out|error|lost|closed)|ping timeout of \d+ secs expired|rejecting i\/o to (?:offline|dead) device|rport-[\d:-]+.{0,30}(?:blocked|timed out)|(?:fc|fibre channel).{0,40}link (?:down|failure)|nvme\S*: (?:starting error recovery|keep.?alive|reconnecting)|multipathd?.{0,60}(?:remaining active paths: 0|no (?:usable|active|working) paths?))/i;
/** A USB cable: of a disk where something says so, and else of a serial converter or a keyboard. */
const USB_LOST = /usb [\d.-]+: usb disconnect/i;
const isOfDisk = (signs: Signs): boolean =>
  signs.hasSignal('disk.read_only', 'kernel.readonly', 'disk.slow', 'kernel.disk') ||
  signs.line(/\b(?:sd[a-z]{1,2}\d*|usb-storage|uas)\b|file ?system|aborting journal/i) !== undefined;
const PATH_BACK =
  /(?:is operational after recovery|session\d+: re-?established|successfully reconnected|reconnected|rport.{0,40}(?:online|unblocked)|reinstated|remaining active paths: [1-9]|login to .{0,120}successful)/i;

const lostPath: KnownCause = {
  id: 'storage-path-lost',
  class: 'storage-path-lost',
  find: (signs) => {
    const lost = signs.line(PATH_LOST) ?? (isOfDisk(signs) ? signs.line(USB_LOST) : undefined);
    const stopped = signs.line(/read-only file ?system|remount(?:ing|ed).{0,40}read-only|aborting journal|i\/o error/i);
    if (
      lost === undefined ||
      (stopped === undefined &&
        !signs.hasSignal(
          'disk.read_only',
          'kernel.readonly',
          'disk.slow',
          'host.blocked',
          'host.io_pressure',
          'kernel.disk',
        ))
    )
      return null;
    const back = signs.line(PATH_BACK);
    const iscsi = signs.line(/iscsi|session\d+:/i) !== undefined;
    const kind = iscsi
      ? 'iSCSI session'
      : /nvme/i.test(lost.text)
        ? 'NVMe connection'
        : /rport|fc|fibre/i.test(lost.text)
          ? 'Fibre Channel path'
          : /usb/i.test(lost.text)
            ? 'USB connection'
            : 'path';
    const mount = signs.metric(/read_only/)?.label ?? undefined;
    const where = mount?.startsWith('/') === true ? ` ${mount}` : '';
    const readOnly = signs.hasSignal('disk.read_only', 'kernel.readonly');
    return {
      sentence: `The ${kind} to the storage was lost for longer than its timeout, so writes failed${readOnly ? ` and the file system${where} went read-only` : ''}: the network or the storage target was away, not a bad disk${back === undefined ? '' : '; the connection has come back since, but the file system has to be checked before it is mounted writable again'}.`,
      evidence: [...[lost, stopped, back].flatMap((one) => (one === undefined ? [] : [one.id])), ...signs.main],
      commands: [
        ...(iscsi ? [command('iscsiadm -m session', 'Shows which sessions to the storage stand.')] : []),
        dmesg,
        command('findmnt -o TARGET,SOURCE,FSTYPE,OPTIONS', 'Shows what is mounted read-only.'),
        command('lsblk -o NAME,SIZE,TYPE,MOUNTPOINT,MODEL', 'Shows what lies on that device.'),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

/** Arrays, and the ways to disks that are elsewhere. */
export const ARRAYS: readonly KnownCause[] = [lostPath, degraded, check];
