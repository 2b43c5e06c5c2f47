import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Language, Parser, type TreeCursor } from 'web-tree-sitter';

/** What a walk does at one node: look inside, or step over it. */
export type Walk = (cursor: TreeCursor) => void;

/**
 * The bash grammar, loaded once from node_modules. One parser is reused, since each costs WASM memory that only
 * `delete` gives back.
 */
export interface BashGrammar {
  /** Parses `text` and calls `walk` with a cursor at the root; the tree is deleted when `walk` returns. */
  parse(text: string, walk: Walk): void;
  /** The number of a node kind, for comparing with `cursor.nodeTypeId`; throws on a kind that the grammar lacks. */
  kind(name: string, named: boolean): number;
}

let loaded: Promise<BashGrammar> | undefined;

/** Loads tree-sitter-bash's WASM; touches the disk on the first call only, and never the network. */
export function loadBash(): Promise<BashGrammar> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<BashGrammar> {
  await Parser.init();
  const path = createRequire(import.meta.url).resolve('tree-sitter-bash/tree-sitter-bash.wasm');
  const language = await Language.load(readFileSync(path));
  const parser = new Parser();
  parser.setLanguage(language);
  return {
    parse(text, walk) {
      const tree = parser.parse(text);
      if (tree === null) throw new Error('the bash parser gave no tree');
      const cursor = tree.walk();
      try {
        walk(cursor);
      } finally {
        cursor.delete();
        tree.delete();
      }
    },
    kind(name, named) {
      const id = language.idForNodeType(name, named);
      if (id === null) throw new Error(`the bash grammar has no node kind ${name}`);
      return id;
    },
  };
}
