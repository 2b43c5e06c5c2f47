import { Carried } from './carried.ts';
import { type Damage, damage, shellTexts } from './damage.ts';
import { stripRunners } from './damage-runners.ts';
import { shapeDamage } from './damage-shapes.ts';
import { actsOnInput, handed, INTERPRETERS, inputDamage, listed, printed, runsInput } from './input.ts';
import { LIMITS } from './limits.ts';
import { type LooseCommand, looseCommands } from './loose.ts';
import { holdsSecrets, isDevice, isSecret, isSystem, normalise } from './paths.ts';
import type { Program } from './program.ts';
import { namesSelf } from './self.ts';
import { wordAt } from './word-at.ts';
import { Written } from './written.ts';

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
      job.pipe.map(({ argv }, i) => ({ words: argv, writes: [], here: '', piped: i > 0 })),
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
  /** What stands on its input, and what it puts on its output, as far as the text says. */
  readonly input: string;
  readonly output: string;
  /** What it hands on came from elsewhere, through whatever pipe. */
  readonly arrives: boolean;
}

class Search {
  /** What an earlier command of the same text or Program brought from elsewhere. */
  readonly #fetched = new Set<string>();
  readonly #carried = new Carried();
  readonly #written = new Written();
  readonly #left: { bytes: number; words: number; commands: number } = { ...WORK };

