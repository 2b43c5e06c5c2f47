import type { ProcFiles } from './proc-files.ts';

/** One mounted filesystem that can fill up. */
export interface Mount {
  readonly path: string;
  readonly type: string;
  readonly device: string;
}

export interface LocalMount extends Mount {
  readonly writable: boolean;
}

/** More mounts than this on one host are container layers; the first ones are the host's own. */
export const MAX_MOUNTS = 32;
/** A longer path would make a metric's name that no message may carry. */
const MAX_PATH = 200;

/** No storage behind them, or a picture that is full by nature. */
const PSEUDO = new Set(
  (
    'autofs bdev binder binfmt_misc bpf cgroup cgroup2 configfs cpuset debugfs devpts devtmpfs dmabuf efivarfs functionfs ' +
    'fusectl hugetlbfs ipathfs mqueue nsfs nullfs pipefs proc pstore ramfs resctrl rootfs rpc_pipefs securityfs selinuxfs ' +
    'smackfs sockfs sysfs tracefs overlay squashfs erofs cramfs romfs iso9660 udf'
  ).split(' '),
);
/** On the far side of a network, where a question can hang for ever and the disk is someone else's. */
const NETWORK = new Set(
  'nfs nfs4 cifs smb3 smbfs ncpfs afs 9p ceph glusterfs lustre gpfs ocfs2 beegfs coda virtiofs'.split(' '),
);
const SYSTEM_TMPFS = /^\/(dev|run|sys|proc)(\/|$)/;

/** The root of a container is an overlay, and then the only disk there is. */
const keeps = (path: string, type: string): boolean =>
  (!PSEUDO.has(type) || (type === 'overlay' && path === '/')) &&
  !NETWORK.has(type) &&
  !(type.startsWith('fuse.') || type === 'fuse') &&
  !(type === 'tmpfs' && SYSTEM_TMPFS.test(path));

/** What can fill up, in the order of mounting: writable, local, each filesystem once, at most MAX_MOUNTS. */
export const readMounts = (proc: ProcFiles): Mount[] =>
  readLocalMounts(proc).flatMap(({ writable, ...mount }) => (writable ? [mount] : []));

/** The same with those that can't be written: a filesystem that had an error is mounted read-only by the kernel. */
export const readLocalMounts = (proc: ProcFiles): LocalMount[] => parseMounts(proc.text('self/mountinfo'));

/** The same from the text of /proc/self/mountinfo. */
export function parseMounts(mountinfo: string): LocalMount[] {
  const visible = new Map<string, Mount & { readonly writable: boolean; readonly id: string }>();
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ', 2);
    const [, , id = '', , point = ''] = left.split(' ');
    const [type = '', device = '', superOptions = ''] = right.split(' ');
    if (point === '' || type === '') continue;
    const path = unescapeOctal(point);
    // The file system's own word counts, not the mount's: a hardened unit sees every mount read-only, and the disk below
    // fills all the same. A remount after an error is the file system's.
    const writable = !isReadOnly(superOptions);
    // A later mount on the same point hides the earlier one.
    visible.set(path, { path, type, device: unescapeOctal(device), writable, id });
  }
  const seen = new Set<string>();
  const mounts: LocalMount[] = [];
  let [open, closed] = [0, 0];
  for (const { path, type, device, writable, id } of visible.values()) {
    if (!keeps(path, type) || !fits(path) || seen.has(id)) continue;
    if ((writable ? ++open : ++closed) > MAX_MOUNTS) continue;
    if (writable) seen.add(id);
    mounts.push({ path, type, device, writable });
  }
  return mounts;
}

const isReadOnly = (options: string): boolean => options === 'ro' || options.startsWith('ro,');

const fits = (path: string): boolean =>
  path.startsWith('/') && path.length <= MAX_PATH && !/[\p{Cc}\p{Cf}\u{fffd}[\]]/u.test(path);

/** Blanks, tabs, newlines and backslashes are written as \ooo. */
function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
