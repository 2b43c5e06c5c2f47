import { readFileSync } from 'node:fs';
import { UsageError } from '../../broker/command-line.ts';

/** The shortest that is taken for a new one: the key file's own derivation is quick (PBKDF2), so the passphrase carries the weight. */
export const PASSPHRASE_MIN = 12;

/**
 * A passphrase, of a root key if nothing else is said: the first line of a file, or typed at the terminal without being shown; `twice` for a
 * new one. Throws UsageError when there is neither file nor terminal, or a new one is too short.
 */
export async function readPassphrase(file: string | undefined, twice: boolean, of = 'the root key'): Promise<string> {
  const passphrase = file === undefined ? await typed(`passphrase of ${of}: `) : firstLine(file);
  if (twice && passphrase.length < PASSPHRASE_MIN) {
    throw new UsageError(`the passphrase must have at least ${PASSPHRASE_MIN} characters`);
  }
  if (twice && file === undefined && (await typed('once more: ')) !== passphrase) {
    throw new UsageError('the two are not the same');
  }
  return passphrase;
}

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[0] ?? '';
  } catch (error) {
    throw new UsageError(`--passphrase-file ${file}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

/** One line in raw mode: nothing echoes, and Ctrl-C gives up. */
function typed(question: string): Promise<string> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) throw new UsageError('not a terminal: name a file with --passphrase-file');
  // Before the question: who answers at once would be shown what they type.
  stdin.setRawMode(true);
  stdout.write(question);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve, reject) => {
    let line = '';
    const end = (finish: () => void) => {
      stdin.off('data', take);
      stdin.setRawMode(false);
      stdin.pause();
      stdout.write('\n');
      finish();
    };
    const take = (chunk: string) => {
      for (const key of chunk) {
        if (key === '\u0003') return end(() => reject(new UsageError('given up')));
        if (key === '\r' || key === '\n') return end(() => resolve(line));
        if (key === '\u007f' || key === '\b') line = line.slice(0, -1);
        else if (key >= ' ') line += key;
      }
    };
    stdin.on('data', take);
  });
}
