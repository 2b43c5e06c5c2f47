/** How patient a hub is with one host, in milliseconds; tests are less. */
export const UPGRADE_TIMES = {
  tick: 2_000,
  /** Nothing was heard for so long: the last word is said again. On a slow link four times what the last piece took. */
  again: 30_000,
  /** Nothing new came for so long while the pieces travel. */
  sending: 15 * 60_000,
  /** Beyond the host's own deadline, to hear how it ended: a return takes two starts of the agent. */
  ending: 5 * 60_000,
} as const;
export type UpgradeTimes = Readonly<Record<keyof typeof UPGRADE_TIMES, number>>;

/** Between two pieces, at the least and at the most: else as long as the last took, so that half of a thin link stays free. */
const PAUSE_MS = { least: 50, most: 60_000 } as const;

/** The way to one host, in memory alone. Times are monotonic: no clock that is set makes anybody late. */
export class Way {
  /** The first piece that is not there. */
  next = 0;
  private most = 0;
  private sent = 0;
  /** How long the last piece took, there and back. */
  private took = 0;
  private news = performance.now();
  private timer: NodeJS.Timeout | undefined;

  /** A word goes out. */
  said(): void {
    this.sent = performance.now();
  }

  /** Something new was heard, or nobody could be heard. */
  heard(): void {
    this.news = performance.now();
  }

  /** The last piece has arrived, and this one is wanted: `say` is called when the link had as long for itself. */
  wants(next: number, say: () => void): void {
    this.took = performance.now() - this.sent;
    // Who goes back to the first piece time and again gets nowhere, and is late in the end.
    if (next > this.most) this.heard();
    this.most = Math.max(this.most, next);
    this.next = next;
    this.forget();
    this.timer = setTimeout(say, Math.min(PAUSE_MS.most, Math.max(PAUSE_MS.least, this.took)));
  }

  /** Says nothing that was to be said. */
  forget(): void {
    clearTimeout(this.timer);
  }

  isLate(patience: number): boolean {
    return performance.now() - this.news > patience;
  }

  /** Whether what was said last is to be said again. */
  isDue({ again }: UpgradeTimes): boolean {
    return performance.now() - this.sent > Math.max(again, 4 * this.took);
  }
}
