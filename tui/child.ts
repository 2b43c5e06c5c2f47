import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const FRONT_DOOR = fileURLToPath(new URL('../sentinel.js', import.meta.url));

/** A child that ends by itself is started again after this; at once would make a broken one burn the host. */
const RESTART_MS = 1_000;
/** After SIGTERM a child has so long to close its store before SIGKILL. */
const STOP_MS = 8_000;

/** What a started child says over its IPC channel when it serves. */
export interface Ready {
  readonly ready: true;
  readonly host?: string;
  readonly port?: number;
  /** The port that was asked for; another than `port` when it was occupied. */
  readonly wanted?: number;
}

export class ChildError extends Error {
  readonly code = 'E_CHILD_START';
  readonly exit: number;
  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}

/**
 * One `sentinel` command as a process of its own that is kept running: the hub and the agent of `sentinel up`. The IPC
 * channel tells when it is ready, and its loss tells the child that we are gone.
 */
export class Child {
  private readonly command: string;
  private readonly argv: (restart: boolean) => readonly string[];
  private readonly line: (line: string) => void;
  private readonly nodeFlags: readonly string[];
  private process: ChildProcess | null = null;
  private stopping = false;

  /** `nodeFlags` are Node's own, in front of the command. */
  constructor(
    command: string,
    argv: (restart: boolean) => readonly string[],
    line: (line: string) => void,
    nodeFlags: readonly string[] = ['--enable-source-maps'],
  ) {
    this.nodeFlags = nodeFlags;
    this.command = command;
    this.argv = argv;
    this.line = line;
  }

  /** Resolves when the child serves; rejects with what it said when it ends before. From then on it is kept running. */
  start(restart = false): Promise<Ready> {
    return new Promise((resolve, reject) => {
      const said: string[] = [];
      let ready = false;
      const child = fork(FRONT_DOOR, [this.command, ...this.argv(restart)], {
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        execArgv: [...this.nodeFlags],
        // Its own group: Ctrl-C in the terminal is for us, and we end it in order.
        detached: true,
      });
      this.process = child;
      for (const stream of [child.stdout, child.stderr]) {
        if (stream === null) continue;
        createInterface({ input: stream }).on('line', (line) => {
          if (!ready) said.push(line);
          this.line(line);
        });
      }
      child.on('message', (message) => {
        if (!isReady(message)) return;
        ready = true;
        resolve(message);
      });
      child.on('error', reject);
      child.on('close', (code) => {
        this.process = null;
        if (!ready) reject(new ChildError(code ?? 1, said.join('\n')));
        else if (!this.stopping) this.restart(code);
      });
    });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const child = this.process;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(late);
  }

  private restart(code: number | null): void {
    this.line(`up    ${this.command} ended (${code ?? 'killed'}): starting it again`);
    setTimeout(() => {
      if (!this.stopping) this.start(true).catch(() => !this.stopping && this.restart(null));
    }, RESTART_MS);
  }
}

const isReady = (message: unknown): message is Ready =>
  typeof message === 'object' && message !== null && 'ready' in message && message.ready === true;
