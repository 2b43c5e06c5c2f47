import type { Reader } from './reader.ts';
import { WatchError } from './watch-error.ts';

/** What one file said in one section. */
export interface Said<T> {
  readonly file: string;
  readonly value: T;
}

/** One top-level key of a drop-in: how it is read, and how the words of several files become one. */
export interface Section<T> {
  /** The key in the file. */
  readonly name: string;
  /** What a file without it says. */
  readonly none: T;
  /** Throws a WatchError with the line of what is wrong. `node` is the key's value, never undefined. */
  readonly read: (reader: Reader, node: unknown) => T;
  /** Joins what the files said, in the order of their names; `refuse` takes what can't be joined. Never throws. */
  readonly join: (said: readonly Said<T>[], refuse: (error: WatchError) => void) => T;
}

/**
 * A section that is a list of named things. A name is a metric's label, so only its first holder, by file name, has
 * it. `max` bounds a file and all files together.
 */
export function namedList<T extends { readonly name: string }>(options: {
  readonly name: string;
  readonly max: number;
  readonly read: (reader: Reader, node: unknown) => T;
}): Section<readonly T[]> {
  const { name, max, read } = options;
  return {
    name,
    none: [],
    read: (reader, node) => reader.list(node, name, max).map((item) => read(reader, item)),
    join: (said, refuse) => {
      const items = new Map<string, T>();
      for (const { file, value } of said) {
        for (const item of value) {
          if (items.has(item.name)) {
            refuse(new WatchError('E_WATCH_FIELD', file, 1, `the name ${item.name} is taken`, 'choose another name'));
          } else if (items.size >= max) {
            const problem = `${item.name} is over the limit of ${max} ${name}`;
            refuse(new WatchError('E_WATCH_LIMIT', file, 1, problem, 'remove some'));
          } else {
            items.set(item.name, item);
          }
        }
      }
      return [...items.values()];
    },
  };
}
