import { existsSync, readFileSync } from 'node:fs';
import { isNode, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';

/** A site's configuration file is written by people: one that is larger is more likely a wrong path. */
const MAX_BYTES = 262_144;

/** What is wrong in a configuration file, where, and what to write instead. */
export class ConfigError extends Error {
  readonly code = 'E_CONFIG';
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly fix: string;

  constructor(file: string, line: number, problem: string, fix: string) {
    super(`${file}:${line}: ${problem}. Fix: ${fix}`);
    this.file = file;
    this.line = line;
    this.fix = fix;
  }
}

/**
 * Reads a YAML file of the site under its schema; `absent` is the answer where there is no such file. Throws a
 * ConfigError that names the line of the first mistake.
 */
export function readConfigFile<T>(file: string, schema: z.ZodType<T>, absent: T): T {
  return existsSync(file) ? parseConfig(file, readFileSync(file, 'utf8'), schema) : absent;
}

/** The same for a text; `file` is only for messages. */
export function parseConfig<T>(file: string, text: string, schema: z.ZodType<T>): T {
  if (Buffer.byteLength(text) > MAX_BYTES) throw new ConfigError(file, 1, `is over ${MAX_BYTES} bytes`, 'split it');
  const lines = new LineCounter();
  const doc = parseDocument(text, { schema: 'core', uniqueKeys: true, lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number | undefined): number => (offset === undefined ? 1 : lines.linePos(offset).line);
  const [broken] = [...doc.errors, ...doc.warnings];
  if (broken !== undefined) {
    const fix = 'check indentation, quotes and repeated keys near this line';
    throw new ConfigError(file, lineAt(broken.pos[0]), `is not plain YAML: ${firstLine(broken.message)}`, fix);
  }
  visit(doc, {
    Alias: (_, { range }) => {
      throw new ConfigError(file, lineAt(range?.[0]), 'uses a YAML alias', 'write the value out');
    },
  });
  const checked = schema.safeParse(doc.toJS() ?? {});
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const path = issue?.path ?? [];
  // A key that is missing has no node: its mapping's line is the nearest there is.
  const node = [path, ...path.map((_, i) => path.slice(0, path.length - 1 - i))]
    .map((some) => doc.getIn(some, true))
    .find(isNode);
  const where = path.length === 0 ? 'the file' : path.map(String).join('.');
  throw new ConfigError(file, lineAt(node?.range?.[0]), `${where} is wrong`, issue?.message ?? 'see the documentation');
}

const firstLine = (text: string): string => (text.split('\n', 1)[0] ?? '').slice(0, 200);
