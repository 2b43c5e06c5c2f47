import { damagesOf } from './damage-rules.ts';
import { narrowed, searched } from './damage-words.ts';
import { isSystemTree, normalise } from './paths.ts';
import { isOwnPath, isOwnUnit, namesSelf } from './self.ts';
import type { Effect } from './verdict.ts';
import { wordAt } from './word-at.ts';

/** Destruction that was seen: always block. */
export interface Damage {
  readonly rule: string;
  readonly effect: Effect;
  readonly reason: string;
}

const base = (word: string): string => word.replace(/^.*\//, '');

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
  const name = wordAt(words, 0);
  const args = words.slice(1);
  if (touchesSelf(name, args)) {
    return { rule: 'self.target', effect: 'breach', reason: 'Sentinel does not act on itself' };
  }
  for (const rule of damagesOf(name)) {
    if (rule.when(args, name)) return { rule: rule.rule, effect: rule.effect, reason: rule.reason };
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
    /^(?:systemctl|service|invoke-rc\.d|rc-service|sv|initctl|start-stop-daemon|supervisorctl|monit|kill|pkill|killall|rm|mv|cp|chmod|chown|chattr|truncate|tee|dd|ln|sed|install|mount|umount|apt|apt-get|dpkg|yum|dnf|rpm|touch|rmdir|shred|unlink|rsync|tar|setfacl|usermod|userdel|update-rc.d|chkconfig|renice|gdb|strace|cgset|crontab|perl|python3?|awk|ed|vi|vim|nano)$/;
  return (
    acts.test(name) ||
    args.some((arg) => isOwnPath(arg) && arg.includes('/')) ||
    (name === 'docker' && args.some(isOwnUnit) && verb !== 'ps' && verb !== 'logs')
  );
}

/** Folders of one find that are looked at: more is nobody's search, and each costs a reading. */
const ROOTS = 8;

/** The texts that a command hands to a shell or an interpreter, which then runs them. */
export function shellTexts(words: readonly string[]): string[] {
  return [...substituted(words), ...runTexts(words)];
}

/** What a shell would put in place of `$(...)` and backticks, wherever they stand in a word. */
function substituted(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    const at = /\$\(|`/.exec(word);
    if (at === null) return [];
    const inside = word.slice(at.index + at[0].length);
    // What is printed there is a command where it stands first, as in `eval "$(echo ...)"`.
    return [inside, inside.replace(/^\s*(?:echo|printf)\s+/, '')];
  });
}

function runTexts(words: readonly string[]): string[] {
  const name = wordAt(words, 0);
  const args = words.slice(1);
  if (/^(?:ba|da|z|k|a|c|fi|tc|mk)?sh$/.test(name)) {
    // A text with blanks that no flag leads in comes from `<<<`.
    return [...argumentAfter(args, /^-[a-z]*c[a-z]*$/), ...args.filter((arg) => /\s/.test(arg))];
  }
  if (name === 'env') {
    return args.flatMap((arg, i) =>
      /^(?:-[a-zA-Z]*S|--split-string)$/.test(arg)
        ? [wordAt(args, i + 1)]
        : arg.replace(/^(?:-[a-zA-Z]*S|--split-string=)/, '') !== arg
          ? [arg.replace(/^(?:-[a-zA-Z]*S|--split-string=)/, '')]
          : [],
    );
  }
  if (
    /^(?:ansible|salt|salt-call|fab|knife|mco|pdsh|clush|pssh|parallel-ssh|dsh|expect|tmux|screen|busctl|doas)$/.test(
      name,
    )
  ) {
    return args;
  }
  if (name === 'eval' || name === 'ssh' || name === 'watch' || name === 'trap' || name === 'at' || name === 'batch')
    return [args.join(' '), ...args];
  if (name === 'su' || name === 'runuser' || name === 'script' || name === 'flock')
    return argumentAfter(args, /^(?:-[a-z]*c|--command)$/);
  if (/^(?:docker|podman|crictl|kubectl|nsenter|lxc)$/.test(name)) return insideContainer(args);
  if (name === 'find') {
    const at = args.findIndex((arg) => /^-(?:exec|ok)(?:dir)?$/.test(arg));
    if (at < 0) return [];
    // What is run on every file below a folder is run on the folder.
    const inner = args.slice(at + 1).filter((arg) => arg !== ';' && arg !== '+');
    const whole = /^(?:rm|chmod|chown|chgrp|shred)$/.test(base(wordAt(inner, 0)))
      ? [wordAt(inner, 0), '-r', ...inner.slice(1)]
      : inner;
    const some = narrowed(args);
    return searched(args)
      .slice(0, ROOTS)
      .map((root) => {
        const found = some && !isSystemTree(normalise(root)) ? `${root}/x` : root;
        return whole.map((arg) => quote(arg.replaceAll('{}', found))).join(' ');
      });
  }
  if (SCRIPTED.test(name)) {
    const quoted = args.flatMap((arg) =>
      [...arg.matchAll(/"([^"]{2,512})"|'([^']{2,512})'|`([^`]{2,512})`|exec=(.{2,512})/g)].flatMap((found) =>
        found.slice(1).filter((text) => text !== undefined),
      ),
    );
    // `:!` of an editor is a command of the shell; what an option carries may be one: `--rsync-path='rm -rf /srv'`.
    const carried = args.filter((arg) => /\s/.test(arg)).map((arg) => arg.replace(/^[\w.:-]{1,64}?=/, ''));
    return [args.join(' ').replaceAll(':!', ';'), ...quoted, ...carried];
  }
  if (/^(?:psql|mysql|mariadb|sqlite3|ftp|lftp|sftp)$/.test(name)) {
    // `\!`, `system`, `.shell` and `!` hand the rest of their line to a shell.
    return args.flatMap((arg) => [...arg.matchAll(CLIENT_SHELL)].flatMap((found) => found.slice(1)));
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

/** What takes a program, or a command to run, in its arguments. */
const SCRIPTED =
  /^(?:python|perl|ruby|node|php|lua)[\d.]*$|^[gmn]?awk$|^sed$|^vim?$|^ed$|^gdb$|^tar$|^git$|^rsync$|^expect$|^tclsh$|^(?:guile|racket|sbcl|clisp|emacs|Rscript|R|julia|octave|groovy|elixir|erl|swipl|pwsh|make|gmake|puppet|apt|apt-get|aptitude|dpkg|scp|sftp|zip|split|sort|man|tcpdump|alias)$/;

const CLIENT_SHELL = /(?:\\!|(?:^|[;\n])\s{0,8}(?:!|\.?system\s|\.shell\s))([^\n]{1,512})/g;

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
