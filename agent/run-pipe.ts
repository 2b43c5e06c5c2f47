import { type ChildProcess, spawn } from 'node:child_process';
import { constants as os } from 'node:os';
import type { Writable } from 'node:stream';
import type { Command, Job } from '../policy/program.ts';
import { findBinary, RunError } from './binaries.ts';
import type { Cage } from './bound/cage.ts';
import type { Output } from './output.ts';

/** What a command makes is its owner's alone (invariant 3). */
const UMASK = 0o077;
/** A process that was left behind may hold the output open: it is listened to until it is silent for so long. */
const SILENCE_MS = 1_000;

/** How one command or pipe ended: the exit code as a shell counts it, and the signal that ended it. */
export interface Exit {
  readonly code: number;
  readonly signal: string | null;
}

/** What the commands of one program share. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cage: Cage;
  readonly output: Output;
  /** A command's words as they are started: as they are, or behind what makes it root. */
  readonly words: (argv: readonly string[]) => readonly string[];
}

/** The processes of one pipe. */
export class Pipe {
  readonly children: ChildProcess[] = [];
  private readonly around: Surroundings;

  constructor(around: Surroundings) {
    this.around = around;
  }

  /** Starts every command. Throws RunError when one can't be started; those that run already are in `children`. */
  start({ pipe }: Job): void {
    const { cage, output } = this.around;
    // From the last to the first: each takes the next one's input as its output, so no byte passes through the agent.
    let next: ChildProcess | null = null;
    for (const command of pipe.toReversed()) {
      const isLast = next === null;
      const child = this.spawn(command, next?.stdin ?? null, this.children.length + 1 < pipe.length);
      if (next?.stdin) next.stdin.destroy();
      if (isLast && child.stdout !== null) output.stdout.take(child.stdout);
      if (child.stderr !== null) (command.stderr === 'stdout' ? output.stdout : output.stderr).take(child.stderr);
      if (child.pid !== undefined) cage.started(child.pid);
      this.children.unshift(child);
      next = child;
    }
  }

  /** Resolves when every command has ended and was listened to; the last one decides, as in a shell. */
  async ended(): Promise<Exit> {
    const closed = Promise.all(this.children.map((child) => once(child, 'close')));
    const ends = await Promise.all(this.children.map(exit));
    const { output } = this.around;
    const listening = setInterval(() => {
      if (performance.now() - output.last > SILENCE_MS) this.hangUp();
    }, SILENCE_MS / 4);
    output.last = performance.now();
    await closed;
    clearInterval(listening);
    return ends.at(-1) ?? { code: 0, signal: null };
  }

  /** Listens no longer: whoever still holds the output says what no longer counts. */
  hangUp(): void {
    for (const { stdout, stderr } of this.children) for (const stream of [stdout, stderr]) stream?.destroy();
  }

  private spawn({ argv, stdout, stderr }: Command, into: Writable | null, hasInput: boolean): ChildProcess {
    const { cage, env, words } = this.around;
    const [name = '', ...rest] = [...cage.prefix, ...words(argv)];
    const out = into ?? 'pipe';
    // Looked at again, right before it is started: what was safe when the program was vetted may not be now.
    const path = findBinary(name);
    // spawn has no option for it; it forks before it returns, so the agent's own files keep their modes.
    const own = process.umask(UMASK);
    try {
      const child = cage.start(() =>
        spawn(path, rest, {
          argv0: name,
          cwd: '/',
          env,
          shell: false,
          detached: true,
          stdio: [
            hasInput ? 'pipe' : 'ignore',
            into === null && stdout === 'discard' ? 'ignore' : out,
            stderr === 'discard' ? 'ignore' : stderr === 'stdout' ? out : 'pipe',
          ],
        }),
      );
      // Node tells of a missing process or descriptor by an event, later: here it must be known now.
      if (child.pid === undefined) throw startError(child);
      return child;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new RunError('E_SPAWN', `${argv[0]} could not be started: ${why}`);
    } finally {
      process.umask(own);
    }
  }
}

/** A child without a pid never was: what Node says of it later is not waited for. */
function startError(child: ChildProcess): Error {
  child.on('error', () => {});
  return new Error('no process or descriptor is left for it');
}

/** As bash counts it: the exit code, or 128 + n for signal n. */
function exit(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.on('exit', (code, signal) =>
      resolve({ code: code ?? 128 + (signal === null ? 0 : os.signals[signal]), signal }),
    );
  });
}

const once = (child: ChildProcess, event: 'close'): Promise<void> =>
  new Promise((resolve) => void child.once(event, () => resolve()));
