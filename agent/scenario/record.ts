import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeOomGroup } from './oom-group.ts';
import { removeUnit } from './unit-files.ts';
import { asWho, isAlive, type Who } from './who.ts';

/** What a run has made on the host, written before it is made where that is possible: the next run clears up after it. */
export interface RunRecord {
  readonly version: 1;
  readonly name: string;
  readonly runner: Who;
  /** The fault's process, or its keeper's where it is a service: it leads a process group of its own. */
  readonly fault: Who | null;
  readonly folder: string | null;
  readonly mounted: boolean;
  /** It runs as a service of systemd's, and the unit was written by this very run. */
  readonly unit?: true;
}

/** Where a run's own files are. */
export interface RunPaths {
  readonly record: string;
  readonly pgid: string;
  readonly dropIn: string;
}

export const FOLDER_PARENT = '/var/tmp';
/** The only folders that are ever removed: names that mkdtemp made for us. */
const OURS = /^\/var\/tmp\/sentinel-(?:disk-fill|inode-fill|log-flood|cert-expiry|read-only|held-log)-[A-Za-z0-9]{6}$/;

/** True for a folder that a scenario made. */
export const isOwnFolder = (folder: string): boolean => OURS.test(folder);

export const runPaths = (state: string, name: string): RunPaths => ({
  record: join(state, 'scenarios', `${name}.json`),
  pgid: join(state, 'scenarios', `${name}.pgid`),
  dropIn: join(state, 'agent', 'watch.d', `scenario-${name}.yaml`),
});

/** Writes a file whole or not at all: its readers look at any moment. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const draft = join(dirname(path), `.${process.pid}.draft`);
  writeFileSync(draft, text, { mode: 0o644 });
  renameSync(draft, path);
}

export const writeRecord = (paths: RunPaths, record: RunRecord): void =>
  writeWhole(paths.record, `${JSON.stringify(record)}\n`);

/** What a run of this scenario left written; null when there is nothing, or nothing that makes sense. */
export function readRecord(paths: RunPaths, name: string): RunRecord | null {
  try {
    const found = JSON.parse(readFileSync(paths.record, 'utf8').slice(0, 65_536)) as Partial<RunRecord> | null;
    if (found?.version !== 1 || found.name !== name) return null;
    const folder = typeof found.folder === 'string' && OURS.test(found.folder) ? found.folder : null;
    const runner = asWho(found.runner);
    if (runner === null) return null;
    const unit = found.unit === true ? { unit: true as const } : {};
    return { version: 1, name, runner, fault: asWho(found.fault), folder, mounted: found.mounted === true, ...unit };
  } catch {
    return null;
  }
}

/** Ends a fault's whole process group, if its leader is still the very process that was recorded. */
export function killFault(fault: Who | null, signal: 'SIGTERM' | 'SIGKILL'): boolean {
  if (fault === null || !isAlive(fault)) return false;
  try {
    process.kill(-fault.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Takes away what a run made. The record stays when the filesystem would not go: the next run then tries again. */
export function removeTraces(paths: RunPaths, record: RunRecord | null): void {
  for (const path of [paths.dropIn, paths.pgid]) rmSync(path, { force: true });
  if (record?.name === 'oom-kill') removeOomGroup();
  if (record?.unit) removeUnit(record.name, record.runner);
  if (record?.folder != null && !removeFolder(record.folder, record.mounted)) return;
  rmSync(paths.record, { force: true });
}

/** Removes a folder that a scenario made, and nothing else on the host, whatever the record says. True when it is gone. */
export function removeFolder(folder: string, mounted: boolean): boolean {
  if (!OURS.test(folder)) return true;
  if (mounted && isMountPoint(folder)) {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
    const run = spawnSync('umount', [folder], { timeout: 5_000, env });
    // Someone stands in it: detached, it goes when they leave.
    if (run.status !== 0) spawnSync('umount', ['-l', folder], { timeout: 5_000, env });
    if (isMountPoint(folder)) return false;
  }
  rmSync(folder, { recursive: true, force: true });
  return true;
}

function isMountPoint(folder: string): boolean {
  try {
    return statSync(folder).dev !== statSync(dirname(folder)).dev;
  } catch {
    return false;
  }
}
