/** One thing at a time for each key, in the order in which they asked; different keys do not wait for each other. */
export class Turns {
  private readonly last = new Map<string, Promise<void>>();

  /** Runs `act` after all that was asked before for this key, whether that went well or not. */
  take<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = this.last.get(key) ?? Promise.resolve();
    const run = before.then(act);
    const settled = run.then(
      () => {},
      () => {},
    );
    this.last.set(key, settled);
    void settled.then(() => {
      if (this.last.get(key) === settled) this.last.delete(key);
    });
    return run;
  }

  /** Resolves when everything that was asked so far has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.last.values());
  }
}
