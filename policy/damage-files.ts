import {
  always,
  type DamageRule,
  has,
  hitsDevice,
  hitsSystem,
  joined,
  last,
  narrowed,
  plain,
  recursive,
  searched,
  short,
  targets,
} from './damage-words.ts';
import { isDatabaseFile, isDevice, isSystem, isSystemTree, normalise } from './paths.ts';
import { wordAt } from './word-at.ts';

const hitsDatabase = (args: readonly string[]): boolean => plain(args).some((arg) => targets(arg).some(isDatabaseFile));

/** Ruin of files, devices and mounts. */
export const FILE_DAMAGES: readonly DamageRule[] = [
  {
    names: /^rm$/,
    rule: 'destruction.rm',
    effect: 'destroy',
    reason: 'it removes what the host does not live without',
    when: (a) =>
      a.includes('--no-preserve-root') ||
      hitsDatabase(a) ||
      (hitsSystem(a) && (recursive(a) || plain(a).some((p) => targets(p).some((t) => isSystem(t) && t !== '/')))),
  },
  {
    names: /^(?:rmdir|unlink|shred|srm|wipe|truncate)$/,
    rule: 'destruction.remove',
    effect: 'destroy',
    reason: 'it removes or empties what the host does not live without',
    when: (a) => hitsSystem(a) || hitsDatabase(a),
  },
  {
    names: /^mv$/,
    rule: 'destruction.move',
    effect: 'destroy',
    reason: 'it moves away or over what the host does not live without',
    when: (a) => hitsSystem(a) || last(a) === '/dev/null',
  },
  {
    names: /^(?:cp|tee|install|ln|sponge|rsync|scp)$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it overwrites what the host does not live without',
    when: (a, n) =>
      (n === 'tee'
        ? hitsSystem(a)
        : last(a) !== '' && (isSystem(normalise(last(a))) || isDevice(normalise(last(a))))) ||
      (n === 'rsync' && has(/^--delete/)(a) && isSystem(normalise(last(a)))) ||
      /\/authorized_keys$/.test(last(a)),
  },
  {
    names: /^find$/,
    rule: 'destruction.find',
    effect: 'destroy',
    reason: 'it removes files below a system path',
    when: (a) => {
      if (!a.includes('-delete')) return false;
      const filtered = narrowed(a);
      return searched(a).some((p) =>
        targets(p).some((t) => isSystemTree(t) || isDatabaseFile(t) || (!filtered && isSystem(t))),
      );
    },
  },
  {
    names: /^(?:dd|dcfldd|dc3dd)$/,
    rule: 'destruction.dd',
    effect: 'destroy',
    reason: 'it writes raw blocks',
    when: (a) =>
      a.some((arg) => {
        const path = normalise(arg.replace(/^of=/, ''));
        return arg.startsWith('of=') && path !== '/dev/null' && (isDevice(path) || isSystem(path));
      }),
  },
  {
    names: /^(?:mkfs(?:\..+)?|mke2fs|mkswap|blkdiscard|wipefs|mkdosfs|mkntfs|e2image|tune2fs-wipe|zerofree)$/,
    rule: 'destruction.format',
    effect: 'destroy',
    reason: 'it formats or wipes a device',
    when: always,
  },
  {
    names: /^(?:fdisk|sfdisk|cfdisk|sgdisk|gdisk|parted|partx|delpart|kpartx)$/,
    rule: 'destruction.partition',
    effect: 'destroy',
    reason: 'it changes partitions',
    when: (a) =>
      (a.length > 0 && !has(/^(?:-l|--list|-p|--print|print|-s|-lu|-d|--dump|-v|-V|--version|-h|--help)$/)(a)) ||
      has(/^(?:--zap-all|-Z|-z|mklabel|mkpart|rm|-o|--delete)$/)(a),
  },
  {
    names:
      /^(?:lvremove|vgremove|pvremove|lvreduce|vgreduce|zpool|zfs|btrfs|mdadm|cryptsetup|nvme|hdparm|dmsetup|sg_format|badblocks|xfs_repair|debugfs|resize2fs|lvm|losetup)$/,
    rule: 'destruction.volume',
    effect: 'destroy',
    reason: 'it destroys or detaches storage',
    when: (a, n) =>
      /^(?:lvremove|vgremove|pvremove|lvreduce|vgreduce)$/.test(n) ||
      has(
        /^(?:destroy|labelclear|--zero-superblock|luksFormat|erase|luksErase|luksKillSlot|format|sanitize|--security-erase.*|--trim-sector-ranges|remove_all|wipe_table|-w|-L|lvremove|vgremove|pvremove|--stop|rollback)$/,
      )(a) ||
      joined(/\bsubvolume delete\b/)(a),
  },
  {
    names: /^(?:umount|mount|fusermount|swapoff)$/,
    rule: 'destruction.mount',
    effect: 'destroy',
    reason: 'it takes away a system mount',
    when: (a, n) =>
      n !== 'swapoff' &&
      ((n === 'umount' && has(/^(?:-[a-zA-Z]*a[a-zA-Z]*|--all)$/)(a)) ||
        (plain(a).some((p) => /^\/(?:|usr|var|boot|home|etc|proc|sys|dev|run)\/?$/.test(p)) &&
          (n !== 'mount' || a.length > 1))),
  },
  {
    names: /^(?:curl|wget)$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it overwrites a system file with a download',
    when: (a) =>
      a.some((arg, i) => {
        const to = wordAt(a, i + 1);
        const named = /^(?:-[a-zA-Z]*[oO]|--output|--output-document)$/.test(arg) && to !== '' && to !== '-';
        return named && !/^\/dev\/(?:null|stdout|stderr)$/.test(to) && isSystem(normalise(to));
      }),
  },
  {
    names: /^(?:tar|bsdtar|unzip|cpio|7z|pax)$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it unpacks over the system, or removes what it packs',
    when: (a, n) =>
      (a.includes('--remove-files') && hitsSystem(a)) ||
      ((n !== 'tar' && n !== 'bsdtar' ? true : has(/^-?[a-zA-Z]*x[a-zA-Z]*$|^--(?:extract|get)$/)(a)) &&
        a.some((arg, i) => {
          const attached = /^(?:-[CdDo]|--directory=)(\/.*)$/.exec(arg)?.[1];
          const next = /^(?:-C|-d|-D|--directory)$/.test(arg) ? a[i + 1] : undefined;
          return /^\/(?:$|(?:etc|usr|bin|sbin|lib\d*|boot|root|dev)(?:\/|$))/.test(
            normalise(attached ?? next ?? '/srv'),
          );
        })),
  },
  {
    names: /^(?:gzip|bzip2|xz|zstd|lz4|lzma|compress)$/,
    rule: 'destruction.remove',
    effect: 'destroy',
    reason: 'it replaces what the host does not live without',
    when: (a) =>
      !has(/^(?:-[a-zA-Z0-9]*[cklt][a-zA-Z0-9]*|--(?:stdout|to-stdout|keep|list|test))$/)(a) &&
      plain(a).some((p) => targets(p).some((t) => t !== '/' && isSystemTree(t))),
  },
  {
    names: /^(?:ddrescue|dd_rescue|partclone\..+|nwipe|scrub|ntfsclone|fsarchiver|clonezilla|pv)$/,
    rule: 'destruction.device',
    effect: 'destroy',
    reason: 'it overwrites or wipes a device',
    when: (a, n) => (/^(?:nwipe|scrub)$/.test(n) ? true : n !== 'pv' && isDevice(normalise(last(a)))),
  },
  {
    names: /^sed$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it edits a system file in place',
    when: (a) => (short(a, /i/) || has(/^(?:-i\S*|--in-place.*)$/)(a)) && hitsSystem(a.slice(1)),
  },
  {
    names: /^badblocks$/,
    rule: 'destruction.device',
    effect: 'destroy',
    reason: 'it writes a device',
    when: (a) => hitsDevice(a) && short(a, /w/),
  },
  {
    names: /^(?:chmod|chown|chgrp|setfacl|chattr|chcon)$/,
    rule: 'destruction.permissions',
    effect: 'destroy',
    reason: 'it changes who may do what on a system path',
    when: (a) => hitsSystem(a) || (recursive(a) && has(/^(?:0?777|a\+rwx|\+rwx|0?000)$/)(a)),
  },
];
