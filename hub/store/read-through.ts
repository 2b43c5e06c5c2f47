import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { open } from 'lmdb';
import { DAMAGED } from './damage.ts';

/**
 * A program of its own: reads everything in a store, so that a damaged page ends this process and not the hub.
 *   node read-through.js FOLDER
 * Exits 0 when all could be read, 3 with a sentence on standard error when not, in another way when it could not look.
 */

/** Standard input ends when the hub does: nobody waits for the answer any more. */
process.stdin.on('end', () => process.exit(1)).resume();

/** By far the largest, and the first to go anyway: read last. */
const LAST = 'frames';
/** Entries between two turns of the event loop, in which it is heard that the hub is gone. */
const STRETCH = 2_000;

const [, , path = ''] = process.argv;
const root = open({ path, noSubdir: false, readOnly: true, maxDbs: 64 });
try {
  const names = [...root.getKeys()].map(String).sort((a, b) => Number(a === LAST) - Number(b === LAST));
  for (const name of names) {
    const db = root.openDB<Buffer>({ name, encoding: 'binary' });
    const { entryCount } = db.getStats() as { readonly entryCount: number };
    let read = 0;
    for (const { value } of db.getRange({ snapshot: false })) {
      // The last byte too: a large value has pages of its own.
      if (value.length > 0) value[value.length - 1];
      if (++read % STRETCH === 0) await turn();
    }
    // LMDB ends a walk without a word at a page that is none.
    if (read !== entryCount) throw new Error(`${name} has ${entryCount} entries, of which ${read} can be read`);
  }
  process.exit(0);
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error), () => process.exit(DAMAGED));
}
