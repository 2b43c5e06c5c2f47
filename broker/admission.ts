import { BROKER } from './broker-limits.ts';

/** Counts the connections that have not yet said who they are: in all, and by the address that they come from. */
export class Admission {
  private readonly byAddress = new Map<string, number>();
  private pending = 0;

  /** A place for one more, or null when there are too many. The place is given back by calling it, once or more. */
  enter(address: string): (() => void) | null {
    const here = this.byAddress.get(address) ?? 0;
    if (this.pending >= BROKER.pending || here >= BROKER.pendingPerAddress) return null;
    this.pending++;
    this.byAddress.set(address, here + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.pending--;
      const left = (this.byAddress.get(address) ?? 1) - 1;
      if (left === 0) this.byAddress.delete(address);
      else this.byAddress.set(address, left);
    };
  }
}
