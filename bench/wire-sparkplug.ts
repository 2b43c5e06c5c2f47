import type { HostSample } from './wire-host.ts';

/**
 * Sizes of Sparkplug B payloads (NDATA, protobuf) as short as the specification (3.0, 6.4.6) lets them be: aliases
 * instead of names, no datatypes, 32-bit floats where they hold the value exactly at its scale, the shortest integers.
 * It has a timestamp for every metric (tck-id-payloads-name-birth-data-requirement); without `perMetricTime` these are
 * left out, which no conforming node may do.
 */
export class SparkplugSizes {
  private readonly perMetricTime: boolean;
  private seq = 0;
  private last: readonly Value[] = [];

  constructor(options: { readonly perMetricTime: boolean }) {
    this.perMetricTime = options.perMetricTime;
  }

  /** Bytes for this sample, reporting by exception: only what changed since the one before. */
  byException(sample: HostSample): number {
    const values = valuesOf(sample);
    const changed = values.flatMap((value, i) =>
      this.last[i]?.value === value.value ? [] : [{ alias: i + 1, value }],
    );
    this.last = values;
    this.seq = (this.seq + 1) % 256;
    const metrics = changed.reduce((sum, { alias, value }) => sum + field(this.metric(alias, value)), 0);
    // timestamp = 1, metrics = 2 (each with its own tag and length), seq = 3
    return TAG + TIME + metrics + TAG + varint(this.seq);
  }

  /** alias = 2, timestamp = 3, is_null = 7, and one of int_value = 10 to string_value = 15. */
  private metric(alias: number, { value, kind }: Value): number {
    const head = TAG + varint(alias) + (this.perMetricTime ? TAG + TIME : 0);
    if (value === null) return head + TAG + 1;
    if (typeof value === 'string') return head + field(Buffer.byteLength(value));
    return head + TAG + (kind === 'float' ? 4 : varint(value));
  }
}

interface Value {
  readonly value: number | string | null;
  readonly kind: 'float' | 'integer' | 'text';
}

/** 30 numbers and four fields for each process, in one order. */
function valuesOf({ numbers, processes }: HostSample): Value[] {
  return [
    ...numbers.map(({ value, scale }): Value => ({ value, kind: scale < 1 ? 'float' : 'integer' })),
    ...processes.flatMap(({ pid, name, cpu, rss }): Value[] => [
      { value: pid, kind: 'integer' },
      { value: name, kind: 'text' },
      { value: cpu, kind: 'float' },
      { value: rss, kind: 'integer' },
    ]),
  ];
}

/** Field numbers up to 15 have a tag of one byte. */
const TAG = 1;
/** Milliseconds since the epoch as a varint: 6 bytes until the year 2109. */
const TIME = 6;
const field = (length: number): number => TAG + varint(length) + length;

function varint(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}
