/**
 * Metrics of a host that one cause moves together. Each line of a family is one witness: `load.1m` and `load.15m` are one
 * measure twice, and agree about anything. Only what has a partner on every host stands here; a mount or a declared workload
 * is a matter of its own, and space says nothing about inodes.
 */
const FAMILIES: readonly (readonly (readonly string[])[])[] = [
  // The processor.
  [
    ['cpu.percent', 'cpu.hottest_percent'],
    ['load.1m', 'load.5m', 'load.15m', 'load.per_core'],
    ['pressure.cpu_some_percent'],
    ['process.forks_per_s'],
    ['thermal.hottest_c'],
  ],
  // Memory.
  [
    ['memory.used_percent', 'memory.kernel_percent'],
    ['swap.used_percent', 'swap.in_pages_per_s'],
    ['memory.major_faults_per_s'],
    ['pressure.memory_some_percent', 'pressure.memory_full_percent'],
  ],
  // Disks: their time, not their space.
  [
    ['disk.busy_percent', 'disk.await_ms'],
    ['cpu.iowait_percent'],
    ['pressure.io_some_percent', 'pressure.io_full_percent'],
    ['memory.dirty_mib'],
  ],
  // The network.
  [
    ['network.rx_bytes_per_s', 'network.tx_bytes_per_s'],
    ['network.errors_per_s', 'network.drops_per_s'],
    ['conntrack.used_percent'],
  ],
  // Processes.
  [['process.count', 'process.table_percent'], ['files.used_percent']],
];

/** Which family a metric belongs to, and which witness of it it is. */
export interface Place {
  readonly family: number;
  readonly witness: number;
}

const PLACES: ReadonlyMap<string, Place> = new Map(
  FAMILIES.flatMap((witnesses, family) =>
    witnesses.flatMap((metrics, witness) => metrics.map((metric) => [metric, { family, witness }] as const)),
  ),
);

/** Undefined for a metric without partners. */
export const placeOf = (metric: string): Place | undefined => PLACES.get(metric);

export const FAMILY_COUNT = FAMILIES.length;
