/** Credit that grows with time up to a ceiling; what is not there can't be taken. */
export class TokenBucket {
  private credit: number;
  private readonly perMs: number;
  private readonly most: number;
  private seen: number;

  /** `now` is milliseconds of any clock that does not go back. */
  constructor(perSecond: number, most: number, now: number) {
    this.perMs = perSecond / 1_000;
    this.most = most;
    this.credit = most;
    this.seen = now;
  }

  take(now: number): boolean {
    this.credit = Math.min(this.most, this.credit + (now - this.seen) * this.perMs);
    this.seen = now;
    if (this.credit < 1) return false;
    this.credit--;
    return true;
  }
}
