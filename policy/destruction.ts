import { Carried } from './carried.ts';
import { type Damage, damage, shellTexts } from './damage.ts';
import { stripRunners } from './damage-runners.ts';
import { LIMITS } from './limits.ts';
import { type LooseCommand, looseCommands } from './loose.ts';
import { holdsSecrets, isDevice, isSecret, isSystem, normalise } from './paths.ts';
import type { Program } from './program.ts';
import { namesSelf } from './self.ts';
import { wordAt } from './word-at.ts';

export type { Damage } from './damage.ts';

/** Text inside text (`sh -c "sudo sh -c ..."`): past this it is review, and nobody's honest plan. */
const DEPTH = 6;

/**
 * What one search may cost, over all depths. A text inside a text inside a runner is read again at each level, and
 * runners inside runners have many readings: without these sums 128 kB of `xargs` took a second.
 */
const WORK = { bytes: 2 * LIMITS.searched, words: 8_192, commands: 2_048 } as const;

/**
 * The recogniser of destruction: its own recall, whether or not the text compiles (docs/design.md section 5). It looks through
 * quoting, wrappers, runners and nested shells. Null means that it saw nothing; that is never a permission.
 */
export function destructionInText(text: string): Damage | null {
  return new Search().text(text.slice(0, LIMITS.searched), 0);
}

/** The same for a Program that needed no text; `command` is the number of the command, counted over all pipes. */
export function destructionInProgram(program: Program): (Damage & { readonly command: number }) | null {
  const search = new Search();
  let command = 0;
  for (const job of program.jobs) {
    const found = search.commands(
      job.pipe.map(({ argv }, i) => ({ words: argv, writes: [], piped: i > 0 })),
      0,
    );
    if (found !== null) return { ...found, command };
    command += job.pipe.length;
  }
  return null;
}

/** A command with every command that it could run: itself, and what its runners would. */
interface Stripped {
  readonly command: LooseCommand;
  readonly readings: readonly (readonly string[])[];
  /** What it hands on came from elsewhere, through whatever pipe. */
  readonly arrives: boolean;
}

class Search {
  /** What an earlier command of the same text or Program brought from elsewhere. */
  readonly #fetched = new Set<string>();
  readonly #carried = new Carried();
  readonly #left: { bytes: number; words: number; commands: number } = { ...WORK };

