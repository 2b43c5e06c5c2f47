import { BROKER } from './broker-limits.ts';

/**
 * Counts the turns of the event loop, and hands out places in them: who has not yet said who it is waits for one, so
 * that thousands who knock at once take their time from each other and not from those who are let in.
 */
export class LoopTurns {
  private turn = 0;
  private timer: NodeJS.Immediate | undefined;
  private readonly waiting: (() => boolean)[] = [];

  /** The number of this turn. */
  get now(): number {
    this.timer ??= setImmediate(() => this.pass());
    return this.turn;
  }

  /** Calls `go` when its place has come; what it answers says whether it took the place. */
  queue(go: () => boolean): void {
    this.waiting.push(go);
    this.timer ??= setImmediate(() => this.pass());
  }

  /** Nobody gets a place any more. */
  stop(): void {
    clearImmediate(this.timer);
    this.waiting.length = 0;
  }

  private pass(): void {
    this.timer = undefined;
    this.turn++;
    for (let taken = 0; taken < BROKER.strangersPerTurn && this.waiting.length > 0; ) {
      if (this.waiting.shift()?.() === true) taken++;
    }
    if (this.waiting.length > 0) this.timer ??= setImmediate(() => this.pass());
  }
}
