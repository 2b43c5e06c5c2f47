import { readFileSync } from 'node:fs';
import { isMap, isScalar, LineCounter, parseDocument, visit, type YAMLMap } from 'yaml';
import { brokerUrl } from '../../broker/credentials.ts';
import { ID } from '../../broker/topics.ts';
import { printable, Reader } from '../drop-in/reader.ts';
import { WatchError } from '../drop-in/watch-error.ts';
import { FORMATS, type Format } from './payload.ts';
import { type TopicPattern, topicPattern } from './topic.ts';

/** What a mapping may hold: one table, each with its reason. */
export const MAPPING_LIMITS = {
  /** Every topic that may be declared fits in a quarter of this. */
  bytes: 65_536,
  /** Each message is held against all of them. */
  topics: 64,
  /** Devices that are expected or come by themselves: a larger plant has several gateways. */
  devices: 64,
  /** Metrics of devices and their silences: the host's own senses need room in the same message. */
  readings: 256,
} as const;

/** One metric of devices: where it comes from, and when it means trouble. */
export interface MappedTopic {
  readonly pattern: TopicPattern;
  /** The device where the topic does not name it. */
  readonly device: string | null;
  readonly metric: string;
  readonly unit: string;
  /** The resolution that is kept. */
  readonly scale: number;
  readonly format: Format;
  readonly path: readonly string[];
  /** From this value on it is trouble, and from `critical` on more than that; null: only what is unusual is told. */
  readonly limit: { readonly value: number; readonly healthy: 'below' | 'above'; readonly critical?: number } | null;
}

export interface Mapping {
  readonly broker: string;
  /** A credentials file; absent where the devices' broker asks for none. */
  readonly credentials?: string;
  /** Seconds without a message after which a device counts as silent. */
  readonly silentAfter: number;
  /** Devices whose silence is noticed even when they were never heard. */
  readonly devices: readonly string[];
  readonly topics: readonly MappedTopic[];
}

const SILENT_AFTER_S = 300;
const METRIC = /^[a-z][a-z0-9_]{0,47}$/;
const KEYS = ['version', 'broker', 'credentials', 'silent_after', 'devices', 'topics'];
const TOPIC_KEYS = ['topic', 'device', 'metric', 'unit', 'scale', 'format', 'path', 'above', 'below', 'critical'];

/** Reads a mapping file. Throws a WatchError that names file, line and what to write instead. */
export function readMapping(file: string): Mapping {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new WatchError('E_WATCH_READ', file, 1, `can't be read (${why})`, 'name a mapping: docs/gateway.md');
  }
  return parseMapping(file, text);
}

/** The same for a text; `file` is only for messages. */
export function parseMapping(file: string, text: string): Mapping {
  if (Buffer.byteLength(text) > MAPPING_LIMITS.bytes) {
    throw new WatchError('E_WATCH_LIMIT', file, 1, `is over ${MAPPING_LIMITS.bytes} bytes`, 'use several gateways');
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, schema: 'core', uniqueKeys: true, stringKeys: true });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const problem = printable(broken.message.split('\n', 1)[0] ?? '');
    throw new WatchError('E_WATCH_SYNTAX', file, lines.linePos(broken.pos[0]).line, problem, 'write plain YAML');
  }
  const reader = new Reader(file, (node) => lines.linePos(node?.range?.[0] ?? 0).line);
  visit(document, {
    Alias: (_, node) => reader.fail(node, 'has an alias', 'write the value out'),
    Node: (_, node) => (node.anchor === undefined ? undefined : reader.fail(node, 'has an anchor', 'remove it')),
  });
  const top = reader.map(document.contents, 'the file', KEYS);
  const version = top.get('version', true);
  if (!isScalar(version) || version.value !== 1) {
    throw new WatchError('E_WATCH_VERSION', file, reader.line(version), 'has no known version', 'write `version: 1`');
  }
  const credentials = reader.path(top, 'credentials');
  const topics = nodes(reader, top, 'topics', MAPPING_LIMITS.topics).map((node) => topicOf(reader, node));
  if (topics.length === 0) reader.fail(top, 'maps no topic', 'give `topics:` with at least one entry');
  const [, twice] = topics.filter((one) => topics.some((other) => other !== one && clash(one, other)));
  if (twice !== undefined) {
    const fix = 'give them the same unit, scale and limit, or other names';
    reader.fail(top.get('topics', true), `says two things of the metric ${twice.metric}`, fix);
  }
  const devices = nodes(reader, top, 'devices', MAPPING_LIMITS.devices).map((node) => deviceOf(reader, node));
  const declared = declaredDevices({ devices, topics });
  const readings = declared.reduce((sum, id) => sum + metricsOf({ topics }, id).length + 1, 0);
  if (declared.length > MAPPING_LIMITS.devices || readings > MAPPING_LIMITS.readings) {
    const many = `names ${declared.length} devices with ${readings} readings; there is room for ${MAPPING_LIMITS.devices} and ${MAPPING_LIMITS.readings}`;
    throw new WatchError('E_WATCH_LIMIT', file, reader.line(top), many, 'use several gateways');
  }
  return {
    broker: brokerOf(reader, top),
    ...(credentials === undefined ? {} : { credentials }),
    silentAfter: reader.positive(top, 'silent_after') ?? SILENT_AFTER_S,
    devices,
    topics,
  };
}

