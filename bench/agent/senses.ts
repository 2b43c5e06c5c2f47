import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Detector } from '../../agent/detect/detector.ts';
import { Learner } from '../../agent/detect/learner.ts';
import { isOn, SENSE_NAMES, SENSES, type Senses } from '../../agent/sense/all-senses.ts';
import { DisksSense } from '../../agent/sense/disks.ts';
import { GroupsSense } from '../../agent/sense/groups.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { ProcessesSense } from '../../agent/sense/processes.ts';
import type { Reading, Sense } from '../../agent/sense/sense.ts';
import { Watch } from '../../agent/watch.ts';

const AIM = { detectorUs: 5, stateBytes: 16_000 } as const;
/** Enough that the mean is no accident of a busy machine: all costs are processor time, not waiting. */
const ROUNDS = 110;
const WARM = 10;
/** At 30 s: two weeks, with which the memory is full and the hourly work the most, and then a day that is measured. */
const LEARNED_SAMPLES = 40_320;
const DETECTED_SAMPLES = 2_880;
/** Different samples, one after the other over and over. */
const WOBBLES = 101;

/** What each sense costs on this host, what detection costs on its metrics, and what is kept of each; whether that is within the aims. */
export async function senseCosts(row: (metric: string, value: number, unit: string) => void): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-bench-'));
  try {
    const proc = new ProcFiles();
    const watch = new Watch(folder);
    const processes = new ProcessesSense(proc);
    const host: Senses = {
      proc,
      sys: new ProcFiles('/sys'),
      state: folder,
      aheadOfHub: () => 0,
      watch,
      cores: availableParallelism(),
      wall: Date.now,
      monotonic: () => performance.now(),
      processes,
      groups: new GroupsSense(proc, processes, () => watch.groups()),
      disks: new DisksSense(proc),
    };
    const senses = SENSE_NAMES.filter((name) => isOn(name, new Map())).flatMap(
      (name) => SENSES[name]?.make(host) ?? [],
    );
    const times = new Map<Sense, number[]>(senses.map((sense) => [sense, []]));
    let readings: Reading[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      readings = [];
      for (const [sense, us] of times) {
        const before = process.cpuUsage();
        readings.push(...(await sense.sample(performance.now())));
        const { user, system } = process.cpuUsage(before);
        if (round >= WARM) us.push(user + system);
      }
    }
    const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;
    for (const [{ name }, us] of times) row(`sense_us.${name}`, mean(us), 'us');
    row(
      'sense_us',
      [...times.values()].reduce((sum, us) => sum + mean(us), 0),
      'us',
    );
    for (const sense of senses) sense.close?.();
    row('metrics', readings.length, 'metrics');
    const us = detect(readings);
    row('detector_us_per_metric_sample', us, 'us');
    const bytes = new Learner({ interval: 30_000 }).toBytes().length;
    row('state_bytes_per_metric', bytes, 'B');
    return us <= AIM.detectorUs && bytes <= AIM.stateBytes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Microseconds that the detector takes for one metric of one sample of this host. */
function detect(readings: readonly Reading[]): number {
  // Made beforehand: what it costs to make them is not the detector's.
  const samples = Array.from({ length: WOBBLES }, (_, i) =>
    readings.map((reading) => ({ ...reading, value: reading.value === null ? null : reading.value * (1 + i / 1_000) })),
  );
  const detector = new Detector();
  const feed = (from: number, to: number) => {
    for (let i = from; i < to; i++) detector.feed(i * 30_000, samples[(i * 7_919) % WOBBLES] ?? []);
  };
  feed(0, LEARNED_SAMPLES);
  const before = process.cpuUsage();
  feed(LEARNED_SAMPLES, LEARNED_SAMPLES + DETECTED_SAMPLES);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (DETECTED_SAMPLES * readings.length);
}
