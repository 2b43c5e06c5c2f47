import type { Gap } from '../../broker/frame-chain.ts';
import { isPreface } from '../../broker/frame-payload.ts';
import type { Inbound } from '../../broker/mesh.ts';
import type { Telemetry } from './telemetry.ts';

/** Agents whose samples were stored are named together, at most so often: that wakes verifications and signed acks. */
const TELL_EVERY_MS = 100;

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
  readonly dropped: (message: Pick<Inbound, 'agent' | 'channel'>, error: unknown) => void;
}

/**
 * Parts what agents say: telemetry is stored here, beside the broker; all else goes to `handle`, in each agent's
 * order. A frame waits for the birth and the state that its agent sent before it, and for nothing else.
 */
export class Ingest {
  private readonly telemetry: Telemetry;
  private readonly handle: (message: Inbound) => Promise<void>;
  private readonly heard: Heard;
  /** Births, states and prefaces that are being dealt with, by agent: telemetry behind them waits. */
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
    const { agent, channel, payload } = message;
    if (channel === 'm') {
      return new Promise((resolve, reject) => {
        this.take(agent, payload, (error) => (error === null ? resolve() : reject(error)));
      });
    }
    if (channel !== 'b' && channel !== 'st') return this.handle(message);
    const handled = this.handle(message);
    const before = this.gates.get(agent);
    this.hold(
      agent,
      Promise.all([before, handled.catch(() => {})]).then(() =>
        // A state says nothing of what frames hold, and must not undo what a preface has said.
        channel === 'b' ? this.telemetry.changed(agent) : undefined,
      ),
    );
    return handled;
  }

  /** The same for telemetry: `done` is called with null when it is durable or dropped, else with why it is neither. */
  take(agent: string, payload: Uint8Array, done: (error: Error | null) => void): void {
    const gate = this.gates.get(agent);
    if (isPreface(payload)) {
      const turned = (gate ?? Promise.resolve()).then(
        () =>
          new Promise<void>((resolve) => {
            this.store(agent, payload, (error) => {
              done(error);
              resolve();
            });
          }),
      );
      this.hold(agent, turned);
    } else if (gate === undefined) this.store(agent, payload, done);
    else void gate.then(() => this.store(agent, payload, done));
  }

  /** Tells nobody any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.isStopped = true;
  }

  private hold(agent: string, gate: Promise<void>): void {
    this.gates.set(agent, gate);
    void gate.then(() => {
      if (this.gates.get(agent) === gate) this.gates.delete(agent);
    });
  }

  private store(agent: string, payload: Uint8Array, done: (error: Error | null) => void): void {
    this.telemetry.take(agent, payload, (outcome) => {
      if (outcome instanceof Error) {
        this.heard.dropped({ agent, channel: 'm' }, outcome);
        // Not stored, so not acknowledged: the broker hangs up, and the agent repeats it when it is back.
        done(codeOf(outcome) === 'E_STORE_WRITE' ? outcome : null);
        return;
      }
      const { boot, through, gaps, dropped } = outcome;
      this.tell({ agent, boot, through });
      for (const gap of gaps) this.heard.gap(agent, gap);
      if (dropped !== null) {
        if (codeOf(dropped) === 'E_FRAME_GAP') this.heard.broken({ agent, boot, through });
        // An agent that was cut off begins a little before what it knows to be stored: that is no trouble.
        if (codeOf(dropped) !== 'E_FRAME_OLD') this.heard.dropped({ agent, channel: 'm' }, dropped);
      }
      done(null);
    });
  }

  private tell(stored: StoredThrough): void {
    if (this.isStopped || stored.through === 0) return;
    const { agent, boot } = stored;
    // Of another start as well: that one is told first.
    const told = this.sampled.get(agent);
    if (told !== undefined && told.boot !== boot) this.heard.sampled([told]);
    this.sampled.set(agent, stored);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.heard.sampled([...this.sampled.values()]);
      this.sampled.clear();
    }, TELL_EVERY_MS);
  }
}

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');
