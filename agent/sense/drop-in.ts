import { isAbsolute, normalize } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit, type YAMLMap } from 'yaml';

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
}

/** A folder with a quota that no filesystem enforces. */
export interface WatchedFolder {
  readonly name: string;
  readonly path: string;
  readonly quotaMib: number;
}

export interface DropIn {
  readonly groups: readonly WatchedGroup[];
  readonly folders: readonly WatchedFolder[];
}

export type WatchCode = 'E_WATCH_READ' | 'E_WATCH_SYNTAX' | 'E_WATCH_VERSION' | 'E_WATCH_FIELD' | 'E_WATCH_LIMIT';

/** What is wrong in a drop-in, where, and what to write instead. */
export class WatchError extends Error {
  readonly code: WatchCode;
  readonly file: string;
  readonly line: number;
  readonly fix: string;

  constructor(code: WatchCode, file: string, line: number, problem: string, fix: string) {
    super(`${file}:${line}: ${problem}; ${fix}`);
    this.code = code;
    this.file = file;
    this.line = line;
    this.fix = fix;
  }
}

export const WATCH_LIMITS = {
  /** A drop-in of every group and folder below fits in a quarter of this. */
  bytes: 65_536,
  /** Each group is three metrics and each folder one: a message carries 512. */
  groups: 64,
  folders: 32,
} as const;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Reads the text of one drop-in. Throws a WatchError that names the line. `file` is only for messages. */
export function parseDropIn(file: string, source: string): DropIn {
  if (Buffer.byteLength(source) > WATCH_LIMITS.bytes) {
    throw new WatchError('E_WATCH_LIMIT', file, 1, `is over ${WATCH_LIMITS.bytes} bytes`, 'split it');
  }
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, schema: 'core', uniqueKeys: true, stringKeys: true });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const line = lines.linePos(broken.pos[0]).line;
    throw new WatchError('E_WATCH_SYNTAX', file, line, firstLine(broken.message), 'write plain YAML');
  }
  const reader = new Reader(file, (node) => lines.linePos(node?.range?.[0] ?? 0).line);
  visit(document, {
    Alias: (_, node) => reader.fail(node, 'has an alias', 'write the value out'),
    Node: (_, node) => (node.anchor === undefined ? undefined : reader.fail(node, 'has an anchor', 'remove it')),
  });
  const top = reader.map(document.contents, 'the file', ['version', 'groups', 'folders']);
  const version = top.get('version', true);
  if (!isScalar(version) || version.value !== 1) {
    throw new WatchError('E_WATCH_VERSION', file, reader.line(version), 'has no known version', 'write `version: 1`');
  }
  const groups = reader.list(top, 'groups', WATCH_LIMITS.groups).map((node) => readGroup(reader, node));
  const folders = reader.list(top, 'folders', WATCH_LIMITS.folders).map((node) => readFolder(reader, node));
  return { groups, folders };
}

function readGroup(reader: Reader, node: unknown): WatchedGroup {
  const group = reader.map(node, 'a group', [
    'name',
    'pgid_file',
    'match',
    'memory_mib',
    'cpu_percent',
    'restarts_per_minute',
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
  return {
    name: reader.name(group),
    ...(pgidFile === undefined ? {} : { pgidFile }),
    ...(match === undefined ? {} : { match }),
    ...(memoryMib === undefined ? {} : { memoryMib }),
    ...(cpuPercent === undefined ? {} : { cpuPercent }),
    ...(restartsPerMinute === undefined ? {} : { restartsPerMinute }),
  };
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

function readFolder(reader: Reader, node: unknown): WatchedFolder {
  const folder = reader.map(node, 'a folder', ['name', 'path', 'quota_mib']);
  const path = reader.path(folder, 'path') ?? reader.fail(folder, 'has no path', 'give `path: /absolute/folder`');
  const quotaMib =
    reader.positive(folder, 'quota_mib') ?? reader.fail(folder, 'has no quota_mib', 'give `quota_mib: 512`');
  return { name: reader.name(folder), path, quotaMib };
}

/** Typed access to nodes; every refusal has the line of the node that it is about. */
class Reader {
  readonly #file: string;
  readonly #line: (node: Node | null | undefined) => number;

  constructor(file: string, line: (node: Node | null | undefined) => number) {
    this.#file = file;
    this.#line = line;
  }

  line(node: unknown): number {
    return this.#line(node as Node | null | undefined);
  }

  fail(node: unknown, problem: string, fix: string): never {
    throw new WatchError('E_WATCH_FIELD', this.#file, this.line(node), problem, fix);
  }

  map(node: unknown, what: string, known: readonly string[]): YAMLMap {
    if (!isMap(node)) return this.fail(node, `${what} is not a map`, `give ${known.join(', ')}`);
    for (const { key } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      if (!known.includes(name)) {
        this.fail(key, `${what} has an unknown key ${printable(name)}`, `known keys: ${known.join(', ')}`);
      }
    }
    return node;
  }

  list(map: YAMLMap, key: string, max: number): readonly unknown[] {
    const node = map.get(key, true) as unknown;
    if (node === undefined) return [];
    if (!isSeq(node)) return this.fail(node, `${key} is not a list`, 'begin each entry with a dash');
    if (node.items.length > max) {
      throw new WatchError('E_WATCH_LIMIT', this.#file, this.line(node), `has over ${max} ${key}`, 'remove some');
    }
    return node.items;
  }

  name(map: YAMLMap): string {
    const node = map.get('name', true) as unknown;
    if (!isScalar(node) || typeof node.value !== 'string' || !NAME.test(node.value)) {
      return this.fail(node ?? map, 'has no good name', 'give `name:` of letters, digits, dots and dashes, at most 64');
    }
    return node.value;
  }

  path(map: YAMLMap, key: string): string | undefined {
    const node = map.get(key, true) as unknown;
    if (node === undefined) return undefined;
    const good =
      isScalar(node) &&
      typeof node.value === 'string' &&
      isAbsolute(node.value) &&
      node.value.length <= 1_024 &&
      normalize(node.value) === node.value &&
      !/\p{Cc}/u.test(node.value);
    if (!good)
      return this.fail(node, `${key} is no absolute path`, 'give a path from /, without `..`, at most 1024 long');
    return String(node.value).replace(/(.)\/$/, '$1');
  }

  positive(map: YAMLMap, key: string): number | undefined {
    const node = map.get(key, true) as unknown;
    if (node === undefined) return undefined;
    const good =
      isScalar(node) &&
      typeof node.value === 'number' &&
      Number.isFinite(node.value) &&
      node.value > 0 &&
      node.value < 1e12;
    return good
      ? Number(node.value)
      : this.fail(node, `${key} is no positive number`, `give for instance \`${key}: 128\``);
  }
}

const firstLine = (text: string): string => printable(text.split('\n', 1)[0] ?? '');
const printable = (text: string): string => text.replace(/\p{C}/gu, '?').slice(0, 120);
