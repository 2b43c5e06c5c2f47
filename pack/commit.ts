import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';

/** What is packed. */
export interface Commit {
  /** Null outside of a git checkout. */
  readonly id: string | null;
  /** When it was committed, in seconds: the time of everything in the archives. */
  readonly time: number;
  /** Files differ from the commit, or are not in it and may be packed: then its number says nothing. */
  readonly isChanged: boolean;
}

export class PackError extends Error {
  readonly code: 'E_PACK_TIME' | 'E_PACK_KEY' | 'E_PACK_VERSION' | 'E_PACK_BUILD';
  constructor(code: PackError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The commit of the checkout in `root`; SOURCE_DATE_EPOCH gives its time where there is none. Throws E_PACK_TIME. */
export function commitOf(root: string, env: NodeJS.ProcessEnv = process.env): Commit {
  const git = (...argv: string[]): string | null => {
    const { status, stdout } = spawnSync('git', ['-C', root, ...argv], { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : null;
  };
  const top = git('rev-parse', '--show-toplevel');
  // A copy may lie inside of another checkout, whose commits are not its own.
  const isOwn = top !== null && realpathSync(top) === realpathSync(root);
  const [id = null, committed] = isOwn ? (git('log', '-1', '--format=%H %ct')?.split(' ') ?? []) : [];
  const time = Number(env['SOURCE_DATE_EPOCH'] ?? committed);
  if (!Number.isSafeInteger(time) || time < 0)
    throw new PackError(
      'E_PACK_TIME',
      'not a git checkout: give the time of what is packed, SOURCE_DATE_EPOCH=SECONDS',
    );
  return { id, time, isChanged: isOwn && git('status', '--porcelain', '--untracked-files=normal') !== '' };
}
