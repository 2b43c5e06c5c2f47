import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from 'yaml';

/** What a blank of a template may hold. */
export const SLOT_KINDS = ['pid', 'unit', 'mount', 'folder', 'container'] as const;
export type SlotKind = (typeof SLOT_KINDS)[number];

/** One command that a model may choose; the text that it stands for is ours. */
export interface Template {
  readonly id: string;
  /** The incident classes that it serves; every class of the catalogue where the file says `any`. */
  readonly classes: readonly string[];
  /** For instance `kill -TERM {pid}`. */
  readonly template: string;
  /** The blanks of `template`, in the order in which they stand. */
  readonly slots: readonly SlotKind[];
  readonly explanation: string;
  readonly rollback: string | null;
  /** What policy is expected to say for an ordinary name. */
  readonly verdict: 'allow' | 'review';
}

export interface Catalogue {
  /** All incident classes; the last one is `unknown`. */
  readonly classes: readonly string[];
  readonly commands: readonly Template[];
}

/** What is wrong with a catalogue, or with a name that shall fill a blank. */
export class CatalogueError extends Error {
  readonly code: 'E_CATALOGUE' | 'E_CATALOGUE_NAME';
  constructor(code: CatalogueError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** A grammar holds every template: a file past these is a mistake, not a catalogue. */
const LIMITS = { bytes: 65_536, classes: 64, commands: 128, template: 256, explanation: 160 } as const;

/** The class of what the evidence does not explain: only looks serve it. */
const UNKNOWN = 'unknown';
const ID = /^[a-z][a-z0-9-]{0,39}$/;
/** What a template may consist of besides its blanks: the policy's subset has the last word, this keeps typos out. */
const TEMPLATE_TEXT = /^[A-Za-z0-9 _./,:=+*'-]*$/;
const EXPLANATION = /^[A-Z][ !#-[\]-~]+\.$/;
const BLANK = /\{([a-z]+)\}/g;

/**
 * The strict character set of each kind of name (invariant 8): no blank, quote, backslash or metacharacter, never a
 * leading dash, no `..`.
 */
const SEGMENT = String.raw`\.?[A-Za-z0-9_][A-Za-z0-9._@+-]*`;
const PATH = new RegExp(`^(?:/|(?:/${SEGMENT})+)$`);
const NAMES: Readonly<Record<SlotKind, RegExp>> = {
  pid: /^[1-9][0-9]{0,6}$/,
  unit: /^[A-Za-z0-9_][A-Za-z0-9:_.@-]{0,127}\.(?:service|timer|socket|mount|target|slice|scope|path)$/,
  mount: PATH,
  folder: PATH,
  container: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/,
};
const LONGEST_NAME = 512;

/** Whether `value` may fill a blank of this kind. Pids 1 and 2 are the init process and the kernel's. */
export function fitsSlot(kind: SlotKind, value: string): boolean {
  if (value.length > LONGEST_NAME || !NAMES[kind].test(value)) return false;
  return kind !== 'pid' || Number(value) > 2;
}

/**
 * Puts names into a template's blanks, or into its rollback's. Throws a CatalogueError E_CATALOGUE_NAME when a blank
 * has no name, or one outside its kind's character set.
 */
export function fillTemplate(text: string, names: Readonly<Partial<Record<SlotKind, string>>>): string {
  return text.replace(BLANK, (_, blank: string) => {
    const kind = SLOT_KINDS.find((known) => known === blank);
    const name = kind === undefined ? undefined : names[kind];
    if (kind === undefined || name === undefined || !fitsSlot(kind, name)) {
      throw new CatalogueError('E_CATALOGUE_NAME', `"${text}": no fit name for {${blank}}`);
    }
    return name;
  });
}

/**
 * The same commands for more classes: what serves every class of the catalogue serves the added ones too, and nothing
 * else does. `unknown` stays the last. For causes that only playbooks treat.
 */
export function withClasses(catalogue: Catalogue, added: readonly string[]): Catalogue {
  const classes = [...new Set([...catalogue.classes, ...added])].filter((name) => name !== UNKNOWN).sort();
  classes.push(UNKNOWN);
  const commands = catalogue.commands.map((template) =>
    template.classes.length === catalogue.classes.length ? { ...template, classes } : template,
  );
  return { classes, commands };
}

/** Reads the catalogue that ships beside this module. Throws a CatalogueError E_CATALOGUE. */
export function loadCatalogue(): Catalogue {
  const url = new URL('./commands.yaml', import.meta.url);
  return parseCatalogue(readFileSync(url, 'utf8'), 'grammars/commands.yaml');
}

/**
 * Parses and checks the text of a catalogue; `file` names it in errors. Throws a CatalogueError E_CATALOGUE whose
 * message says file, line and what to write instead.
 */
export function parseCatalogue(text: string, file: string): Catalogue {
  const fail = (line: number, message: string): never => {
    throw new CatalogueError('E_CATALOGUE', `${file}:${line}: ${message}`);
  };
  if (text.length > LIMITS.bytes) fail(1, `longer than ${LIMITS.bytes} characters`);
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: 'core', uniqueKeys: true, lineCounter: lines });
  const [broken] = [...document.errors, ...document.warnings];
  if (broken !== undefined) fail(lines.linePos(broken.pos[0]).line, broken.message.split('\n')[0] ?? 'not YAML');
  const reader = new Reader(lines, fail);

  const root = reader.map(document.contents, 1, ['version', 'classes', 'commands']);
  if (reader.scalar(root, 'version') !== 1) fail(reader.line(root), 'version: expected 1');
  const classes = reader.texts(root, 'classes', LIMITS.classes);
  for (const name of classes) if (!ID.test(name)) fail(reader.line(root), `class "${name}": a-z, 0-9 and dashes`);
  if (new Set(classes).size !== classes.length) fail(reader.line(root), 'classes: one stands there twice');
  if (classes.at(-1) !== UNKNOWN) fail(reader.line(root), 'classes: the last one must be "unknown"');

  const seen = new Set<string>();
  const commands = reader.list(root, 'commands', LIMITS.commands).map((node) => {
    const command = parseTemplate(reader, node, classes, fail);
    if (seen.has(command.id)) fail(reader.line(node), `command "${command.id}" stands there twice`);
    seen.add(command.id);
    return command;
  });
  return { classes, commands };
}

type Fail = (line: number, message: string) => never;

function parseTemplate(reader: Reader, node: unknown, classes: readonly string[], fail: Fail): Template {
  const line = reader.line(node);
  const map = reader.map(node, line, ['id', 'classes', 'template', 'explanation', 'rollback', 'verdict']);
  const text = (key: string, longest: number): string => {
    const value = reader.scalar(map, key);
    if (typeof value !== 'string' || value === '' || value.length > longest) {
      return fail(line, `${key}: expected text of 1 to ${longest} characters`);
    }
    return value;
  };
  const id = text('id', 40);
  if (!ID.test(id)) fail(line, `id "${id}": a-z, 0-9 and dashes`);
  const explanation = text('explanation', LIMITS.explanation);
  if (!EXPLANATION.test(explanation)) fail(line, `${id}: explanation: one sentence without quote or backslash`);

  const blanksOf = (key: string, value: string): readonly SlotKind[] => {
    const kinds = [...value.matchAll(BLANK)].map(
      ([, blank = '']) => SLOT_KINDS.find((kind) => kind === blank) ?? fail(line, `${id}: ${key}: unknown {${blank}}`),
    );
    if (new Set(kinds).size !== kinds.length) fail(line, `${id}: ${key}: a blank stands there twice`);
    if (!TEMPLATE_TEXT.test(value.replace(BLANK, ''))) fail(line, `${id}: ${key}: a character that no template has`);
    return kinds;
  };
  const template = text('template', LIMITS.template);
  const slots = blanksOf('template', template);
  const rollback = reader.scalar(map, 'rollback') === null ? null : text('rollback', LIMITS.template);
  for (const kind of rollback === null ? [] : blanksOf('rollback', rollback)) {
    if (!slots.includes(kind)) fail(line, `${id}: rollback: {${kind}} is not in the template`);
  }
  const named = reader.texts(map, 'classes', LIMITS.classes);
  for (const name of named) {
    if (name !== 'any' && !classes.includes(name)) fail(line, `${id}: class "${name}" is not in the list of classes`);
  }
  const verdict = text('verdict', 10);
  if (verdict !== 'allow' && verdict !== 'review') return fail(line, `${id}: verdict: expected allow or review`);
  return { id, classes: named.includes('any') ? classes : named, template, slots, explanation, rollback, verdict };
}

/** Reads YAML nodes with the line of each complaint. */
class Reader {
  readonly #lines: LineCounter;
  readonly #fail: Fail;
  constructor(lines: LineCounter, fail: Fail) {
    this.#lines = lines;
    this.#fail = fail;
  }

  line(node: unknown): number {
    const range = isMap(node) || isSeq(node) || isScalar(node) ? node.range : undefined;
    return range ? this.#lines.linePos(range[0]).line : 1;
  }

  /** A map with exactly these keys. */
  map(node: unknown, line: number, keys: readonly string[]): YAMLMap {
    if (!isMap(node)) return this.#fail(line, `expected a map of ${keys.join(', ')}`);
    const found = node.items.map((pair) => (isScalar(pair.key) ? String(pair.key.value) : '?'));
    for (const key of found) if (!keys.includes(key)) this.#fail(this.line(node), `unknown key "${key}"`);
    for (const key of keys) if (!found.includes(key)) this.#fail(this.line(node), `key "${key}" is missing`);
    return node;
  }

  scalar(map: YAMLMap, key: string): unknown {
    const node: unknown = map.get(key, true);
    return isScalar(node) ? node.value : this.#fail(this.line(map), `${key}: expected one value`);
  }

  list(map: YAMLMap, key: string, most: number): readonly unknown[] {
    const node: unknown = map.get(key, true);
    if (!isSeq(node)) return this.#fail(this.line(map), `${key}: expected a list`);
    if (node.items.length === 0 || node.items.length > most) {
      this.#fail(this.line(node), `${key}: expected 1 to ${most} entries`);
    }
    return node.items;
  }

  texts(map: YAMLMap, key: string, most: number): readonly string[] {
    return this.list(map, key, most).map((node) =>
      isScalar(node) && typeof node.value === 'string' && node.value !== ''
        ? node.value
        : this.#fail(this.line(node), `${key}: expected text`),
    );
  }
}
