import { DAMAGES } from './damage-rules.ts';
import { isOwnPath, isOwnUnit, namesSelf } from './self.ts';
import type { Effect } from './verdict.ts';

/** Destruction that was seen: always block. */
export interface Damage {
  readonly rule: string;
  readonly effect: Effect;
  readonly reason: string;
}

const base = (word: string): string => word.replace(/^.*\//, '');

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
    'exec',
  ],
]);

/**
 * Every command that a line of words could run: itself, and what its runners (sudo, timeout, xargs ...) would. A
 * runner's flags may take a value; both readings are given.
 */
export function stripRunners(words: readonly string[]): string[][] {
  const found: string[][] = [];
  const starts = [0];
  for (let n = 0; n < starts.length && n < 16; n++) {
    let at = starts[n] ?? 0;
    while (/^[A-Za-z_][A-Za-z0-9_]*\+?=/.test(words[at] ?? '')) at++;
    const name = words[at];
    if (name === undefined) continue;
    found.push([base(name), ...words.slice(at + 1, at + 513)]);
    if (!RUNNERS.has(base(name))) continue;
    let flagged = false;
    for (let i = at + 1; i < words.length && i < at + 64; i++) {
      const word = words[i] ?? '';
      if (word.startsWith('-')) {
        flagged = true;
        continue;
      }
      const skipped = /^[A-Za-z_][A-Za-z0-9_]*\+?=|^[\d.]+[smhd]?$/.test(word) || /^0x[0-9a-f]+$/.test(word);
      if (skipped) continue;
      starts.push(i);
      if (!flagged) break;
      flagged = false;
    }
  }
  return found;
}

const READERS = new Set([
  ...[
    'ls',
    'cat',
    'head',
    'tail',
    'grep',
    'stat',
    'file',
    'du',
    'df',
    'journalctl',
    'ps',
    'pgrep',
    'pidof',
    'wc',
    'lsof',
  ],
  ...[
    'echo',
    'find',
    'less',
    'more',
    'test',
    'id',
    'ss',
    'top',
    'systemd-analyze',
    'sha256sum',
    'md5sum',
    'diff',
    'sort',
  ],
]);
const READING_VERBS = new Set([
  ...[
    'status',
    'show',
    'cat',
    'is-active',
    'is-enabled',
    'is-failed',
    'list-units',
    'list-dependencies',
    'list-timers',
  ],
  ...['list-unit-files', 'list-sockets', 'help'],
]);

/** The damage that one command does by itself, or null. */
export function damage(words: readonly string[]): Damage | null {
  const [name = '', ...args] = words;
  if (touchesSelf(name, args)) {
    return { rule: 'self.target', effect: 'breach', reason: 'Sentinel does not act on itself' };
  }
  for (const rule of DAMAGES) {
    if (rule.names.test(name) && rule.when(args, name))
      return { rule: rule.rule, effect: rule.effect, reason: rule.reason };
  }
  return null;
}

function touchesSelf(name: string, args: readonly string[]): boolean {
  if (!args.some(namesSelf)) return false;
  if (READERS.has(name)) return name === 'find' && args.some((arg) => /^-(?:delete|exec|ok|fprint|fls)/.test(arg));
  const verb = args.find((arg) => !arg.startsWith('-'));
  if ((name === 'systemctl' || name === 'service') && args.some((arg) => READING_VERBS.has(arg))) {
    return verb === undefined || !READING_VERBS.has(verb);
  }
  const acts =
    /^(?:systemctl|service|kill|pkill|killall|rm|mv|cp|chmod|chown|chattr|truncate|tee|dd|ln|sed|install|mount|umount|apt|apt-get|dpkg|yum|dnf|rpm|touch|rmdir|shred|unlink|rsync|tar|setfacl|usermod|userdel|update-rc.d|chkconfig|renice|gdb|strace|cgset|crontab|perl|python3?|awk|ed|vi|vim|nano)$/;
  return (
    acts.test(name) ||
    args.some((arg) => isOwnPath(arg) && arg.includes('/')) ||
    (name === 'docker' && args.some(isOwnUnit) && verb !== 'ps' && verb !== 'logs')
  );
}

/** The texts that a command hands to a shell or an interpreter, which then runs them. */
export function shellTexts(words: readonly string[]): string[] {
  const [name = '', ...args] = words;
  if (/^(?:ba|da|z|k|a|c|fi|tc|mk)?sh$/.test(name)) return argumentAfter(args, /^-[a-z]*c[a-z]*$/);
  if (name === 'eval' || name === 'ssh' || name === 'watch' || name === 'trap' || name === 'at' || name === 'batch')
    return [args.join(' '), ...args];
  if (name === 'su' || name === 'runuser' || name === 'script' || name === 'flock')
    return argumentAfter(args, /^(?:-[a-z]*c|--command)$/);
  if (/^(?:docker|podman|crictl|kubectl|nsenter|lxc)$/.test(name)) return insideContainer(args);
  if (name === 'find') {
    const at = args.findIndex((arg) => /^-(?:exec|ok)(?:dir)?$/.test(arg));
    if (at < 0) return [];
    const root = args.find((arg) => !arg.startsWith('-')) ?? '/';
    // What is run on every file below a folder is run on the folder.
    const inner = args.slice(at + 1).filter((arg) => arg !== ';' && arg !== '+');
    const whole = /^(?:rm|chmod|chown|chgrp|shred)$/.test(base(inner[0] ?? ''))
      ? [inner[0] ?? '', '-r', ...inner.slice(1)]
      : inner;
    return [whole.map((arg) => quote(arg.replaceAll('{}', root))).join(' ')];
  }
  if (
    /^(?:python|perl|ruby|node|php|lua)[\d.]*$|^[gmn]?awk$|^sed$|^vim?$|^ed$|^gdb$|^tar$|^git$|^rsync$|^expect$|^tclsh$/.test(
      name,
    )
  ) {
    const quoted = args.flatMap((arg) =>
      [...arg.matchAll(/"([^"]{2,512})"|'([^']{2,512})'|`([^`]{2,512})`|exec=(.{2,512})/g)].map(
        (m) => m[1] ?? m[2] ?? m[3] ?? m[4] ?? '',
      ),
    );
    return [args.join(' '), ...quoted];
  }
  if (name === 'xargs' || name === 'parallel')
    return [
      args
        .filter((arg) => !arg.startsWith('-'))
        .map(quote)
        .join(' '),
    ];
  return [];
}

const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function argumentAfter(args: readonly string[], flag: RegExp): string[] {
  const at = args.findIndex((arg) => flag.test(arg));
  const found = at < 0 ? undefined : args[at + 1];
  return found === undefined ? [] : [found];
}

/** `docker exec [flags] NAME CMD`, `kubectl exec NAME -- CMD`: flags may take a value, so two readings are given. */
function insideContainer(args: readonly string[]): string[] {
  const dashes = args.indexOf('--');
  if (dashes >= 0)
    return [
      args
        .slice(dashes + 1)
        .map(quote)
        .join(' '),
    ];
  const verb = args.findIndex((arg) => arg === 'exec' || arg === 'run');
  if (verb < 0) return [];
  const named = [...args.keys()].filter((at) => at > verb && !args[at]?.startsWith('-'));
  return named.slice(1, 3).map((at) => args.slice(at).map(quote).join(' '));
}
