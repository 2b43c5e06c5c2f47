import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { printable, Reader } from './reader.ts';
import { type DropIn, eachSection } from './sections.ts';
import { WatchError } from './watch-error.ts';

/** A drop-in of every group and folder that may be declared fits in a quarter of this. */
export const MAX_BYTES = 65_536;

const KEYS: string[] = ['version'];
eachSection(({ name, none }) => {
  KEYS.push(name);
  return none;
});

/** Reads the text of one drop-in. Throws a WatchError that names the line. `file` is only for messages. */
export function parseDropIn(file: string, source: string): DropIn {
  if (Buffer.byteLength(source) > MAX_BYTES) {
    throw new WatchError('E_WATCH_LIMIT', file, 1, `is over ${MAX_BYTES} bytes`, 'split it');
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
  const top = reader.map(document.contents, 'the file', KEYS);
  const version = top.get('version', true);
  if (!isScalar(version) || version.value !== 1) {
    throw new WatchError('E_WATCH_VERSION', file, reader.line(version), 'has no known version', 'write `version: 1`');
  }
  return eachSection(({ name, none, read }) => {
    const node = top.get(name, true) as unknown;
    return node === undefined ? none : read(reader, node);
  });
}

const firstLine = (text: string): string => printable(text.split('\n', 1)[0] ?? '');
