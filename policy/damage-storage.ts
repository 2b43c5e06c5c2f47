import { type DamageRule, has, joined, plain, short } from './damage-words.ts';
import { isDevice, isSystem, normalise } from './paths.ts';
import { wordAt } from './word-at.ts';

/** A device, a system path, or a file in which a service keeps its data. */
const isKept = (path: string): boolean =>
  isSystem(path) || isDevice(path) || (/^\/var\/lib\/[^/]+\//.test(path) && !path.endsWith('.log'));

const hitsKept = (args: readonly string[]): boolean => plain(args).some((arg) => isKept(normalise(arg)));

/** The file that a flag of this name has its output written to: the next word, or what is attached. */
function writtenTo(args: readonly string[], flag: RegExp): string[] {
  return args.flatMap((arg, i) => {
    const attached = arg.replace(flag, '').replace(/^=/, '');
    return attached === arg ? [] : [attached === '' ? wordAt(args, i + 1) : attached].filter((path) => path !== '');
  });
}

const overwrites = (flag: RegExp) => (args: readonly string[]) =>
  writtenTo(args, flag).some((path) => path !== '/dev/null' && path !== '/dev/stdout' && isKept(normalise(path)));

/** Ruin of disks, flash, controllers and the files on them by tools beside the everyday ones. */
export const STORAGE_DAMAGES: readonly DamageRule[] = [
  {
    names:
      /^(?:sg_format|sg_sanitize|sg_write_same|sg_unmap|ubiformat|ubirmvol|flash_erase|flash_eraseall|flashcp|nandwrite|nwipe|make-bcache|mkudffs|newfs\w*|sfill|sswap|sdmem)$/,
    rule: 'destruction.device',
    effect: 'destroy',
    reason: 'it formats, wipes or overwrites a device',
    when: (a) => !has(/^(?:-h|--help|-V|--version)$/)(a),
  },
  {
    names: /^(?:sg_dd|sgp_dd|sgm_dd|ddpt|fio)$/,
    rule: 'destruction.device',
    effect: 'destroy',
    reason: 'it writes raw blocks',
    when: (a, n) =>
      a.some((arg) => /^(?:of|--filename)=/.test(arg) && isKept(normalise(arg.replace(/^[^=]*=/, '')))) &&
      (n !== 'fio' || joined(/--(?:rw|readwrite)=\w*write|--(?:rw|readwrite)=rw|--(?:rw|readwrite)=trim/)(a)),
  },
  {
    names:
      /^(?:sedutil(?:-cli)?|mtd_debug|mtd|mmc|pvcreate|xfs_db|hdparm|mdadm|fsfreeze|vgcfgrestore|stratis|tune2fs)$/,
    rule: 'destruction.device',
    effect: 'destroy',
    reason: 'it erases or remakes what a device holds',
    when: (a, n) =>
      joined(DEVICE_ACTS[n] ?? /^(?:--yesI|--revert|--PSID|--erase|--initialsetup)/i)(a) ||
      (n === 'fsfreeze' && has(/^(?:-f|--freeze)$/)(a) && hitsKept(a)),
  },
  {
    names:
      /^(?:mega(?:cli|cli64)|storcli(?:64)?|perccli(?:64)?|(?:ss|hpss|hpacu)a?cli|arcconf|sas[23]ircu|racadm|omconfig)$/i,
    rule: 'destruction.controller',
    effect: 'destroy',
    reason: 'it takes volumes apart, or stops the machine, through its controller',
    when: joined(
      /(?:^|[\s-])(?:CfgClr|CfgLdDel|CfgForeign -Clear|PDClear|LDInit|AdpFacDefSet|del|delete|deletevolume|erase|uninit|clear|clearencryption|secureerase|systemerase|cryptographicerase|racresetcfg|deletevd|resetconfig|clrsel|start init|set factory defaults)\b|\bserveraction\s+(?:power\w+|hardreset|graceshutdown)/i,
    ),
  },
  {
    names: /^(?:esptool(?:\.py)?|st-flash|openocd|avrdude|nrfjprog|picotool|dfu-util|fw_setenv|flash_tool)$/,
    rule: 'destruction.firmware',
    effect: 'destroy',
    reason: 'it erases a controller, or changes how it starts',
    when: joined(
      /\berase(?:[_-]?(?:flash|region|all))?\b|\b(?:mass_erase|flash erase\w*)\b|--(?:eraseall|recover)\b|^-s\b|^(?:bootcmd|bootargs|altbootcmd|preboot|bootdelay|boot_targets|ubootenv)\b/,
    ),
  },
  {
    names: /^(?:shred|srm|wipe)$/,
    rule: 'destruction.remove',
    effect: 'destroy',
    reason: 'it wipes what a service keeps',
    when: hitsKept,
  },
  {
    names: /^fallocate$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it cuts holes into a file',
    when: (a) =>
      (short(a, /[pcz]/) || has(/^--(?:punch-hole|collapse-range|zero-range)$/)(a)) &&
      plain(a).some((arg) => arg.startsWith('/') && !/^\/(?:var\/)?tmp\//.test(normalise(arg))),
  },
  {
    names: /^(?:openssl|gpg2?|sort|strace|tcpdump|gcc|cc|objcopy|utmpdump|perf|age|xmllint)$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it writes its output over what the host does not live without',
    when: (a, n) =>
      overwrites(n === 'tcpdump' ? /^-[a-zA-Z]*w/ : n === 'openssl' ? /^-out/ : /^(?:-o|--output|--output-document)/)(
        a,
      ),
  },
  {
    names: /^find$/,
    rule: 'destruction.find',
    effect: 'destroy',
    reason: 'it writes over a system file, or removes what it finds',
    when: (a) => overwrites(/^-(?:fprintf|fprint0?|fls)$/)(a) || (has(/^-\{.*\bdelete\b.*\}$/)(a) && hitsKept(a)),
  },
  {
    names: /^(?:wget|curl)$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it puts a download into a system folder',
    when: overwrites(/^(?:-P|--directory-prefix|--output-dir)/),
  },
  {
    names: /^(?:perl|ruby)$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it edits a system file in place',
    when: (a) => has(/^-[a-zA-Z0-9]*i/)(a) && hitsKept(a),
  },
  {
    names: /^(?:ex|ed|vi|vim|nvim)$/,
    rule: 'destruction.overwrite',
    effect: 'destroy',
    reason: 'it edits a system file by a script',
    when: (a) => has(/^(?:-[a-zA-Z]*[sc]|\+.+)$/)(a) && hitsKept(a),
  },
  {
    names: /^(?:tmpreaper|tmpwatch|systemd-tmpfiles|timeshift|rear)$/,
    rule: 'destruction.remove',
    effect: 'destroy',
    reason: 'it removes whole trees, or lays a host anew',
    when: (a) =>
      has(/^(?:--purge|--delete-all|recover|mountonly)$/)(a) ||
      plain(a).some(
        (arg) => isSystem(normalise(arg)) && arg.startsWith('/') && !/^\/(?:var\/)?tmp$/.test(normalise(arg)),
      ),
  },
  {
    names: /^xargs$/,
    rule: 'destruction.rm',
    effect: 'destroy',
    reason: 'it removes trees that nobody named',
    when: joined(/^(?:.* )?(?:-a|--arg-file)[ =].*\brm (?:-\S+ )*-\w*[rR]/),
  },
];

/** What one of these tools says when it erases. */
const DEVICE_ACTS: Readonly<Record<string, RegExp>> = {
  mtd_debug: /^(?:erase|write)\b/,
  mtd: /^(?:-\S+ )*(?:erase|write)\b/,
  mmc: /^(?:erase|sanitize)\b/,
  pvcreate: /(?:^| )-\w*ff|--force .*--force/,
  xfs_db: /(?:^| )-x\b/,
  hdparm: /--(?:write-sector|make-bad-sector|yes-i-know|fwdownload)/,
  mdadm: /(?:^| )--(?:zero-superblock|fail)\b.*(?:^| )--(?:zero|remove)\b/,
  fsfreeze: /^$/,
  vgcfgrestore: /(?:^| )--force\b/,
  stratis: /\b(?:destroy|reset)\b/,
  tune2fs: /(?:^| )-O \^?(?:has_journal|\^has_journal)/,
};
