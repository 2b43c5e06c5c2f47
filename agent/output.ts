import type { Readable } from 'node:stream';
import { LIMITS } from '../broker/messages.ts';
import { redactOutput } from '../broker/redact.ts';
import { BOUNDS } from './bound/bounds.ts';

/** What a program says, up to a bound; the rest is read and forgotten, so that nothing blocks on a full pipe. */
export class Output {
  readonly stdout = new Capped(() => this.heard());
  readonly stderr = new Capped(() => this.heard());
  /** Monotonic milliseconds at which something was said last. */
  last = performance.now();

  /** More was said than any command has to say: reading on would only cost the host. */
  get flooded(): boolean {
    return this.stdout.read + this.stderr.read > BOUNDS.output;
  }

  get truncated(): boolean {
    return this.stdout.truncated || this.stderr.truncated;
  }

  private heard(): void {
    this.last = performance.now();
  }
}

class Capped {
  truncated = false;
  /** Bytes that were said, kept or not. */
  read = 0;
  private readonly chunks: Buffer[] = [];
  private length = 0;
  private readonly heard: () => void;

  constructor(heard: () => void) {
    this.heard = heard;
  }

  take(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => {
      this.heard();
      this.read += chunk.length;
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

/** What a command wrote, without secrets: it is kept on the host, reported, shown, and read by a model (invariant 12). */
export const withoutSecrets = <T extends { readonly stdout: string; readonly stderr: string }>(said: T): T => ({
  ...said,
  stdout: redactOutput(said.stdout, LIMITS.output),
  stderr: redactOutput(said.stderr, LIMITS.output),
});
