import { wordAt } from './word-at.ts';

const base = (word: string): string => word.replace(/^.*\//, '');

/** Commands that run the command in their arguments. */
const RUNNERS = new Set([
  ...[
    'sudo',
    'doas',
    'env',
    'nice',
    'ionice',
    'timeout',
    'nohup',
    'time',
    'command',
    'builtin',
    'exec',
    'setsid',
    'stdbuf',
  ],
  ...[
    'chroot',
    'xargs',
    'watch',
    'busybox',
    'toybox',
    'then',
    'do',
    'else',
    'elif',
    'if',
    'while',
    'until',
    '!',
    '{',
    'coproc',
  ],
  ...[
    'taskset',
    'chrt',
    'flock',
    'unshare',
    'nsenter',
    'systemd-run',
    'systemd-inhibit',
    'runuser',
    'pkexec',
    'script',
    'strace',
    'ltrace',
  ],
  ...[
    'parallel',
    'prlimit',
    'setarch',
    'unbuffer',
    'eatmydata',
    'firejail',
    'capsh',
    'setpriv',
    'gosu',
    'su-exec',
    'spawn',
    'exec',
  ],
]);

/** Runners that take words of their own before the command: a folder, a lock, a host, a mask. */
const OPERANDS: ReadonlyMap<string, number> = new Map([
  ...['chroot', 'flock', 'ssh', 'setarch', 'proot', 'faketime', 'taskset', 'chrt', 'cpulimit'].map(
    (n) => [n, 1] as const,
  ),
  ...[
    'cgexec',
    'numactl',
    'pdsh',
    'clush',
    'dsh',
    'pssh',
    'machinectl',
    'start-stop-daemon',
    'coproc',
    'systemd-nspawn',
  ].map((n) => [n, 2] as const),
  ...['ip', 'daemonize', 'dbus-run-session', 'fakeroot', 'ltrace', 'catchsegv', 'sem', 'entr'].map(
    (n) => [n, 3] as const,
  ),
  ['bwrap', 8],
]);
for (const name of OPERANDS.keys()) RUNNERS.add(name);

/** Runners in one another, each with readings of its own: more is nobody's command. */
const READINGS = 16;

/**
 * Every command that a line of words could run: itself, and what its runners (sudo, timeout, xargs ...) would. A
 * runner's flags may take a value; both readings are given.
 */
export function stripRunners(words: readonly string[]): string[][] {
  const found: string[][] = [];
  const starts = [0];
  let readings = 0;
  for (const start of starts) {
    if (++readings > READINGS) break;
    let at = start;
    for (; /^[A-Za-z_][A-Za-z0-9_]*\+?=/.test(wordAt(words, at)); at++) {
      // A substitution in a value runs when the value is used: `PS4='$(rm -rf /srv)'`.
      if (/^LD_|\$\(|`/.test(wordAt(words, at))) found.push([wordAt(words, at)]);
    }
    const name = words[at];
    if (name === undefined) continue;
    const command = words.slice(at, at + 513);
    command[0] = base(name);
    found.push(command);
    if (!RUNNERS.has(base(name))) continue;
    let flagged = false;
    let operands = OPERANDS.get(base(name)) ?? 0;
    for (let i = at + 1; i < words.length && i < at + 64; i++) {
      const word = wordAt(words, i);
      if (word.startsWith('-')) {
        flagged = true;
        continue;
      }
      const skipped = /^[A-Za-z_][A-Za-z0-9_]*\+?=|^[\d.]+[smhd]?$/.test(word) || /^0x[0-9a-f]+$/.test(word);
      if (skipped) continue;
      starts.push(i);
      if (!flagged && operands-- <= 0) break;
      flagged = false;
    }
  }
  return found;
}
