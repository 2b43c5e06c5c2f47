import type { Reading } from '../../../agent/sense/sense.ts';
import type { Metric } from '../../../broker/messages.ts';
import { localHour } from './sim-clock.ts';

/** What may be wrong with a host for a while. */
export type Fault = 'folder' | 'disk' | 'memory';
const QUOTA_MIB = 1;

const READINGS = [
  { name: 'cpu.percent', unit: '%', scale: 0.1 },
  { name: 'load.per_core', unit: '', scale: 0.01 },
  { name: 'memory.used_percent', unit: '%', scale: 0.1 },
  { name: 'disk.used_percent[/var]', unit: '%', scale: 0.1 },
  { name: 'folder.used_mib[spool]', unit: 'MiB', scale: 0.01 },
  { name: 'network.rx_bytes_per_s', unit: '/s', scale: 1 },
] as const;
export const METRICS: readonly Metric[] = READINGS.map(({ name, unit, scale }) => ({ name, unit, scale }));

/** A nightly backup at two o'clock by the clock on the wall, for forty minutes. */
const isBackup = (hour: number): boolean => hour >= 2 && hour < 2 + 2 / 3;

/** What the senses of a host read at a time: work by day, a backup by night, noise, and what is wrong with it. */
export function readingsAt(at: number, faults: ReadonlySet<Fault>, noise: () => number): readonly Reading[] {
  const hour = localHour(at);
  const backup = isBackup(hour) ? 1 : 0;
  const work = 1 + Math.sin(((hour - 9) / 24) * 2 * Math.PI);
  const values = [
    14 + 6 * work + 45 * backup + 3 * noise(),
    0.2 + 0.1 * work + 0.4 * backup + 0.04 * noise(),
    faults.has('memory') ? 97 + 0.3 * noise() : 52 + 2 * work + 0.5 * noise(),
    faults.has('disk') ? 96 + 0.1 * noise() : 61 + 0.2 * noise(),
    faults.has('folder') ? 2 : 0.3 + 0.02 * noise(),
    4_000 + 3_000 * work + 20_000 * backup + 200 * noise(),
  ];
  return READINGS.map((one, i) => ({
    ...one,
    value: values[i] ?? null,
    ...(one.name.startsWith('folder.') ? { limit: QUOTA_MIB, learn: false } : {}),
  }));
}
