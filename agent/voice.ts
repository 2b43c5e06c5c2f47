import { decodeCbor, encodeCbor } from '../broker/cbor.ts';
import type { KeyPair } from '../broker/keys.ts';
import { type Ack, type Birth, type Event, LIMITS, type Order, type Snapshot } from '../broker/messages.ts';
import { withPackedSnapshot } from '../broker/packed-snapshot.ts';
import { redact } from '../broker/redact.ts';
import { seal } from '../broker/signed.ts';
import { deviceOfMetric } from '../broker/subject.ts';
import type { Finding } from './detect/finding.ts';
import type { StepReport } from './execute.ts';
import { Outbox, type Waiting } from './outbox/outbox.ts';
import type { Message } from './outbox/records.ts';
import { withoutSecrets } from './output.ts';
import { Sender } from './sender.ts';

/** Trouble that no metric shows. */
export type Witnessed = Pick<Event, 'kind' | 'signal' | 'severity' | 'reason' | 'fingerprint'>;

/**
 * What the agent says and must not lose: events and results, numbered and signed, on this host's disk first and then on
 * the wire, until the hub's signed ack covers them.
 */
export class Voice {
  readonly #agent: string;
  readonly #boot: string;
  readonly #key: KeyPair;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #complain: (error: Error) => void;
  #seq = 0;

  /** `publish` resolves true when the broker has acknowledged the message. */
  constructor(options: {
    readonly agent: string;
    readonly boot: string;
    readonly key: KeyPair;
    /** Where messages wait. */
    readonly file: string;
    readonly publish: (channel: Waiting['channel'], payload: Uint8Array) => Promise<boolean>;
    readonly complain: (error: Error) => void;
  }) {
    this.#agent = options.agent;
    this.#boot = options.boot;
    this.#key = options.key;
    this.#complain = options.complain;
    this.#outbox = new Outbox(options.file);
    this.#sender = new Sender(this.#outbox, options.publish);
  }

  /** The hub was greeted: what waits may go. */
  open(): void {
    this.#sender.open();
  }

  shut(): void {
    this.#sender.shut();
  }

  /** Sends what waits; resolves when that is done or the link is gone. */
  flush(): Promise<void> {
    return this.#sender.flush();
  }

  /** The hub has stored these, or knows that they were lost. */
  stored({ boot, through, also }: Pick<Ack, 'boot' | 'through' | 'also'>): void {
    if (through > 0) this.#outbox.stored(boot, 1, through);
    if (also !== undefined) this.#outbox.stored(boot, also.from, also.to);
  }

  /** What waits and what was lost, for the birth. */
  waiting(): Pick<Birth, 'ring' | 'lost'> {
    const oldest = this.#outbox.waiting().find(({ boot }) => boot === this.#boot)?.seq ?? 0;
    const lost = this.#outbox.lost();
    return {
      ring: { oldest, newest: this.#seq, dropped: this.#outbox.dropped },
      ...(lost.length === 0 ? {} : { lost }),
    };
  }

  close(): void {
    this.#outbox.close();
  }

  /** What the detector found, or what the agent saw of its hub. */
  event(finding: Finding | Witnessed, ts: number, snapshot: Snapshot | undefined): void {
    const seq = ++this.#seq;
    const device = 'metric' in finding ? deviceOfMetric(finding.metric) : null;
    const event: Event = {
      agent: this.#agent,
      boot: this.#boot,
      seq,
      ts,
      ...finding,
      ...(device === null ? {} : { device }),
      ...(snapshot === undefined ? {} : { snapshot }),
      reason: redact(finding.reason, LIMITS.line),
    };
    this.#keepAndSend({
      boot: this.#boot,
      seq,
      channel: 'e',
      lane: finding.fingerprint,
      payload: seal('event', encodeCbor(withPackedSnapshot(event)), this.#key),
    });
  }

  result(order: Order, report: StepReport): void {
    const seq = ++this.#seq;
    const result = {
      agent: this.#agent,
      boot: this.#boot,
      seq,
      incident: order.incident,
      order: order.id,
      approval: approvalId(order),
      // Not only what ran here: an executor of another version may have written it down as it was.
      ...withoutSecrets(report),
    };
    this.#keepAndSend({
      boot: this.#boot,
      seq,
      channel: 'r',
      lane: order.id,
      payload: seal('result', encodeCbor(result), this.#key),
    });
  }

  #keepAndSend(message: Message): void {
    this.#outbox.add(message);
    const { trouble } = this.#outbox;
    if (trouble !== null) this.#complain(new Error(`events and results wait in memory alone: ${trouble.message}`));
    this.#sender.go();
  }
}

function approvalId(order: Order): string {
  const approval = decodeCbor(order.approval);
  const id = typeof approval === 'object' && approval !== null && 'id' in approval ? approval.id : '';
  return typeof id === 'string' ? id : '';
}
