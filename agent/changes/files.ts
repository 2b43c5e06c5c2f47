import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Change, change, type Host, isRecent, LOOK_BACK, TOLD } from './change.ts';

/** Entries that one look touches in all: some 3 us each, so 20 ms of work. */
const MAX_ENTRIES = 6_000;
/** The loop is given back after so many. */
const SLICE = 250;
/** Files of one folder that changed within this are one change. */
const ONE_GO_MS = 15 * 60_000;
/** Files of a change that are named; the others are counted. */
const NAMED = 3;

interface Place {
  readonly what: string;
  readonly path: string;
  readonly depth: number;
  readonly back: number;
  /** Only names like these; all when absent. */
  readonly only?: RegExp;
  /** Folders and files that change by themselves, or that another place tells of. */
  readonly not?: RegExp;
}

const UNIT = /\.(?:service|socket|timer|path|mount|automount|target|slice|conf|network|link|netdev)$/;
/** Written by the machine itself: a cache, a list of what is mounted, what DHCP and the clock leave behind. */
const BY_ITSELF = /^(?:mtab|ld\.so\.cache|adjtime|\.pwd\.lock|\.updated|.*~|.*\.(?:swp|lock|cache))$/;

/** Where changes are looked for, the most telling first: the bound on entries cuts the last. */
const PLACES: readonly Place[] = [
  { what: 'unit files', path: 'etc/systemd/system', depth: 2, back: LOOK_BACK.units, only: UNIT },
  { what: 'unit files', path: 'run/systemd/system', depth: 2, back: LOOK_BACK.units, only: UNIT },
  { what: 'unit files', path: 'usr/local/lib/systemd/system', depth: 2, back: LOOK_BACK.units, only: UNIT },
  { what: 'cron tables', path: 'etc/crontab', depth: 0, back: LOOK_BACK.cron },
  ...['cron.d', 'cron.hourly', 'cron.daily', 'cron.weekly', 'cron.monthly'].map((name) => ({
    what: 'cron tables',
    path: `etc/${name}`,
    depth: 1,
    back: LOOK_BACK.cron,
  })),
  { what: 'cron tables', path: 'var/spool/cron', depth: 2, back: LOOK_BACK.cron },
  { what: 'deployed files', path: 'usr/local/bin', depth: 1, back: LOOK_BACK.files },
  { what: 'deployed files', path: 'usr/local/sbin', depth: 1, back: LOOK_BACK.files },
  { what: 'deployed files', path: 'opt', depth: 3, back: LOOK_BACK.files },
  { what: 'deployed files', path: 'srv', depth: 3, back: LOOK_BACK.files },
  {
    what: 'configuration',
    path: 'etc',
    depth: 6,
    back: LOOK_BACK.files,
    not: /^(?:systemd\/system|cron|crontab|alternatives$|ssl\/certs$)/,
  },
];

interface Touched {
  readonly folder: string;
  readonly name: string;
  readonly ts: number;
}

/**
 * Files that were written lately where a host is configured: by their times, so what keeps its old time when it is put
 * in place is not seen. Follows no link, gives the loop back, and never throws.
 */
export async function fileChanges({ root, now }: Host, maxEntries = MAX_ENTRIES): Promise<Change[]> {
  let left = maxEntries;
  const told = new Map<string, Change[]>();
  for (const place of PLACES) {
    const touched: Touched[] = [];
    const open = [{ path: '', depth: 0 }];
    for (let folder = open.pop(); folder !== undefined && left > 0; folder = open.pop()) {
      for (const { name, isFolder } of listing(join(root, place.path), folder.path)) {
        if (--left <= 0) break;
        if (left % SLICE === 0) await setImmediate();
        const path = folder.path === '' ? name : `${folder.path}/${name}`;
        if (BY_ITSELF.test(name) || place.not?.test(path)) continue;
        if (isFolder && folder.depth + 1 < place.depth) open.push({ path, depth: folder.depth + 1 });
        const ts = writtenAt(join(root, place.path, path));
        if (isFolder || place.only?.test(name) === false || !isRecent(ts, now, place.back)) continue;
        touched.push({ folder: `/${join(place.path, folder.path)}`, name, ts });
      }
    }
    const before = told.get(place.what) ?? [];
    told.set(place.what, [...before, ...inGoes(place.what, touched)]);
  }
  return [...told.values()].flatMap((changes) => changes.sort((a, b) => a.ts - b.ts).slice(-TOLD));
}

/** A path that is itself a file is its own listing. */
function listing(base: string, path: string): { readonly name: string; readonly isFolder: boolean }[] {
  try {
    return readdirSync(join(base, path), { withFileTypes: true }).map((entry: Dirent) => ({
      name: entry.name,
      isFolder: entry.isDirectory(),
    }));
  } catch (error) {
    const isFile = error instanceof Error && 'code' in error && error.code === 'ENOTDIR';
    return isFile && path === '' ? [{ name: '', isFolder: false }] : [];
  }
}

const writtenAt = (path: string): number => {
  try {
    return lstatSync(path).mtimeMs;
  } catch {
    return 0;
  }
};

/** One change for what was written in one folder in one go. */
function inGoes(what: string, touched: readonly Touched[]): Change[] {
  const goes: { folder: string; ts: number; names: string[] }[] = [];
  for (const { folder, name, ts } of [...touched].sort((a, b) => a.ts - b.ts)) {
    const open = goes.findLast((go) => go.folder === folder && ts - go.ts <= ONE_GO_MS);
    if (open === undefined) goes.push({ folder, ts, names: [name] });
    else {
      open.ts = ts;
      open.names.push(name);
    }
  }
  return goes.map(({ folder, ts, names }) => {
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    const shown = names.slice(0, NAMED).join(', ');
    return change(ts, `${what} written: ${folder}${shown === '' ? '' : `/${shown}`}${more}`, false);
  });
}
