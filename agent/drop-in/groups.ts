import { isScalar } from 'yaml';
import { isUnitName } from '../unit-of.ts';
import type { Reader } from './reader.ts';
import { namedList } from './section.ts';

/** A workload that the site declared: which processes it is, and what it may use. */
export interface WatchedGroup {
  readonly name: string;
  /** A file that holds a process group's id, and optionally, after a blank, the start time of its leader in ticks. */
  readonly pgidFile?: string;
  readonly match?: { readonly comm?: string; readonly user?: number };
  readonly memoryMib?: number;
  /** Of one core. */
  readonly cpuPercent?: number;
  readonly restartsPerMinute?: number;
  /** Files that its processes may have open together. */
  readonly openFiles?: number;
  readonly processesMax?: number;
  /** Fewer are a workload that does not run. */
  readonly processesMin?: number;
  /** The unit that runs it: what a fix may start when none of its processes is left to tell. */
  readonly unit?: string;
}

/** Each is three metrics, six with every budget: a message carries 512. */
export const MAX_GROUPS = 64;

export const groupsSection = namedList({ name: 'groups', max: MAX_GROUPS, read: readGroup });

function readGroup(reader: Reader, node: unknown): WatchedGroup {
  const group = reader.map(node, 'a group', [
    'name',
    'pgid_file',
    'match',
    'memory_mib',
    'cpu_percent',
    'restarts_per_minute',
    'open_files',
    'processes_max',
    'processes_min',
    'unit',
  ]);
  const pgidFile = reader.path(group, 'pgid_file');
  const matchNode = group.get('match', true);
  const match = matchNode === undefined ? undefined : readMatch(reader, matchNode);
  if (pgidFile === undefined && match === undefined) {
    reader.fail(group, 'says of no process that it belongs', 'give `pgid_file: /path` or `match: {comm: name}`');
  }
  const memoryMib = reader.positive(group, 'memory_mib');
  const cpuPercent = reader.positive(group, 'cpu_percent');
  const restartsPerMinute = reader.positive(group, 'restarts_per_minute');
  const openFiles = reader.positive(group, 'open_files');
  const processesMax = reader.positive(group, 'processes_max');
  const processesMin = reader.positive(group, 'processes_min');
  const unit = readUnit(reader, group.get('unit', true));
  return {
    name: reader.name(group),
    ...(pgidFile === undefined ? {} : { pgidFile }),
    ...(match === undefined ? {} : { match }),
    ...(memoryMib === undefined ? {} : { memoryMib }),
    ...(cpuPercent === undefined ? {} : { cpuPercent }),
    ...(restartsPerMinute === undefined ? {} : { restartsPerMinute }),
    ...(openFiles === undefined ? {} : { openFiles }),
    ...(processesMax === undefined ? {} : { processesMax }),
    ...(processesMin === undefined ? {} : { processesMin }),
    ...(unit === undefined ? {} : { unit }),
  };
}

function readUnit(reader: Reader, node: unknown): string | undefined {
  if (node === undefined) return undefined;
  if (isScalar(node) && typeof node.value === 'string' && isUnitName(node.value)) return node.value;
  return reader.fail(node, 'unit is no service', 'give its whole name, for instance `unit: historian.service`');
}

function readMatch(reader: Reader, node: unknown): { comm?: string; user?: number } {
  const match = reader.map(node, 'match', ['comm', 'user']);
  const comm = match.get('comm', true);
  const user = match.get('user', true);
  if (comm === undefined && user === undefined) reader.fail(match, 'is empty', 'give `comm: name` or `user: uid`');
  const out: { comm?: string; user?: number } = {};
  if (comm !== undefined) {
    if (!isScalar(comm) || typeof comm.value !== 'string' || comm.value === '' || comm.value.length > 64) {
      return reader.fail(comm, 'comm is no name', 'give the command name as /proc/PID/comm shows it');
    }
    out.comm = comm.value;
  }
  if (user !== undefined) {
    if (!isScalar(user) || !Number.isSafeInteger(user.value) || Number(user.value) < 0) {
      return reader.fail(user, 'user is no number', 'give the numeric user id, for instance `user: 1000`');
    }
    out.user = Number(user.value);
  }
  return out;
}
