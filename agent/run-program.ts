import { type ChildProcess, spawn } from 'node:child_process';
import { constants as os } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { LIMITS } from '../broker/messages.ts';
import type { Command, Job, Program } from '../policy/program.ts';
import { findBinary, RunError } from './binaries.ts';
import type { Ending } from './journal.ts';

/** After SIGTERM a process has so long before SIGKILL. */
const GRACE_MS = 2_000;

/** The whole environment (invariant 3): nothing of the agent's own, and no pager or editor to be started. */
const ENVIRONMENT = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
  HOME: '/nonexistent',
  PAGER: '',
  SYSTEMD_PAGER: '',
  GIT_PAGER: '',
  EDITOR: '',
  VISUAL: '',
  // Node hands this one of its own on unless it is named here; without a value it is left out.
  NODE_V8_COVERAGE: undefined,
} as const;

/** What a command makes is its owner's alone (invariant 3). */
const UMASK = 0o077;

/**
 * Runs exactly a Program's argv lists: no shell, fixed binaries, fixed environment, cwd `/`, stdin /dev/null, its own
 * process groups, output capped, killed at the timeout. Conditions are as bash has them: the last command of a pipe
 * decides. Throws RunError before anything is spawned when a binary is missing or unsafe.
 */
export async function runProgram(program: Program, timeoutMs: number, now: () => number): Promise<Ending> {
  const paths = new Map<string, string>();
  for (const { pipe } of program.jobs) for (const { argv } of pipe) paths.set(argv[0] ?? '', findBinary(argv[0] ?? ''));
  const output = new Output();
  const started = now();
  const deadline = AbortSignal.timeout(timeoutMs);
  let exit: { code: number; signal: string | null } = { code: 0, signal: null };
  for (const job of program.jobs) {
    if (job.when === 'and' && exit.code !== 0) continue;
    if (job.when === 'or' && exit.code === 0) continue;
    exit = await runPipe(job, paths, output, deadline);
    if (deadline.aborted) break;
  }
  const state = deadline.aborted ? 'timeout' : exit.code === 0 ? 'done' : 'failed';
  return {
    state,
    exit: exit.code,
    ...(exit.signal === null ? {} : { signal: exit.signal }),
    started,
    ended: now(),
    stdout: output.stdout.text(),
    stderr: output.stderr.text(),
    truncated: output.stdout.truncated || output.stderr.truncated,
  };
}

async function runPipe(
  { pipe }: Job,
  paths: ReadonlyMap<string, string>,
  output: Output,
  deadline: AbortSignal,
): Promise<{ code: number; signal: string | null }> {
  const children: ChildProcess[] = [];
  // From the last to the first: each takes the next one's input as its output, so no byte passes through the agent.
  let next: ChildProcess | null = null;
  for (const command of pipe.toReversed()) {
    try {
      const child = start(command, paths, next?.stdin ?? null, children.length + 1 < pipe.length);
      if (next?.stdin) next.stdin.destroy();
      collect(command, child, next === null, output);
      children.unshift(child);
      next = child;
    } catch (error) {
      // The rest of the pipe runs already, and waits for what will never be said.
      killAll(children);
      await Promise.all(children.map(ended));
      const why = error instanceof Error ? error.message : String(error);
      throw new RunError('E_SPAWN', `${command.argv[0]} could not be started: ${why}`);
    }
  }
  const kill = () => killAll(children);
  if (deadline.aborted) kill();
  deadline.addEventListener('abort', kill, { once: true });
  const ends = await Promise.all(children.map(ended));
  deadline.removeEventListener('abort', kill);
  return ends.at(-1) ?? { code: 0, signal: null };
}

function start(
  command: Command,
  paths: ReadonlyMap<string, string>,
  into: Writable | null,
  hasInput: boolean,
): ChildProcess {
  const [name = '', ...rest] = command.argv;
  const out = into ?? 'pipe';
  // spawn has no option for it; it forks before it returns, so the agent's own files keep their modes.
  const own = process.umask(UMASK);
  try {
    return spawn(paths.get(name) ?? name, rest, {
      argv0: name,
      cwd: '/',
      env: ENVIRONMENT,
      shell: false,
      detached: true,
      stdio: [
        hasInput ? 'pipe' : 'ignore',
        into === null && command.stdout === 'discard' ? 'ignore' : out,
        command.stderr === 'discard' ? 'ignore' : command.stderr === 'stdout' ? out : 'pipe',
      ],
    });
  } finally {
    process.umask(own);
  }
}

function collect(command: Command, child: ChildProcess, isLast: boolean, output: Output): void {
  if (isLast && child.stdout !== null) output.stdout.take(child.stdout);
  if (child.stderr !== null) (command.stderr === 'stdout' ? output.stdout : output.stderr).take(child.stderr);
}

/** As bash counts it: the exit code, 128 + n for signal n, 127 when it could not be started. */
function ended(child: ChildProcess): Promise<{ code: number; signal: string | null }> {
  return new Promise((resolve) => {
    child.on('error', () => resolve({ code: 127, signal: null }));
    child.on('close', (code, signal) => {
      const number = signal === null ? 0 : os.signals[signal];
      resolve({ code: code ?? 128 + number, signal });
    });
  });
}

function killAll(children: readonly ChildProcess[]): void {
  const send = (signal: NodeJS.Signals) => {
    for (const { pid } of children) {
      if (pid === undefined) continue;
      try {
        process.kill(-pid, signal);
      } catch {
        // The group is gone already.
      }
    }
  };
  send('SIGTERM');
  setTimeout(() => {
    send('SIGKILL');
    // A grandchild that left its group may hold the pipes open: what it says no longer counts.
    for (const child of children) for (const stream of [child.stdout, child.stderr]) stream?.destroy();
  }, GRACE_MS);
}

/** What a program says, up to a bound; the rest is read and forgotten, so that nothing blocks on a full pipe. */
class Output {
  readonly stdout = new Capped();
  readonly stderr = new Capped();
}

class Capped {
  truncated = false;
  private readonly chunks: Buffer[] = [];
  private length = 0;

  take(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => {
      const room = LIMITS.output - this.length;
      if (chunk.length > room) this.truncated = true;
      if (room <= 0) return;
      this.chunks.push(chunk.subarray(0, room));
      this.length += Math.min(chunk.length, room);
    });
  }

  /** Bytes that are not UTF-8, a character cut in two among them, become replacement characters. */
  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}
