import { fileURLToPath } from 'node:url';
import { EXIT } from '../broker/command-line.ts';
import { packCommand } from './pack-command.ts';

/** `npm run pack`: what was compiled beside this file, of the checkout that it lies in. */
const dist = fileURLToPath(new URL('../', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));

try {
  process.exitCode = await packCommand(process.argv.slice(2), { root, dist });
} catch (error) {
  if (!(error instanceof Error && 'code' in error)) throw error;
  console.error(`pack: ${String(error.code)}: ${error.message}`);
  process.exitCode = EXIT.usage;
}
