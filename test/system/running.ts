import type { BootedSystem } from './systemd-root.ts';

/** A busy machine takes its time; a good run needs a tenth of it. */
export const PATIENCE_MS = 120_000;

/** One command inside a booted system, with what it says. */
export class Running {
  said = '';
  private readonly system: BootedSystem;
  private readonly child;
  private readonly ended;

  constructor(system: BootedSystem, argv: readonly string[]) {
    this.system = system;
    // The number inside, by which it is ended there: what enters the namespaces is another process.
    this.child = system.spawn(['sh', '-c', 'cd /; echo inside=$$; exec "$@"', 'sh', ...argv]);
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk) => {
        this.said += chunk;
        this.child.emit('said');
      });
    this.ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
  }

  /** Resolves with the first match behind `from`; rejects when the command ends without it. */
  says(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => done(new Error(`waited in vain for ${pattern}: ${this.said.slice(from)}`)),
        PATIENCE_MS,
      );
      const look = () => {
        const match = pattern.exec(this.said.slice(from));
        if (match !== null) done(match);
      };
      const gone = () => done(new Error(`ended without ${pattern}: ${this.said}`));
      const done = (result: RegExpExecArray | Error) => {
        clearTimeout(late);
        this.child.off('said', look);
        this.child.off('exit', gone);
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      this.child.on('said', look);
      this.child.on('exit', gone);
      look();
    });
  }

  /** Ends it, and resolves when it has ended. */
  async stop(signal: 'TERM' | 'KILL' = 'TERM'): Promise<void> {
    this.system.run(['sh', '-c', `kill -${signal} ${this.pid}`]);
    await this.ended;
  }

  private get pid(): string {
    return /inside=(\d+)/.exec(this.said)?.[1] ?? '';
  }
}
