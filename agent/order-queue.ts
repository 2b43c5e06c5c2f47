import { within } from '../broker/lifetime.ts';
import type { Log } from '../broker/log.ts';
import type { Order } from '../broker/messages.ts';
import type { Hands } from './exec/hands.ts';
import type { StepReport } from './execute.ts';
import { readOrder } from './open-order.ts';
import type { Trust } from './trust.ts';

/** Orders that wait their turn: a hub gives one plan per host at a time, so more is not a hub of ours. */
const ORDERS_MAX = 16;
/** At the end a command that runs is waited for: killed in the middle, its outcome would be unknown for ever. */
const COMMAND_END_MS = 30_000;

/** Carries orders out one at a time: two plans on one host could undo each other. */
export class OrderQueue {
  readonly #trust: Trust;
  readonly #hands: Hands;
  readonly #report: (order: Order, report: StepReport) => void;
  readonly #log: Log;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** `report` hears of every step of every order. */
  constructor(options: {
    readonly trust: Trust;
    readonly hands: Hands;
    readonly report: (order: Order, report: StepReport) => void;
    readonly log: Log;
  }) {
    this.#trust = options.trust;
    this.#hands = options.hands;
    this.#report = options.report;
    this.#log = options.log;
  }

  /** Takes a signed order; throws what readOrder throws for one that nobody may give, and E_ORDER_FLOOD. */
  hear(payload: Uint8Array): void {
    const order = readOrder(payload, this.#trust);
    if (this.#waiting >= ORDERS_MAX) throw Object.assign(new Error('too many orders wait'), { code: 'E_ORDER_FLOOD' });
    this.#waiting++;
    this.#turn = this.#turn
      .then(() => this.#hands.run(order, payload, (report) => this.#report(order, report)))
      .catch((error: unknown) => this.#log.error('an order failed', { order: order.id, why: String(error) }))
      .finally(() => this.#waiting--);
  }

  /** No further step begins; resolves when the one that runs has ended, or is given up on. */
  async close(): Promise<void> {
    this.#hands.stop();
    await within(COMMAND_END_MS, this.#turn);
  }
}
