import { setTimeout as sleep } from 'node:timers/promises';
import { LIMITS, type Order } from '../../broker/messages.ts';
import { approvalIdOf, type StepReport } from '../execute.ts';
import type { Ending, Journal, StepId } from '../journal.ts';
import type { ExecLink } from './exec-link.ts';
import type { HaltRequest, Request, WordRequest } from './protocol.ts';

/** Between two tries to reach an executor that was there: systemd starts one that was killed at the next connection. */
const AGAIN_MS = 1_000;
/** So long beyond the order's own time an executor that is gone is waited for. */
const LOST_MS = 60_000;

/** Carries an order out in this process. */
export interface OwnHands {
  run(order: Order, report: (report: StepReport) => void): Promise<void>;
  stop(): void;
  halt(): void;
}

export interface HandsOptions {
  readonly own: OwnHands;
  /** What this process ran itself. */
  readonly journal: Journal;
  /** What was handed over, and what came back: only for the day that the executor is not there to ask. */
  readonly handed: Journal;
  readonly link: ExecLink | null;
  readonly boot: string;
  readonly live: boolean;
  readonly now: () => number;
  /** The newest signed messages that an order is checked with. */
  readonly signed: () => Omit<Request, 'order' | 'dry'>;
}

/**
 * Whose hands carry an order out: the executor's where there is one, this process's own otherwise. An approval stays
 * with whoever had it first, so that neither runs what the other has run.
 */
export class Hands {
  private readonly options: HandsOptions;
  private stopping = false;
  /** Orders that the executor has. */
  private handing = 0;

  constructor(options: HandsOptions) {
    this.options = options;
  }

  /** Begins nothing new, and waits for no executor that is gone. */
  stop(): void {
    this.stopping = true;
    this.options.own.stop();
  }

  /** The site was halted: ends what runs, here and at the executor, which believes the signed message alone. */
  halt(message: HaltRequest): void {
    this.options.own.halt();
    void this.options.link?.halt(message);
  }

  /** The hub has told all of a new roster or of what is revoked: an executor in the middle of an order hears it before its next step. */
  hear(word: WordRequest): void {
    if (this.handing > 0) void this.options.link?.hear(word);
  }

  /** Carries out an order whose hub signature was verified; `message` is the very bytes that came. */
  async run(order: Order, message: Uint8Array, report: (report: StepReport) => void): Promise<void> {
    const { own, journal, handed, link, boot, live, now, signed } = this.options;
    const steps = stepsOf(order);
    const wasHanded = steps.some((id) => handed.known(id).state !== 'fresh');
    const wasOwn = steps.some((id) => journal.known(id).state !== 'fresh');
    if (!wasHanded && (wasOwn || link === null || (await link.ask()) === null)) return own.run(order, report);
    if (order.boot !== boot) {
      return report(refusal(now(), 'E_ORDER_BOOT', 'order is for an earlier start of this agent'));
    }
    if (link === null) return this.giveUp(order, new Set(), report);
    const dry = order.dry_run || !live;
    try {
      // Before it is handed over: from then on nobody here may run it.
      if (!dry) for (const id of steps) if (handed.known(id).state === 'fresh') handed.begin(id, now());
    } catch (error) {
      return report(refusal(now(), 'E_JOURNAL', error instanceof Error ? error.message : String(error)));
    }
    this.handing++;
    // Each time with the newest of what is signed: an executor that heard of a later roster believes no earlier one.
    const request = () => ({ order: message, dry, ...signed() });
    await this.handOver(order, request, report).finally(() => this.handing--);
  }

  private async handOver(order: Order, request: () => Request, report: (report: StepReport) => void): Promise<void> {
    const { link, handed, now } = this.options;
    const told = new Set<string>();
    const until = now() + order.timeout * 1_000 * Math.max(1, order.programs.length) + LOST_MS;
    const hear = (one: StepReport) => {
      const name = nameOf(one);
      // Handed over again after a loss it tells from the first step on.
      if (told.has(name)) return;
      told.add(name);
      if (one.step !== undefined && one.state !== 'dry_run' && one.state !== 'refused') this.keep(order, one, handed);
      report(one);
    };
    while (link !== null) {
      const { end, ...why } = await link.hand(request(), hear);
      if (end === 'end') return;
      if (end === 'refused' && 'code' in why) return report(refusal(now(), why.code, why.message));
      // A later start of ours asks again, and the executor's journal answers.
      if (this.stopping) return;
      if (now() > until) return this.giveUp(order, told, report);
      await sleep(AGAIN_MS);
    }
  }

  private keep(order: Order, { step, last, ...ending }: StepReport, handed: Journal): void {
    if (step === undefined) return;
    try {
      handed.end({ approval: approvalIdOf(order), ...step }, ending);
    } catch {
      // It is reported as it ended; only without the executor and after a restart is it unknown.
    }
  }

  /** The executor is not there any more: what it said is told again, and what it did not say is unknown. */
  private giveUp(order: Order, told: ReadonlySet<string>, report: (report: StepReport) => void): void {
    const { handed, now } = this.options;
    for (const [i, step] of order.programs.entries()) {
      const { phase, number } = step;
      if (told.has(nameOf({ step }))) continue;
      const known = handed.known({ approval: approvalIdOf(order), phase, number });
      const last = i + 1 === order.programs.length;
      if (known.state === 'ended') {
        report({ ...known.ending, step: { phase, number }, last });
        continue;
      }
      const unknown = ending(
        now(),
        'outcome_unknown',
        'E_EXEC_LOST',
        'the executor is not there to say what became of it',
      );
      report({ ...unknown, step: { phase, number }, last: true });
      return;
    }
  }
}

const stepsOf = (order: Order): StepId[] =>
  order.programs.map(({ phase, number }) => ({ approval: approvalIdOf(order), phase, number }));

const nameOf = ({ step }: Pick<StepReport, 'step'>): string =>
  step === undefined ? '' : `${step.phase}.${step.number}`;

const refusal = (at: number, code: string, why: string): StepReport => ({
  ...ending(at, 'refused', code, why),
  last: true,
});

const ending = (at: number, state: Ending['state'], code: string, why: string): Ending => ({
  state,
  code,
  started: at,
  ended: at,
  stdout: '',
  stderr: why.slice(0, LIMITS.output),
  truncated: false,
});
