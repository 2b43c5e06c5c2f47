import { statSync } from 'node:fs';
import { join } from 'node:path';
import { tailLines } from './bounded-read.ts';
import { type Change, change, type Host, isRecent, LOOK_BACK, TOLD } from './change.ts';

/** A log's end: dpkg writes some 300 bytes for a package, so this holds the last thousand. */
const TAIL = 262_144;
/** Lines of one run of a package manager lie closer together than this. */
const ONE_RUN_MS = 10 * 60_000;
/** Packages of a run that are named; the others are counted. */
const NAMED = 4;

interface Step {
  readonly ts: number;
  readonly action: string;
  readonly name: string;
}

/** What package managers did, a run and an action each: read from their own logs, never by asking them. */
export function packageChanges(host: Host): Change[] {
  const { root, now } = host;
  const recent = [
    ...tailLines(join(root, 'var/log/dpkg.log'), TAIL).flatMap(dpkgStep),
    ...tailLines(join(root, 'var/log/dnf.rpm.log'), TAIL).flatMap(dnfStep),
    ...tailLines(join(root, 'var/log/pacman.log'), TAIL).flatMap(pacmanStep),
  ].filter(({ ts }) => isRecent(ts, now, LOOK_BACK.packages));
  const told = inRuns(recent).map(({ ts, action, names }) => {
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    return change(ts, `packages ${action}: ${names.slice(0, NAMED).join(', ')}${more}`, true);
  });
  return [...told, ...aptRequests(host), ...(told.length > 0 ? [] : databaseChanges(host))].slice(-TOLD);
}

/** `2026-11-26 09:12:01 upgrade nginx:amd64 1.22 1.24`, in the host's own time. */
function dpkgStep(line: string): Step[] {
  const match =
    /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (install|upgrade|remove|purge) ([\w.+:-]{1,100}) (\S{1,80}) (\S{1,80})$/.exec(
      line,
    );
  if (match === null) return [];
  const [, day, time, verb = '', name = '', before = '', after = ''] = match;
  const ts = Date.parse(`${day}T${time}`);
  const bare = name.replace(/:.*$/, '');
  if (verb === 'upgrade') return [{ ts, action: 'upgraded', name: `${bare} ${before} -> ${after}` }];
  return [{ ts, action: verb === 'install' ? 'installed' : 'removed', name: bare }];
}

/** `2026-11-26T09:12:01+0000 SUBDEBUG Upgrade: nginx-1:1.24-1.el9.x86_64`. */
function dnfStep(line: string): Step[] {
  const match = /^(\S{20,30}) \w{1,12} (Install|Upgrade|Erase|Downgrade)\w{0,2}: ([\w.+:~^-]{1,120})$/.exec(line);
  const [, at = '', verb = '', name = ''] = match ?? [];
  const ts = Date.parse(at.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  if (match === null || !Number.isFinite(ts)) return [];
  const action = { Install: 'installed', Upgrade: 'upgraded', Erase: 'removed', Downgrade: 'downgraded' }[verb];
  return [{ ts, action: action ?? 'changed', name }];
}

/** `[2026-11-26T09:12:01+0000] [ALPM] upgraded nginx (1.22 -> 1.24)`. */
function pacmanStep(line: string): Step[] {
  const match =
    /^\[(\S{20,30})\] \[ALPM\] (installed|upgraded|removed|downgraded) ([\w.+-]{1,100}) \(([^)]{1,100})\)$/.exec(line);
  const [, at = '', action = '', name = '', version = ''] = match ?? [];
  const ts = Date.parse(at.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return match === null || !Number.isFinite(ts) ? [] : [{ ts, action, name: `${name} ${version}` }];
}

function inRuns(steps: readonly Step[]): { ts: number; action: string; names: string[] }[] {
  const runs: { ts: number; action: string; names: string[] }[] = [];
  for (const { ts, action, name } of [...steps].sort((a, b) => a.ts - b.ts)) {
    const open = runs.findLast((run) => run.action === action && ts - run.ts <= ONE_RUN_MS);
    if (open === undefined) runs.push({ ts, action, names: [name] });
    else {
      open.ts = ts;
      if (!open.names.includes(name)) open.names.push(name);
    }
  }
  return runs;
}

/** Who asked for it: `Commandline` and `Requested-By` of apt's history. A person typed the first. */
function aptRequests({ root, now }: Host): Change[] {
  const found: Change[] = [];
  let ts = Number.NaN;
  let command = '';
  let by = '';
  for (const line of [...tailLines(join(root, 'var/log/apt/history.log'), TAIL), 'End-Date: ']) {
    const [key, value = ''] = line.split(/: (.*)/s);
    if (key === 'Start-Date') {
      ts = Date.parse(value.replace(/ +/, 'T'));
      command = '';
      by = '';
    } else if (key === 'Commandline') command = value;
    else if (key === 'Requested-By') by = value;
    else if (key === 'End-Date' && by !== '' && isRecent(ts, now, LOOK_BACK.packages)) {
      found.push(change(ts, `${by} ran ${command}`, false));
      by = '';
    }
  }
  return found.slice(-TOLD / 2);
}

/** Where no log tells more: when the package database was last written. */
const DATABASES = {
  'lib/apk/db/installed': 'apk',
  'var/lib/rpm/rpmdb.sqlite': 'rpm',
  'usr/lib/sysimage/rpm/rpmdb.sqlite': 'rpm',
  'var/lib/rpm/Packages': 'rpm',
  'var/lib/dpkg/status': 'dpkg',
} as const;

function databaseChanges({ root, now }: Host): Change[] {
  const times = new Map<string, number>();
  for (const [path, manager] of Object.entries(DATABASES)) {
    const ts = statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (isRecent(ts, now, LOOK_BACK.packages)) times.set(manager, Math.max(ts, times.get(manager) ?? 0));
  }
  return [...times].map(([manager, ts]) => change(ts, `the package database of ${manager} changed`, true));
}
