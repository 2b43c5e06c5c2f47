import type { Gap } from '../broker/frame-chain.ts';
import type { Inbound } from '../broker/mesh.ts';
import type { Telemetry } from './telemetry.ts';

/** Agents whose samples were stored are named together, at most so often: they wake verifications, and no more. */
const TELL_EVERY_MS = 20;

/** All telemetry of this start of an agent up to this frame is on the disk, or known to be missing. */
export interface StoredThrough {
  readonly agent: string;
  readonly boot: string;
  readonly through: number;
}

/** Where ingest says what came of telemetry. */
export interface Heard {
  readonly sampled: (stored: readonly StoredThrough[]) => void;
  /** Frames that build on one which is not here: its agent has to send from there on again. */
  readonly broken: (stored: StoredThrough) => void;
  readonly gap: (agent: string, gap: Gap) => void;
  readonly dropped: (message: Inbound, error: unknown) => void;
}

/**
 * Parts what agents say: telemetry is stored here, beside the broker; all else goes to `handle`, in each agent's
 * order. A frame waits for the birth and the state that its agent sent before it, and for nothing else.
 */
export class Ingest {
  private readonly telemetry: Telemetry;
  private readonly handle: (message: Inbound) => Promise<void>;
  private readonly heard: Heard;
  /** Births and states that are being stored, by agent. */
  private readonly gates = new Map<string, Promise<void>>();
  private readonly sampled = new Map<string, StoredThrough>();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(telemetry: Telemetry, handle: (message: Inbound) => Promise<void>, heard: Heard) {
    this.telemetry = telemetry;
    this.handle = handle;
    this.heard = heard;
  }

  /** Resolves when the message is durable or dropped: only then may it be acknowledged. Rejects when it is neither. */
  receive(message: Inbound): Promise<void> {
    const { agent, channel } = message;
    const gate = this.gates.get(agent);
    if (channel === 'm') return gate === undefined ? this.store(message) : gate.then(() => this.store(message));
    if (channel !== 'b' && channel !== 'st') return this.handle(message);
    const handled = this.handle(message);
    const open = Promise.all([gate, handled.catch(() => {})]).then(() => this.telemetry.changed(agent));
    this.gates.set(agent, open);
    void open.then(() => {
      if (this.gates.get(agent) === open) this.gates.delete(agent);
    });
    return handled;
  }

  /** Tells nobody any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.isStopped = true;
  }

  private async store(message: Inbound): Promise<void> {
    const { agent, payload } = message;
    try {
      const { boot, through, gaps, dropped } = await this.telemetry.receive(agent, payload);
      this.tell({ agent, boot, through });
      for (const gap of gaps) this.heard.gap(agent, gap);
      if (dropped === null) return;
      const code = 'code' in dropped ? dropped.code : '';
      if (code === 'E_FRAME_GAP') this.heard.broken({ agent, boot, through });
      // An agent that was cut off begins a little before what it knows to be stored: that is no trouble.
      if (code !== 'E_FRAME_OLD') this.heard.dropped(message, dropped);
    } catch (error) {
      this.heard.dropped(message, error);
      // Not stored, so not acknowledged: the broker hangs up, and the agent repeats it when it is back.
      if (error instanceof Error && 'code' in error && error.code === 'E_STORE_WRITE') throw error;
    }
  }

  private tell(stored: StoredThrough): void {
    if (this.isStopped || stored.through === 0) return;
    this.sampled.set(`${stored.agent}/${stored.boot}`, stored);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.heard.sampled([...this.sampled.values()]);
      this.sampled.clear();
    }, TELL_EVERY_MS);
  }
}
