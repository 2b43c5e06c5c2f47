import { dirname, resolve } from 'node:path';

/** The calls that change a disk, or make a change last; paths are shown for descriptors (`-y`), and every thread is followed. */
export const STRACE = [
  ...['strace', '-f', '-qq', '-y', '-s', '0', '--seccomp-bpf', '-e', 'signal=none'],
  ...[
    '-e',
    'trace=openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,write,pwrite64,writev,pwritev,copy_file_range,sendfile,ftruncate,fsync,fdatasync,sync,syncfs',
  ],
] as const;

/** Who runs, what is being written under another name, and sockets: nothing that has to outlive a power cut. */
const PASSING = /\/(?:lock(?:\.[\w.]+)?|lock\.mdb|[^/]+\.new|act\.sock)$/;

const CALL = /^\d+\s+(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$/;
const QUOTED = /"([^"]*)"/g;
const AT = /^(?:AT_FDCWD|\d+)<([^>]*)>/;

/**
 * What a power cut could undo, of what a traced command did below `root`: a file or folder that got its name, or that was
 * there when the command ended, before it was on the disk. `committed`: a file whose removal says that all is done, so that
 * all has to be on the disk by then. Content counts as flushed by fsync of its file, a name by fsync of its folder.
 */
export function disorder(trace: string, root: string, committed: string | null = null): readonly string[] {
  const files = new Set<string>();
  const folders = new Set<string>();
  const found: string[] = [];
  const isOurs = (path: string) => path === root || path.startsWith(`${root}/`);
  const changed = (path: string) => {
    if (isOurs(dirname(path)) && !PASSING.test(path)) folders.add(dirname(path));
  };
  const below = (folder: string) =>
    [...files, ...folders].filter((path) => path.startsWith(`${folder}/`) || path === folder);
  for (const line of trace.split('\n')) {
    const [, call = '', rest = ''] = CALL.exec(line) ?? [];
    if (/= -1 E/.test(rest)) continue;
    const base = AT.exec(rest)?.[1] ?? '/';
    const named = [...rest.matchAll(QUOTED)].map(([, name = '']) => resolve(base, name));
    const [first = '', second = ''] = named;
    switch (call) {
      case 'sync':
      case 'syncfs':
        files.clear();
        folders.clear();
        break;
      case 'fsync':
      case 'fdatasync':
        files.delete(base);
        folders.delete(base);
        break;
      case 'write':
      case 'pwrite64':
      case 'writev':
      case 'pwritev':
      case 'ftruncate':
        if (isOurs(base) && !/\/(?:lock(?:\.[\w.]+)?|lock\.mdb)$/.test(base)) files.add(base);
        break;
      case 'copy_file_range':
      case 'sendfile': {
        const to = [...rest.matchAll(/\d+<([^>]*)>/g)].map(([, path = '']) => path)[call === 'sendfile' ? 0 : 1];
        if (to !== undefined && isOurs(to)) files.add(to);
        break;
      }
      case 'openat':
      case 'creat':
        if (/O_CREAT/.test(rest) || call === 'creat') changed(first);
        break;
      case 'rename':
      case 'renameat':
      case 'renameat2': {
        const left = below(first).filter((path) => isOurs(path));
        if (isOurs(second) && left.length > 0)
          found.push(`${second} got its name before ${left.join(', ')} was on the disk`);
        for (const path of left) {
          if (files.delete(path)) files.add(second + path.slice(first.length));
          if (folders.delete(path)) folders.add(second + path.slice(first.length));
        }
        changed(first);
        changed(second);
        break;
      }
      case 'unlink':
      case 'unlinkat':
      case 'rmdir': {
        for (const path of below(first)) {
          files.delete(path);
          folders.delete(path);
        }
        const left = [...files, ...folders];
        if (first === committed && left.length > 0)
          found.push(`it counted as done before ${left.join(', ')} was on the disk`);
        changed(first);
        break;
      }
      default:
        changed(named.at(-1) ?? '');
    }
  }
  const left = [...files, ...folders];
  if (left.length > 0) found.push(`at the end ${left.join(', ')} was not on the disk`);
  return found;
}
