import { existsSync } from 'node:fs';

/** Folders whose binaries an agent runs; a path into another one never compiles. */
export const BINARY_FOLDERS = ['/usr/sbin/', '/usr/bin/', '/sbin/', '/bin/'] as const;

/** What a program may be called: `[` and `:` are shell syntax to us, and a leading `-` or `.` is a trick. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$/;

/** The bare name of a command word, or null when it may not be run: `/usr/bin/ls` and `ls` are both `ls`. */
export function bareName(word: string): string | null {
  if (NAME.test(word)) return word;
  for (const folder of BINARY_FOLDERS) {
    if (word.startsWith(folder)) {
      const rest = word.slice(folder.length);
      return NAME.test(rest) ? rest : null;
    }
  }
  return null;
}

/** The absolute path of a bare name in the folders that an agent runs from, or null. */
export function findCommand(name: string): string | null {
  const folder = BINARY_FOLDERS.find((one) => bareName(name) === name && existsSync(one + name));
  return folder === undefined ? null : folder + name;
}

/**
 * Words with a meaning of their own in command position: a shell would not run a program of that name.
 * tree-sitter calls some of them ordinary command names (`time`, `coproc`, `then`).
 */
export const RESERVED: ReadonlySet<string> = new Set([
  ...['if', 'then', 'else', 'elif', 'fi', 'case', 'esac', 'for', 'select', 'while', 'until', 'do', 'done', 'in'],
  ...['function', 'time', 'coproc', 'eval', 'exec', 'source', 'command', 'builtin', 'trap', 'alias', 'unalias'],
  ...['export', 'declare', 'typeset', 'local', 'readonly', 'unset', 'set', 'shopt', 'let', 'read', 'mapfile'],
  ...['readarray', 'enable', 'hash', 'bind', 'complete', 'compgen', 'compopt', 'cd', 'pushd', 'popd', 'dirs', 'umask'],
  ...['ulimit', 'wait', 'jobs', 'fg', 'bg', 'disown', 'suspend', 'exit', 'logout', 'return', 'break', 'continue'],
  ...['shift', 'getopts', 'history', 'fc', 'caller', 'times', 'type', 'help'],
]);