  text(text: string, depth: number): Damage | null {
    this.#left.bytes -= text.length;
    if (this.#left.bytes < 0) return null;
    const raw = RAW.find(({ pattern }) => pattern.test(text));
    const found = raw ?? this.commands(looseCommands(text, this.#left.commands), depth);
    if (found !== null || depth >= DEPTH || !PRINTED.test(text)) return found;
    // What is printed in a substitution stands where the substitution stood: `$(echo rm) -rf /`.
    return this.text(text.replace(new RegExp(PRINTED, 'g'), ' $1 '), depth + 1);
  }

  commands(commands: readonly LooseCommand[], depth: number): Damage | null {
    let earlier: Stripped | undefined;
    for (const command of commands) {
      if (--this.#left.commands < 0) return null;
      const before = command.piped ? earlier : undefined;
      const now = strip(command, before);
      const found =
        this.#command(now, depth) ??
        (before === undefined ? null : this.#piped(before, now, depth)) ??
        this.#filled(command, depth);
      if (found !== null) return found;
      this.#carried.note(command.words);
      if (runsFetched(now, this.#fetched)) {
        return { rule: 'destruction.remote-code', effect: 'breach', reason: 'it runs code that nobody vetted' };
      }
      for (const path of fetches(now)) this.#fetched.add(path);
      earlier = now;
    }
    return null;
  }

  #command({ command, readings }: Stripped, depth: number): Damage | null {
    for (const target of command.writes) {
      const found = writeDamage(target);
      if (found !== null) return found;
    }
    for (const words of readings) {
      this.#left.words -= words.length;
      if (this.#left.words < 0) return null;
      const found = damage(words) ?? this.#nested(words, depth);
      if (found !== null) return found;
    }
    return null;
  }

  /** The command with what variables and loops of the same text put into it. */
  #filled(command: LooseCommand, depth: number): Damage | null {
    if (this.#left.words < 0) return null;
    for (const words of this.#carried.fill(command.words)) {
      const found = this.#command(strip({ ...command, words }, undefined), depth);
      if (found !== null) return found;
    }
    return null;
  }

  #nested(words: readonly string[], depth: number): Damage | null {
    if (depth >= DEPTH) return null;
    for (const inner of shellTexts(words)) {
      const found = this.text(inner, depth + 1);
      if (found !== null) return found;
    }
    return null;
  }

  /** `curl ... | sh`: what arrives is run. `echo rm -rf / | sh`: what is printed is run. `cat KEY | nc`: it leaves. */
  #piped({ command: before, readings, arrives }: Stripped, now: Stripped, depth: number): Damage | null {
    const { command, readings: readers } = now;
    const source = base(before.words.find((word) => !word.startsWith('-')) ?? '');
    if (
      readers.some(([name]) => SENDERS.test(base(name))) &&
      before.words.some(
        (word) =>
          /\//.test(word) && (isSecret(normalise(word)) || (PACKERS.test(source) && holdsSecrets(normalise(word)))),
      )
    ) {
      return { rule: 'destruction.exfiltration', effect: 'breach', reason: 'it sends secrets to another machine' };
    }
    const shell = readings.some(([name]) => INTERPRETERS.test(base(name)));
    if (shell && readers.some(([name]) => /^(?:nc|ncat|netcat|socat|telnet|openssl)$/.test(base(name)))) {
      return { rule: 'destruction.reverse-shell', effect: 'breach', reason: 'it gives a shell to another machine' };
    }
    if (depth >= DEPTH) return null;
    if (readers.some(([name]) => name === 'crontab')) {
      return this.text(before.words.slice(1).join(' ').replace(SCHEDULE, '\n'), depth + 1);
    }
    if (base(command.words[0]) === 'xargs') {
      const ran = readers[1];
      // What is found and handed over whole is what `find -exec` would run on.
      const find = readings.find(([name]) => name === 'find');
      const found =
        find === undefined || ran === undefined ? null : this.#nested([...find, '-exec', ...ran, '{}'], depth);
      if (found !== null) return found;
      const [, ...inner] = readers.find(([name]) => CONTAINERS.test(name ?? '')) ?? [];
      if (CONTAINERS.test(source) && inner.some((word) => /^(?:rm|kill|stop|delete)$/.test(word))) {
        return { rule: 'destruction.containers', effect: 'destroy', reason: 'it takes away every container' };
      }
      const given = before.words.slice(1, 64).filter((word) => !word.startsWith('-'));
      for (const words of readers.slice(1)) {
        const found = damage([...words, ...given]);
        if (found !== null) return found;
      }
    }
    if (!readers.some(runsInput)) return null;
    if (arrives) {
      return { rule: 'destruction.remote-code', effect: 'breach', reason: 'it runs code that nobody vetted' };
    }
    return this.text(before.words.slice(1).join(' '), depth + 1);
  }
}

const CONTAINERS = /^(?:docker|podman|nerdctl|crictl|kubectl)$/;
const INTERPRETERS = /^(?:(?:ba|da|z|k|a|c|fi)?sh|at|batch|(?:python|perl|ruby|node|php|lua)[\d.]*)$/;
const SOURCES =
  /^(?:curl|wget|nc|ncat|netcat|telnet|lynx|aria2c|fetch|http|socat|base64|base32|xxd|openssl|ssh|ftp|gunzip|zcat|rev|tr)$/;
const PACKERS = /^(?:tar|cpio|zip|cat|find|gzip|xz|dd|rsync|base64|grep)$/;
const SENDERS = /^(?:curl|wget|nc|ncat|netcat|socat|telnet|ssh|mail|sendmail|ftp|aws)$/;

const PRINTED = /(?:\$\(|`)\s{0,4}(?:echo|printf)\s([^)`$]{0,128})[)`]/;

/** When a line of a crontab runs: five fields, or a name. */
const SCHEDULE = /(?:^|\n)\s{0,8}(?:(?:[\d*/,-]{1,32}[ \t]{1,8}){5}|@[a-z]{4,10}[ \t])/g;

function strip(command: LooseCommand, before: Stripped | undefined): Stripped {
  const source = base(command.words.find((word) => !word.startsWith('-')) ?? '');
  return { command, readings: stripRunners(command.words), arrives: before?.arrives === true || SOURCES.test(source) };
}

/** True when an interpreter takes its program from standard input, and not only data for a program that is named. */
function runsInput(words: readonly string[]): boolean {
  const [name = '', ...args] = words;
  if (!INTERPRETERS.test(base(name))) return false;
  if (name === 'at' || name === 'batch') return true;
  const text = args.find((_, i) => /^(?:-[a-zA-Z]*[cemr]|--eval)$/.test(wordAt(args, i - 1)));
  if (text !== undefined) return /\{\}|\$[@*0-9]|exec|eval|system|popen|subprocess|spawn/.test(text);
  const first = args.find((arg) => !arg.startsWith('-') || arg === '-');
  return (
    first === undefined ||
    /^(?:-|\/dev\/stdin|\/dev\/fd\/0|\/proc\/self\/fd\/0)$/.test(first) ||
    args.some((arg) => /^-[a-z]*s$/.test(arg))
  );
}

/** Files that a command of a line brings from elsewhere. */
function fetches({ command, readings }: Stripped): string[] {
  return readings.flatMap((words) => {
    if (!/^(?:curl|wget|scp|sftp|ftp|tftp|aria2c|git|fetch)$/.test(wordAt(words, 0))) return [];
    const args = words.slice(1);
    const named = args.flatMap((arg, i) =>
      /^(?:-[a-zA-Z]*[oOP]|--output|--output-document)$/.test(arg)
        ? [args[i + 1] ?? '']
        : [arg.replace(/^(?:-[oO]|--output(?:-document)?=)/, ''), base(arg)],
    );
    return [...named, ...command.writes].filter((path) => path !== '').map(normalise);
  });
}

/** True when a command runs, or makes runnable, a file that was fetched before it in the same line. */
function runsFetched({ command, readings }: Stripped, fetched: ReadonlySet<string>): boolean {
  if (fetched.size === 0) return false;
  if (fetched.has(normalise(wordAt(command.words, 0)))) return true;
  return readings.some(([name = '', ...args]) => {
    if (!INTERPRETERS.test(name) && !/^(?:\.|source|chmod|exec)$/.test(name)) return false;
    return args.some((arg) => fetched.has(normalise(arg)));
  });
}

const base = (word: string | undefined): string => (word ?? '').replace(/^.*\//, '');

function writeDamage(target: string): Damage | null {
  if (namesSelf(target)) return { rule: 'self.path', effect: 'breach', reason: 'Sentinel does not act on itself' };
  const path = normalise(target);
  // A serial line takes what is said to it, and keeps nothing: a person may consent.
  if (/^\/dev\/tty(?:USB|ACM|S|AMA|mxc)\d{1,3}$/.test(path)) return null;
  if (isDevice(path) && !/^\/dev\/(?:tty\d*|pts\/\d+|fd\/\d+|tcp|udp)/.test(path)) {
    return { rule: 'destruction.device', effect: 'destroy', reason: 'it overwrites a device' };
  }
  const harmless = /^\/dev\/(?:null|std(?:in|out|err)|tty\d*|pts\/\d+|fd\/\d+)$/.test(path) || target === '';
  if (!harmless && (isSystem(path) || /\/\.ssh\/|\/authorized_keys$/.test(target))) {
    return {
      rule: 'destruction.system',
      effect: 'destroy',
      reason: 'it overwrites a file that the host does not live without',
    };
  }
  return null;
}

/** What no reading of words can see, because the shape itself is the weapon. Patterns are linear. */
const RAW: readonly (Damage & { readonly pattern: RegExp })[] = [
  {
    pattern: /\b(?:while|until)\b[^\n;]{0,32};\s{0,4}do\b[^\n;&]{0,64}&\s{0,4};?\s{0,4}done/,
    rule: 'destruction.fork-bomb',
    effect: 'destroy',
    reason: 'it starts copies of itself until nothing runs',
  },
  {
    pattern: /([\w:.]{1,32})[ \t]{0,4}\(\)[ \t\n]{0,4}\{[^}]{0,64}\|[^}&]{0,64}&/,
    rule: 'destruction.fork-bomb',
    effect: 'destroy',
    reason: 'it starts copies of itself until nothing runs',
  },
  {
    pattern: /\bfork\s{1,4}while\s{1,4}fork\b/,
    rule: 'destruction.fork-bomb',
    effect: 'destroy',
    reason: 'it starts copies of itself until nothing runs',
  },
  {
    pattern: /\/dev\/(?:tcp|udp)\/[^\s/]/,
    rule: 'destruction.reverse-shell',
    effect: 'breach',
    reason: 'it opens a connection out of the shell',
  },
  {
    pattern:
      /(?:\b(?:ba|da|z|k)?sh|\beval|\bsource|(?:^|[\s;&|])\.)\s[^\n]{0,64}?(?:\$\(|`|<\()\s{0,4}(?:sudo\s)?(?:curl|wget|base64|nc)\b/,
    rule: 'destruction.remote-code',
    effect: 'breach',
    reason: 'it runs code that nobody vetted',
  },
  {
    pattern: /\b(?:rmtree|remove_tree|rm_rf|rm_r|rmSync|rmdirSync)\s{0,4}\(?\s{0,4}['"]\//,
    rule: 'destruction.script',
    effect: 'destroy',
    reason: 'it removes a tree by a script',
  },
  {
    pattern: /\b(?:docker|podman)\s(?:container\s)?(?:rm|kill|stop)\b[^;|&\n]{0,40}(?:\$\(|`)\s?(?:docker|podman)\s/,
    rule: 'destruction.containers',
    effect: 'destroy',
    reason: 'it takes away every container',
  },
  {
    pattern: /\bkill(?:all)?\b[^;|&\n]{0,40}(?:\$\(|`)[^)`\n]{0,40}\bsentinel\b/,
    rule: 'self.process',
    effect: 'breach',
    reason: 'Sentinel does not act on itself',
  },
];
