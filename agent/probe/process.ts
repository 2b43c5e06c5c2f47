import { processRef } from '../sense/process-stat.ts';
import type { ProcessRow } from '../sense/processes.ts';
import type { Sensor } from '../sense/sensor.ts';
import { unitOf } from '../unit-of.ts';
import { attempt, foreign, mib, type Probe, ProbeError, plain } from './probe.ts';

const SHOWN = 30;
const ANCESTORS = 16;
const TOP = 12;

/** Of /proc/PID/status, what says how a process is. */
const STATUS =
  /^(?:State|VmPeak|VmRSS|VmSwap|VmData|Threads|FDSize|Uid|Gid|CapEff|NoNewPrivs|voluntary_ctxt_switches|nonvoluntary_ctxt_switches):/;
const BOUNDS = /^(?:Max open files|Max processes|Max address space|Max file size|Max locked memory)/;

/** One process: its identity, state, memory, limits, control group's unit, and how its memory grew within a minute. */
export const processDetail: Probe = ({ pid }, { sensor }) => {
  const row = found(sensor, pid);
  const { proc } = sensor;
  const lines = (name: string, wanted: RegExp) =>
    attempt(() => proc.text(`${pid}/${name}`).split('\n'), []).filter((line) => wanted.test(line));
  const { exe } = processRef(proc, row);
  const unit = unitOf(proc, pid);
  return [
    foreign(describe(row)),
    ...(exe === undefined ? [] : [foreign(`executable ${exe}`)]),
    ...(unit === null ? [] : [foreign(`unit ${unit}`)]),
    plain(`memory grew by ${mib(row.growth)} within a minute`),
    ...lines('status', STATUS).map((line) => foreign(line.replace(/\s+/g, ' '))),
    ...lines('limits', BOUNDS).map((line) => foreign(line.replace(/\s+/g, ' '))),
    ...lines('io', /^(?:read|write)_bytes:/).map(foreign),
    ...attempt(() => [foreign(`waits in ${proc.head(`${pid}/wchan`)}`)], []),
  ];
};

/** Who started a process, and what it started: a line each, the oldest ancestor first. */
export const processTree: Probe = ({ pid }, { sensor }) => {
  const self = found(sensor, pid);
  const above: ProcessRow[] = [];
  for (
    let at = sensor.processes.find(self.ppid);
    at !== undefined && above.length < ANCESTORS;
    at = sensor.processes.find(at.ppid)
  ) {
    if (above.includes(at)) break;
    above.unshift(at);
  }
  const children = new Map<number, ProcessRow[]>();
  for (const row of sensor.processes.rows()) children.set(row.ppid, [...(children.get(row.ppid) ?? []), row]);
  const below: { row: ProcessRow; depth: number }[] = [];
  const open = (children.get(pid) ?? []).map((row) => ({ row, depth: 1 })).toReversed();
  for (let next = open.pop(); next !== undefined && below.length < SHOWN; next = open.pop()) {
    const { row, depth } = next;
    below.push(next);
    if (depth < ANCESTORS)
      open.push(...(children.get(row.pid) ?? []).map((one) => ({ row: one, depth: depth + 1 })).toReversed());
  }
  const left = open.length > 0 ? [plain(`and more below: ${open.length} branches`)] : [];
  return [
    ...above.map((row) => foreign(`above: ${describe(row)}`)),
    foreign(`itself: ${describe(self)}`),
    ...below.map(({ row, depth }) => foreign(`${'. '.repeat(depth)}${describe(row)}`)),
    ...left,
  ];
};

/** The processes that use most now. */
export const topProcesses: Probe = (_, { sensor }) => {
  const { processes } = sensor;
  return [
    ...processes.top(TOP, (row) => row.cpu).map((row) => foreign(`by processor: ${describe(row)}`)),
    ...processes.top(TOP, (row) => row.rss).map((row) => foreign(`by memory: ${describe(row)}`)),
    ...processes
      .top(TOP, (row) => Number(row.state === 'D'))
      .filter((row) => row.state === 'D')
      .map((row) => foreign(`waits for a device: ${describe(row)}`)),
  ];
};

function found(sensor: Sensor, pid: number): ProcessRow {
  const row = sensor.processes.find(pid);
  if (row === undefined) throw new ProbeError('E_PROBE_ABSENT', `process ${pid} has ended`);
  return row;
}

const describe = (row: ProcessRow): string =>
  `pid ${row.pid} ${row.comm} state ${row.state}, cpu ${Math.round(row.cpu)} %, rss ${mib(row.rss)}, parent ${row.ppid}`;
