import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Inventory } from '../policy/verdict.ts';
import { ContainersSense } from './sense/containers/containers.ts';
import { readMounts } from './sense/mounts.ts';
import type { ProcFiles } from './sense/proc-files.ts';
import { processRef } from './sense/process-stat.ts';
import type { Sensor } from './sense/sensor.ts';
import { UNIT_FOLDERS } from './unit-of.ts';

/** What a birth has room for: 64 kB hold the inventory's names and so many processes. A judge asks for them all. */
export const BIRTH_PROCESSES = 128;
const MAX_UNITS = 1_024;
const MAX_HOSTS = 256;
const UNIT = /^[A-Za-z0-9][A-Za-z0-9:_.\\@-]{0,120}\.(?:service|socket|timer|path|mount|target|slice)$/;
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,126}[A-Za-z0-9])?$/;

/**
 * The names that exist on this host now: what an operand may name (invariant 8). Reads files only. `processes` bounds
 * their number, the largest in memory first; `root` is where the host's own files are.
 */
export function readInventory(
  sensor: Sensor,
  options: { readonly processes?: number; readonly root?: string } = {},
): Inventory {
  const { processes = BIRTH_PROCESSES, root = '/' } = options;
  return {
    ...readNames(
      sensor.proc,
      sensor.watch.folders().map(({ path }) => path),
      sensor.find(ContainersSense)?.names() ?? [],
      root,
    ),
    processes: watchedFirst(sensor, processes).map((row) => processRef(sensor.proc, row)),
  };
}

/** All names but those of processes, for whoever watches none; `folders` are those that the site declared. */
export function readNames(
  proc: ProcFiles,
  folders: readonly string[],
  containers: readonly string[],
  root = '/',
): Omit<Inventory, 'processes'> {
  return {
    units: readUnits(root),
    mounts: guarded(() => readMounts(proc).map(({ path }) => path)),
    containers: [...containers].sort(),
    hosts: readHosts(root),
    folders,
  };
}

/** Members of watched groups are what an order will most likely name. */
function watchedFirst(sensor: Sensor, max: number) {
  const watched = sensor.watch.groups().flatMap(({ name }) => sensor.groups.members(name));
  const all = sensor.processes.top(max, (row) => row.rss);
  return [...new Map([...watched, ...all].map((row) => [row.pid, row])).values()].slice(0, max);
}

/** Files of units, where a systemd runs: without one no unit can be acted on. Templates are no units. */
function readUnits(root: string): string[] {
  if (!existsSync(join(root, 'run/systemd/system'))) return [];
  const names = UNIT_FOLDERS.flatMap((folder) => guarded(() => readdirSync(join(root, folder))));
  return [...new Set(names)]
    .filter((name) => UNIT.test(name) && !name.includes('@.'))
    .sort()
    .slice(0, MAX_UNITS);
}

function readHosts(root: string): string[] {
  const lines = guarded(() => readFileSync(join(root, 'etc/hosts'), 'utf8').slice(0, 65_536).split('\n'));
  const named = lines.flatMap((line) => (line.split('#', 1)[0] ?? '').trim().split(/\s+/).slice(1));
  return [...new Set([hostname(), ...named])].filter((name) => HOST.test(name)).slice(0, MAX_HOSTS);
}

function guarded<T>(read: () => T[]): T[] {
  try {
    return read();
  } catch {
    return [];
  }
}
