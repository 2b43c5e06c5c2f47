import { mkdtempSync, rmdirSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMeminfo } from '../agent/sense/memory.ts';
import { ProcFiles } from '../agent/sense/proc-files.ts';
import type { ProcessRow } from '../agent/sense/processes.ts';
import { perSecond, type Reading } from '../agent/sense/sense.ts';
import { Sensor } from '../agent/sense/sensor.ts';
import { Watch } from '../agent/watch.ts';

/** The sample that every encoding is given. */
export const NUMBERS = 30;
export const PROCESSES = 5;
/** So many of the numbers come from the agent's own senses; the rest is what other monitors send as well. */
const SENSED = 18;

/** One of the five processes, in a place that it keeps while it is among them. */
export interface ProcessLine {
  readonly pid: number;
  readonly name: string;
  /** Percent of a core, to 0.01. */
  readonly cpu: number;
  /** Bytes. */
  readonly rss: number;
}

export interface HostSample {
  readonly ts: number;
  readonly numbers: readonly Reading[];
  readonly processes: readonly ProcessLine[];
}

/** Reads real samples of this host: the agent's sensor, more of /proc, and the processes that use most processor. */
export class HostSampler {
  private readonly proc = new ProcFiles();
  private readonly folder = mkdtempSync(join(tmpdir(), 'sentinel-bench-'));
  private readonly sensor = new Sensor({
    proc: this.proc,
    watch: new Watch(this.folder),
    cores: availableParallelism(),
  });
  private readonly counters = new Map<string, { readonly at: number; readonly value: number }>();
  private places: (ProcessRow | undefined)[] = Array.from({ length: PROCESSES });

  async sample(): Promise<HostSample> {
    const { ts, readings } = await this.sensor.sample();
    const sensed = readings.slice(0, SENSED);
    const numbers = [...sensed, ...this.more()].slice(0, NUMBERS).map(rounded);
    return { ts, numbers, processes: this.busiest() };
  }

  close(): void {
    rmdirSync(this.folder);
  }

  private more(): Reading[] {
    const memory = readMeminfo(this.proc);
    const [cpu, vm, sockets] = [this.proc.text('stat'), this.proc.text('vmstat'), this.proc.text('net/sockstat')];
    const disks = this.proc.text('diskstats').trim().split('\n').map(fields);
    const cards = this.proc.text('net/dev').trim().split('\n').slice(2).map(fields);
    const sum = (rows: readonly string[][], column: number) =>
      rows.reduce((all, row) => all + Number(row[column] ?? 0), 0);
    const size = (name: string, key: string): Reading => {
      return { name, unit: 'B', scale: 4_096, value: memory.get(key) ?? null };
    };
    const count = (name: string, value: number): Reading => ({ name, unit: '', scale: 1, value });
    const rate = (name: string, unit: string, value: number, scale = 1): Reading => {
      const at = performance.now();
      const last = this.counters.get(name);
      this.counters.set(name, { at, value });
      return { name, unit, scale, value: last === undefined ? null : perSecond(last.value, value, at - last.at) };
    };
    return [
      size('memory.available', 'MemAvailable'),
      size('memory.cached', 'Cached'),
      size('memory.dirty', 'Dirty'),
      rate('disk.read_bytes_per_s', 'B/s', 512 * sum(disks, 5)),
      rate('disk.write_bytes_per_s', 'B/s', 512 * sum(disks, 9)),
      rate('network.rx_packets_per_s', '/s', sum(cards, 2)),
      rate('network.tx_packets_per_s', '/s', sum(cards, 10)),
      rate('cpu.switches_per_s', '/s', numberAfter(cpu, 'ctxt')),
      rate('cpu.interrupts_per_s', '/s', numberAfter(cpu, 'intr')),
      rate('process.started_per_s', '/s', numberAfter(cpu, 'processes'), 0.01),
      count('process.running', numberAfter(cpu, 'procs_running')),
      rate('memory.faults_per_s', '/s', numberAfter(vm, 'pgfault')),
      rate('memory.major_faults_per_s', '/s', numberAfter(vm, 'pgmajfault'), 0.01),
      count('sockets.used', numberAfter(sockets, 'sockets: used')),
      count('tcp.in_use', numberAfter(sockets, 'TCP: inuse')),
      count('files.open', Number(fields(this.proc.text('sys/fs/file-nr'))[0])),
      size('memory.slab', 'Slab'),
      size('memory.anonymous', 'AnonPages'),
      size('memory.mapped', 'Mapped'),
      size('memory.shared', 'Shmem'),
    ];
  }

  /** A process keeps its place, so that a change of rank alone changes no value: for every encoding alike. */
  private busiest(): ProcessLine[] {
    const top = this.sensor.processes.top(PROCESSES, busy);
    const isSame = (a: ProcessRow) => (b: ProcessRow | undefined) => a.pid === b?.pid && a.start === b.start;
    const kept = this.places.map((old) => (old === undefined ? undefined : top.find(isSame(old))));
    const others = top.filter((row) => !kept.some(isSame(row)));
    this.places = kept.map((row) => row ?? others.shift());
    return this.places.map((row) => ({
      pid: row?.pid ?? 0,
      name: row?.comm ?? '',
      cpu: Math.round((row?.cpu ?? 0) * 100) / 100,
      rss: row?.rss ?? 0,
    }));
  }
}

/** By whole percents of a core, then by memory: among idle processes noise is no order. */
const busy = ({ cpu, rss }: ProcessRow): number => Math.round(cpu) * 2 ** 44 + Math.min(rss, 2 ** 44 - 1);

const fields = (line: string): string[] => line.trim().split(/\s+/);

function numberAfter(text: string, label: string): number {
  const line = text.split('\n').find((line) => line.startsWith(`${label} `)) ?? '';
  return Number(fields(line.slice(label.length))[0] ?? Number.NaN);
}

/** To the metric's resolution, so that no encoding pays for digits that another does not carry. */
function rounded(reading: Reading): Reading {
  const { value, scale } = reading;
  if (value === null || !Number.isFinite(value)) return { ...reading, value: null };
  const steps = Math.round(value / scale);
  return { ...reading, value: scale < 1 ? steps / Math.round(1 / scale) : steps * scale };
}
