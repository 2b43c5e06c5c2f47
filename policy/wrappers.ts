import { CHARSETS } from './charsets.ts';
import { LIMITS } from './limits.ts';
import { bareName, RESERVED } from './names.ts';
import { wordAt } from './word-at.ts';

/** How a command that runs another one is read through to it. */
interface Wrapper {
  /** Flags without a value. */
  readonly flags: ReadonlySet<string>;
  /** Flags with a value, attached or next. */
  readonly values: ReadonlyMap<string, RegExp>;
  /** Operands before the inner command. */
  readonly operands: number;
}

const NUMBER = /^-?\d{1,3}$/;

const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map([
  [
    'sudo',
    {
      flags: new Set(['-n', '--non-interactive']),
      values: new Map([
        ['-u', CHARSETS.user],
        ['--user', CHARSETS.user],
      ]),
      operands: 0,
    },
  ],
  ['env', { flags: new Set<string>(), values: new Map(), operands: 0 }],
  [
    'nice',
    {
      flags: new Set<string>(),
      values: new Map([
        ['-n', /^\d{1,2}$/],
        ['--adjustment', /^\d{1,2}$/],
      ]),
      operands: 0,
    },
  ],
  [
    'ionice',
    {
      flags: new Set(['-t']),
      values: new Map([
        ['-c', /^[23]$/],
        ['-n', NUMBER],
      ]),
      operands: 0,
    },
  ],
  [
    'timeout',
    {
      flags: new Set(['--preserve-status', '--foreground', '-v']),
      values: new Map([
        ['-s', CHARSETS.signal],
        ['--signal', CHARSETS.signal],
        ['-k', /^\d{1,6}[smh]?$/],
        ['--kill-after', /^\d{1,6}[smh]?$/],
      ]),
      operands: 1,
    },
  ],
  ['nohup', { flags: new Set<string>(), values: new Map(), operands: 0 }],
]);

/** Programs that carry another one inside them, named by their first word: `k3s kubectl get pods`. */
const CARRIERS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['k3s', new Set(['kubectl', 'crictl', 'ctr'])],
  ['k0s', new Set(['kubectl', 'ctr'])],
  ['microk8s', new Set(['kubectl', 'helm', 'ctr'])],
]);

/** The innermost command of a wrapped one, or why it could not be reached. */
export type Unwrapped =
  | { readonly name: string; readonly at: number; readonly account: string }
  | { readonly unreadable: string; readonly at: number };

/**
 * Reads through sudo, env, nice, ionice, timeout, nohup and `k3s kubectl` to what really runs; `at` is the index of its name, and
 * `account` who it runs as where that is not root or the agent's own, else empty. `sudo -l` and `ionice -p` run nothing: they are the command.
 */
export function unwrap(argv: readonly string[]): Unwrapped {
  let at = 0;
  let account = '';
  for (let depth = 0; depth <= LIMITS.wrappers; depth++) {
    const name = bareName(wordAt(argv, at));
    if (name === null || RESERVED.has(name)) return { unreadable: 'a command is named by its bare name', at };
    if (CARRIERS.get(name)?.has(wordAt(argv, at + 1))) {
      at++;
      continue;
    }
    const wrapper = WRAPPERS.get(name);
    if (wrapper === undefined || asks(name, argv, at + 1)) return { name, at, account };
    const inner = innerIndex(wrapper, argv, at + 1);
    if (typeof inner !== 'number') return inner;
    if (name === 'sudo') account = accountOf(argv.slice(at + 1, inner)) || account;
    at = inner;
  }
  return { unreadable: 'wrapped too often', at };
}

/** The flags with which a wrapper runs nothing and only tells: its rules then say which of these are known. */
const ASKING: ReadonlyMap<string, RegExp> = new Map([
  ['sudo', /^(?:-n?l|-ln|--list)$/],
  ['ionice', /^(?:-p|--pid)$/],
]);

function asks(name: string, argv: readonly string[], from: number): boolean {
  const asking = ASKING.get(name);
  if (asking === undefined) return false;
  const end = argv.findIndex((word, i) => i >= from && !word.startsWith('-'));
  return argv.slice(from, end < 0 ? argv.length : end).some((word) => asking.test(word));
}

/** The account that flags of sudo name, where it is another than root. */
function accountOf(flags: readonly string[]): string {
  const named = flags.flatMap((flag, i) => {
    if (flag === '-u' || flag === '--user') return [wordAt(flags, i + 1)];
    return /^(?:-u|--user=)./.test(flag) ? [flag.replace(/^(?:-u|--user=)/, '')] : [];
  });
  return named.find((account) => account !== 'root') ?? '';
}

function innerIndex(
  wrapper: Wrapper,
  argv: readonly string[],
  from: number,
): number | { unreadable: string; at: number } {
  let at = from;
  for (; at < argv.length; at++) {
    const word = wordAt(argv, at);
    if (word === '--') {
      at++;
      break;
    }
    if (!word.startsWith('-')) break;
    if (wrapper.flags.has(word)) continue;
    const exact = wrapper.values.get(word);
    if (exact !== undefined) {
      if (!exact.test(wordAt(argv, ++at))) return { unreadable: 'a wrapper flag with a value that is not known', at };
      continue;
    }
    const parts = word.startsWith('--') ? word.split('=', 2) : [word.slice(0, 2), word.slice(2)];
    if (!wrapper.values.get(wordAt(parts, 0))?.test(wordAt(parts, 1)))
      return { unreadable: 'a wrapper flag that is not known', at };
  }
  if (wrapper.operands === 1 && !/^\d{1,6}(?:\.\d{1,3})?[smh]?$/.test(wordAt(argv, at))) {
    return { unreadable: 'a duration is missing', at: Math.min(at, argv.length - 1) };
  }
  at += wrapper.operands;
  if (at >= argv.length) return { unreadable: 'there is no command inside', at: argv.length - 1 };
  return at;
}