/** The devices that are missed even when they were never heard: those of the list, and those of a topic's `device:`. */
export const declaredDevices = ({ devices, topics }: Pick<Mapping, 'devices' | 'topics'>): readonly string[] => [
  ...new Set([...devices, ...topics.flatMap(({ device }) => device ?? [])]),
];

/** What a device may say, one entry for each metric. */
export function metricsOf({ topics }: Pick<Mapping, 'topics'>, id: string): readonly MappedTopic[] {
  const its = topics.filter(({ device }) => device === null || device === id);
  return its.filter(({ metric }, i) => its.findIndex((one) => one.metric === metric) === i);
}

/** A metric has one limit, whichever topic it comes from. */
const clash = (a: MappedTopic, b: MappedTopic): boolean =>
  a.metric === b.metric && JSON.stringify([a.limit, a.unit, a.scale]) !== JSON.stringify([b.limit, b.unit, b.scale]);

function nodes(reader: Reader, map: YAMLMap, key: string, max: number): readonly unknown[] {
  const node = map.get(key, true) as unknown;
  return node === undefined ? [] : reader.list(node, key, max);
}

function brokerOf(reader: Reader, top: YAMLMap): string {
  const node = top.get('broker', true) as unknown;
  const fix = 'give `broker: mqtt://HOST[:PORT]`, the devices’ broker, without user and password';
  if (!isScalar(node) || typeof node.value !== 'string') return reader.fail(node ?? top, 'names no broker', fix);
  try {
    return brokerUrl(node.value).href;
  } catch {
    return reader.fail(node, 'broker is no address', fix);
  }
}

function deviceOf(reader: Reader, node: unknown): string {
  if (isScalar(node) && typeof node.value === 'string' && ID.test(node.value)) return node.value;
  return reader.fail(node, 'is no device’s name', 'write a-z, 0-9 and dashes, at most 48');
}

function topicOf(reader: Reader, node: unknown): MappedTopic {
  const map = reader.map(node, 'a topic', TOPIC_KEYS);
  if (!isMap(node)) return reader.fail(node, 'a topic is not a map', 'give topic and metric');
  const topic = textOf(reader, map, 'topic') ?? reader.fail(map, 'has no topic', 'give `topic: plant/{device}/temp`');
  const pattern = topicPattern(topic);
  const topicNode = map.get('topic', true) as unknown;
  if (pattern === null) {
    return reader.fail(topicNode, 'is no topic', 'write levels, `+` for any one, `{device}` once; no `#`, no `$`');
  }
  const given = map.get('device', true) as unknown;
  const device = given === undefined ? null : deviceOf(reader, given);
  if (pattern.namesDevice === (device !== null)) {
    return reader.fail(
      topicNode,
      'does not say whose it is',
      'put `{device}` into the topic or give `device:`, not both',
    );
  }
  const metric = textOf(reader, map, 'metric') ?? '';
  if (!METRIC.test(metric) || metric === 'silent_s') {
    return reader.fail(
      map.get('metric', true) ?? map,
      'has no good metric',
      'give for instance `metric: temperature_c`',
    );
  }
  const format = (textOf(reader, map, 'format') ?? 'number') as Format;
  if (!FORMATS.includes(format)) reader.fail(map.get('format', true), 'is no format', `one of ${FORMATS.join(', ')}`);
  const path = textOf(reader, map, 'path');
  if ((path !== undefined) === (format === 'number')) {
    reader.fail(map.get('path', true) ?? map, 'path is for json and cbor', 'give for instance `path: data.temp`');
  }
  return {
    pattern,
    device,
    metric,
    unit: textOf(reader, map, 'unit') ?? '',
    scale: reader.positive(map, 'scale') ?? 0.01,
    format,
    path: path?.split('.') ?? [],
    limit: limitOf(reader, map),
  };
}

function limitOf(reader: Reader, map: YAMLMap): MappedTopic['limit'] {
  const above = numberOf(reader, map, 'above');
  const below = numberOf(reader, map, 'below');
  const critical = numberOf(reader, map, 'critical');
  const value = above ?? below;
  if (above !== undefined && below !== undefined) {
    return reader.fail(map, 'has two limits', 'keep `above` or `below`: the other side is learned');
  }
  if (value === undefined) {
    return critical === undefined ? null : reader.fail(map, 'critical is without a limit', 'give `above` or `below`');
  }
  if (critical !== undefined && (above === undefined ? critical > value : critical < value)) {
    return reader.fail(map, 'critical is on the healthy side of the limit', 'put it further out');
  }
  const healthy = above === undefined ? ('above' as const) : ('below' as const);
  return { value, healthy, ...(critical === undefined ? {} : { critical }) };
}

function numberOf(reader: Reader, map: YAMLMap, key: string): number | undefined {
  const node = map.get(key, true) as unknown;
  if (node === undefined) return undefined;
  const isGood = isScalar(node) && typeof node.value === 'number' && Math.abs(node.value) < 1e12;
  return isGood ? Number(node.value) : reader.fail(node, `${key} is no number`, `give for instance \`${key}: 80\``);
}

function textOf(reader: Reader, map: YAMLMap, key: string): string | undefined {
  const node = map.get(key, true) as unknown;
  if (node === undefined) return undefined;
  const max = key === 'unit' ? 16 : 256;
  const isGood = isScalar(node) && typeof node.value === 'string' && node.value.length <= max;
  return isGood && !/\p{C}/u.test(String(node.value))
    ? String(node.value)
    : reader.fail(node, `${key} is no text of at most ${max}`, 'put it in quotes');
}
