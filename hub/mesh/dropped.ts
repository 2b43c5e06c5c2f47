import type { Inbound } from '../../broker/mesh.ts';
import type { AgentChannel } from '../../broker/topics.ts';
import { type Failure, failureOf } from './protocol.ts';

/** What was dropped is told together, at most so often: a flood of it must not become a flood of telling. */
const TELL_EVERY_MS = 100;

/** Messages of one agent that were dropped for one reason. */
export interface Dropped {
  readonly agent: string;
  readonly channel: AgentChannel;
  readonly count: number;
  /** Why the first of them was. */
  readonly failure: Failure;
}

/** Counts what was dropped by agent, channel and code, and tells each once in a while. */
export class DroppedCount {
  private readonly tell: (dropped: Dropped) => void;
  private readonly counted = new Map<string, Dropped>();
  private timer: NodeJS.Timeout | undefined;

  constructor(tell: (dropped: Dropped) => void) {
    this.tell = tell;
  }

  add({ agent, channel }: Pick<Inbound, 'agent' | 'channel'>, error: unknown): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const key = `${agent} ${channel} ${code}`;
    const before = this.counted.get(key);
    const dropped = before ?? { agent, channel, count: 0, failure: failureOf(error) };
    this.counted.set(key, { ...dropped, count: dropped.count + 1 });
    this.timer ??= setTimeout(() => this.flush(), TELL_EVERY_MS);
  }

  /** Tells what has not been told. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const dropped of this.counted.values()) this.tell(dropped);
    this.counted.clear();
  }
}