  text(text: string, depth: number): Damage | null {
    this.#left.bytes -= text.length;
    if (this.#left.bytes < 0) return null;
    const found = shapeDamage(text) ?? this.commands(looseCommands(text, this.#left.commands), depth);
    if (found !== null || depth >= DEPTH || !PRINTED.test(text)) return found;
    // What is printed in a substitution stands where the substitution stood: `$(echo rm) -rf /`.
    const shown = text.replace(new RegExp(PRINTED, 'g'), (_, inside: string) => ` ${unescaped(inside)} `);
    return this.text(shown, depth + 1);
  }

  commands(commands: readonly LooseCommand[], depth: number): Damage | null {
    let earlier: Stripped | undefined;
    for (const [i, command] of commands.entries()) {
      if (--this.#left.commands < 0) return null;
      const before = command.piped ? earlier : undefined;
      const now = strip(command, before, commands[i + 1]?.piped === true || command.writes.length > 0);
      const found =
        this.#command(now, depth) ??
        (before === undefined ? null : this.#piped(before, now, depth)) ??
        (now.input === '' ? null : this.#fed(now, depth)) ??
        this.#filled(command, depth) ??
        this.#ran(now, depth);
      if (found !== null) return found;
      this.#carried.note(command.words);
      this.#written.note(command.writes, now.output);
      const read = command.words.indexOf('read');
      const name = read < 0 ? undefined : command.words.slice(read + 1).find((word) => !word.startsWith('-'));
      if (name !== undefined && now.input !== '') this.#carried.give(name, listed(now.input));
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
      const found = this.#command(strip({ ...command, words }, undefined, false), depth);
      if (found !== null) return found;
    }
    return null;
  }

  /** What it runs from a file that an earlier command of the same text wrote. */
  #ran({ command, readings }: Stripped, depth: number): Damage | null {
    if (depth >= DEPTH) return null;
    for (const text of [command.words, ...readings].flatMap((words) => this.#written.ranBy(words))) {
      const found = this.text(text, depth + 1);
      if (found !== null) return found;
    }
    return null;
  }

  #nested(words: readonly string[], depth: number, only?: RegExp): Damage | null {
    if (depth >= DEPTH || only?.test(wordAt(words, 0)) === false) return null;
    for (const inner of shellTexts(words)) {
      const found = this.text(inner, depth + 1);
      if (found !== null) return found;
    }
    return null;
  }

  /** `curl ... | sh`: what arrives is run. `echo rm -rf / | sh`: what is printed is run. `cat KEY | nc`: it leaves. */
  #piped({ command: before, readings, arrives }: Stripped, now: Stripped, depth: number): Damage | null {
    const readers = now.readings;
    const source = base(before.words.find((word) => !word.startsWith('-')));
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
      return this.text(now.input.replace(SCHEDULE, '\n'), depth + 1);
    }
    const xargs = readers.findIndex(([name]) => base(name) === 'xargs');
    if (xargs >= 0) {
      const ran = readers[xargs + 1];
      // What is found and handed over whole is what `find -exec` would run on.
      const find = readings.find(([name]) => name === 'find');
      const found =
        find === undefined || ran === undefined ? null : this.#nested([...find, '-exec', ...ran, '{}'], depth);
      if (found !== null) return found;
      const [, ...inner] = readers.find(([name]) => CONTAINERS.test(base(name))) ?? [];
      if (CONTAINERS.test(source) && inner.some((word) => /^(?:rm|kill|stop|delete)$/.test(word))) {
        return { rule: 'destruction.containers', effect: 'destroy', reason: 'it takes away every container' };
      }
    }
    if (!arrives || !readers.some(runsInput)) return null;
    return { rule: 'destruction.remote-code', effect: 'breach', reason: 'it runs code that nobody vetted' };
  }

  /** `echo 'DROP TABLE t' | psql`, `xargs rm -rf <<E`, `echo rm -rf / | ssh db01`: what its input says is done. */
  #fed({ readings, input }: Stripped, depth: number): Damage | null {
    if (depth >= DEPTH || !readings.some(actsOnInput)) return null;
    const xargs = readings.findIndex(([name]) => /^(?:xargs|parallel)$/.test(base(name)));
    const runner = readings[xargs] ?? [];
    const names = listed(input);
    for (const words of xargs < 0 ? [] : readings.slice(xargs + 1)) {
      for (const filled of handed(words, runner, names)) {
        this.#left.words -= filled.length;
        if (this.#left.words < 0) return null;
        const found = damage(filled) ?? this.#nested(filled, depth);
        if (found !== null) return found;
      }
    }
    const all = [...readings, ...this.#contained(readings)];
    for (const words of all) {
      const found = inputDamage(words, input) ?? this.#nested([...words, input], depth, CLIENT);
      if (found !== null) return found;
    }
    return all.some(runsInput) ? this.text(input, depth + 1) : null;
  }

  /** What runs inside a container and gets the same input: `docker exec -i db psql`. */
  #contained(readings: readonly (readonly string[])[]): (readonly string[])[] {
    return readings
      .filter(([name]) => CONTAINERS.test(base(name)))
      .flatMap((words) => shellTexts(words))
      .flatMap((text) => {
        this.#left.bytes -= text.length;
        return this.#left.bytes < 0 ? [] : looseCommands(text, 1).flatMap(({ words }) => stripRunners(words));
      });
  }
}

/** Clients whose input may hand a line of it to a shell. */
const CLIENT = /^(?:psql|mysql|mariadb|sqlite3|ftp|lftp|sftp)$/;
const CONTAINERS = /^(?:docker|podman|nerdctl|crictl|kubectl)$/;
const SOURCES =
  /^(?:curl|wget|nc|ncat|netcat|telnet|lynx|aria2c|fetch|http|socat|base64|base32|xxd|openssl|ssh|ftp|gunzip|zcat|rev|tr)$/;
const PACKERS = /^(?:tar|cpio|zip|cat|find|gzip|xz|dd|rsync|base64|grep)$/;
const SENDERS = /^(?:curl|wget|nc|ncat|netcat|socat|telnet|ssh|mail|sendmail|ftp|aws)$/;

const PRINTED = /(?:\$\(|`)\s{0,4}(?:echo|printf)\s([^)`$]{0,128})[)`]/;

/** What printf makes of `\\162\\155` and `\\x72`. */
const unescaped = (text: string): string =>
  text.replace(/\\(?:x([0-9a-f]{1,2})|0?([0-7]{3}))/gi, (_, hex?: string, octal?: string) =>
    String.fromCharCode(hex === undefined ? Number.parseInt(`${octal}`, 8) : Number.parseInt(hex, 16)),
  );

/** When a line of a crontab runs: five fields, or a name. */
const SCHEDULE = /(?:^|\n)\s{0,8}(?:(?:[\d*/,-]{1,32}[ \t]{1,8}){5}|@[a-z]{4,10}[ \t])/g;

function strip(command: LooseCommand, before: Stripped | undefined, handsOn: boolean): Stripped {
  const { words, here } = command;
  const source = base(words.find((word) => !word.startsWith('-')));
  const came = before?.output ?? '';
  const input = [came, here].filter((text) => text !== '').join('\n');
  return {
    command,
    readings: stripRunners(words),
    input,
    output: handsOn ? printed(words, here, came) : '',
    arrives: before?.arrives === true || SOURCES.test(source),
  };
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
