import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command, Program } from '../../policy/program.ts';

/**
 * What each name on the PATH is: it notes its case, name and arguments, says so on both outputs, and fails or not by
 * the length of its arguments, so that both sides of `&&` and `||` are seen. `stub.c` does the same in less time.
 */
const SCRIPT = `#!/bin/sh
printf '%s\\0' "$CASE" "$#" "\${0##*/}" "$@" >&8
all="$*"
printf 'e%s\\n' "$CASE" >&2
printf 'o%s\\n' "$CASE"
exit $(( \${#all} % 2 ))
`;

/** Every command is evaluated by itself: one that bash cannot read spoils no other. */
const LOOP = `
exec < /dev/null
while IFS= builtin read -r -d '' -u 9 text; do
  builtin export CASE="$text"
  IFS= builtin read -r -d '' -u 9 text
  builtin eval "$text"
done
`;

/** Built-ins must not answer for the stubs: `echo` is a program to an agent. */
const DISABLE = `
builtins=$(enable -a | while read -r _ name; do case $name in
  read|eval|export|:|.|exec|set|unset|builtin|shift|return|exit|break|continue|source|trap|times|declare|local) ;;
  *) echo "$name" ;; esac; done)
enable -n $builtins
`;

/** The same stub as a function: no process is started but for pipes, so that a million commands take minutes. */
const FUNCTION = `
stub() {
  builtin printf '%s\\0' "$CASE" "$(($# - 1))" "$@" >&8
  shift
  builtin local all="$*"
  builtin printf 'e%s\\n' "$CASE" >&2
  builtin printf 'o%s\\n' "$CASE"
  return $(( \${#all} % 2 ))
}
`;

/** One process as it was really started. */
type Run = readonly string[];

/** What a case did. */
interface Seen {
  readonly runs: Run[];
  stdout: number;
  stderr: number;
}

/** Real bash with stubs for every program: says what a text runs, in which order, and where its output goes. */
export class BashOracle {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sentinel-fuzz-'));
  readonly #bin = join(this.#folder, 'bin');
  readonly #driver: string;
  readonly #shell: string;
  /** Programs that were started and found to be as they should. */
  started = 0;

  /**
   * `programs`: stubs on the PATH, as an agent would start them; `functions`: the same stubs without a process each.
   * `shell`: which bash; one that is linked statically forks in less time.
   */
  constructor(names: readonly string[], stubs: 'programs' | 'functions', shell = '/bin/bash') {
    this.#shell = shell;
    const functions = () => names.map((name) => `function ${name} { stub ${name} "$@"; }`).join('\n');
    this.#driver = stubs === 'programs' ? DISABLE + LOOP : `${FUNCTION}${functions()}${LOOP}`;
    mkdirSync(this.#bin);
    const stub = makeStub(this.#folder);
    for (const name of new Set(names)) linkSync(stub, join(this.#bin, name));
  }

  /** Runs every text and compares; answers a sentence for each that did not do what its Program says. */
  async compare(cases: readonly { readonly text: string; readonly program: Program }[], worker = 0): Promise<string[]> {
    const seen = await this.#run(
      cases.map(({ text }) => text),
      worker,
    );
    return cases.flatMap(({ text, program }, i) => {
      const one = seen.get(i) ?? { runs: [], stdout: 0, stderr: 0 };
      const problem = difference(program, one);
      if (problem !== null) return [`${JSON.stringify(text)}: ${problem}`];
      this.started += one.runs.length;
      return [];
    });
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  async #run(texts: readonly string[], worker: number): Promise<Map<number, Seen>> {
    const path = (name: string) => join(this.#folder, `${name}-${worker}`);
    writeFileSync(path('cases'), texts.map((text, i) => `${i}\0${text}\0`).join(''));
    for (const name of ['log', 'out', 'err']) writeFileSync(path(name), '');
    const outputs = ['out', 'err', 'log'].map((name) => openSync(path(name), 'a'));
    const files = [...outputs, openSync(path('cases'), 'r')];
    const [out, err, log, input] = files;
    const child = spawn(this.#shell, ['--noprofile', '--norc', '-c', this.#driver], {
      stdio: ['ignore', out, err, 'ignore', 'ignore', 'ignore', 'ignore', 'ignore', log, input],
      env: { PATH: this.#bin, LC_ALL: 'C' },
      cwd: this.#folder,
    });
    await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    for (const file of files) closeSync(file);
    return readSeen(
      readFileSync(path('log'), 'latin1'),
      readFileSync(path('out'), 'latin1'),
      readFileSync(path('err'), 'latin1'),
    );
  }
}

/** The compiled stub, or the script where there is no compiler for it. */
function makeStub(folder: string): string {
  const stub = join(folder, 'stub');
  const source = fileURLToPath(new URL('../../../test/fuzz/stub.c', import.meta.url));
  const flags = ['-O2', '-static', '-nostdlib', '-fno-builtin', '-fno-stack-protector'];
  const { status } = spawnSync('cc', [...flags, '-o', stub, source], { stdio: 'ignore' });
  if (status !== 0) {
    writeFileSync(stub, SCRIPT);
    chmodSync(stub, 0o755);
  }
  return stub;
}

function readSeen(log: string, out: string, err: string): Map<number, Seen> {
  const seen = new Map<number, Seen>();
  const of = (id: string | undefined): Seen => {
    const found = seen.get(Number(id)) ?? { runs: [], stdout: 0, stderr: 0 };
    seen.set(Number(id), found);
    return found;
  };
  const parts = log.split('\0');
  for (let at = 0; at + 2 < parts.length; ) {
    const count = Number(parts[at + 1]);
    of(parts[at]).runs.push(parts.slice(at + 2, at + 3 + count));
    at += 3 + count;
  }
  for (const [, id] of out.matchAll(/^[oe](\d+)$/gm)) of(id).stdout++;
  for (const [, id] of err.matchAll(/^[oe](\d+)$/gm)) of(id).stderr++;
  return seen;
}

/** How the stubs end: the rule of `STUB`, said again. */
const fails = ({ argv }: Command): boolean => argv.slice(1).join(' ').length % 2 === 1;

/** What is different between a Program and what bash did; null when nothing is. Within one pipe any order is right. */
function difference(program: Program, seen: Seen): string | null {
  let at = 0;
  let failed = false;
  let stdout = 0;
  let stderr = 0;
  for (const { when, pipe } of program.jobs) {
    if ((when === 'and' && failed) || (when === 'or' && !failed)) continue;
    const expected = pipe.map(({ argv }) => JSON.stringify(argv)).sort();
    const found = seen.runs
      .slice(at, at + pipe.length)
      .map((run) => JSON.stringify(run))
      .sort();
    if (expected.join() !== found.join()) return `expected ${expected.join(' ')}, bash ran ${found.join(' ')}`;
    at += pipe.length;
    const last = pipe.at(-1);
    failed = last !== undefined && fails(last);
    for (const command of pipe) {
      if (command === last && command.stdout === 'keep') stdout += command.stderr === 'stdout' ? 2 : 1;
      if (command.stderr === 'keep') stderr++;
    }
  }
  if (at !== seen.runs.length) return `bash ran ${seen.runs.length - at} more: ${JSON.stringify(seen.runs[at])}`;
  return stdout === seen.stdout && stderr === seen.stderr
    ? null
    : `expected ${stdout} and ${stderr} outputs, bash gave ${seen.stdout} and ${seen.stderr}`;
}
