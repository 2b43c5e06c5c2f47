import process from 'node:process';
import { open } from 'lmdb';

/**
 * A program of its own: reads everything in a store, so that a damaged page ends this process and not the hub.
 *   node read-through.js FOLDER
 * Exits 0 when all could be read, 3 with a sentence on standard error when not.
 */

/** Standard input ends when the hub does: nobody waits for the answer any more. */
process.stdin.on('end', () => process.exit(1)).resume();

/** By far the largest, and the first to go anyway: read last. */
const LAST = 'frames';

const [, , path = ''] = process.argv;
try {
  const root = open({ path, readOnly: true, maxDbs: 64 });
  const names = [...root.getKeys()].map(String).sort((a, b) => Number(a === LAST) - Number(b === LAST));
  let bytes = 0;
  for (const name of names) {
    const db = root.openDB<Buffer>({ name, encoding: 'binary' });
    for (const { value } of db.getRange({ snapshot: false })) bytes += value.length;
  }
  process.stdin.destroy();
  process.exit(bytes >= 0 ? 0 : 3);
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error), () => process.exit(3));
}
