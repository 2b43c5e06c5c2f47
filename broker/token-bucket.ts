/** Credit that grows with time up to a ceiling. It is taken one by one, or spent and then waited for. */
export class TokenBucket {
  private credit: number;
  private readonly perMs: number;
  private readonly most: number;
  private seen: number;

  /** `now` is milliseconds of any clock; while one goes back, nothing grows. */
  constructor(perSecond: number, most: number, now: number) {
    this.perMs = perSecond / 1_000;
    this.most = most;
    this.credit = most;
    this.seen = now;
  }

  /** Takes one; what is not there can't be taken. */
  take(now: number): boolean {
    this.grow(now);
    if (this.credit < 1) return false;
    this.credit--;
    return true;
  }

  /** Takes so much of it, more than there is if need be: what is overdrawn has to be waited for. */
  spend(amount: number): void {
    this.credit -= amount;
  }

  /** Milliseconds until there is credit; 0 when there is. */
  wait(now: number): number {
    this.grow(now);
    return this.credit > 0 ? 0 : Math.ceil(-this.credit / this.perMs) + 1;
  }

  private grow(now: number): void {
    this.credit = Math.min(this.most, this.credit + Math.max(0, now - this.seen) * this.perMs);
    this.seen = now;
  }
}
