import type { Event } from '../../broker/messages.ts';
import { redactEvent } from '../mesh/redact.ts';
import type { Store } from '../store/store.ts';
import { Turns } from '../turns.ts';
import type { Alert, AlertSource, Alerts } from './alert.ts';
import { heardAgain, knownOf, noveltyOf, putKnown } from './alerts-known.ts';
import { eventOf } from './event.ts';
import { type HostMap, subjectOf } from './hosts.ts';

/** What became of alerts: `taken` is news or a repeat, `known` says nothing new, `broken` could not be read, `cut` never came. */
export const ALERT_OUTCOMES = ['taken', 'known', 'broken', 'cut'] as const;
export type AlertCounts = Record<(typeof ALERT_OUTCOMES)[number], number>;

export interface AlertIntakeOptions {
  readonly store: Store;
  readonly hosts: HostMap;
  readonly isAgent: (id: string) => boolean;
  /** Correlates an event; `handled` is written in the same transaction. */
  readonly take: (event: Event, handled: () => void) => Promise<void>;
  readonly now: () => number;
}

/** Alerts stored at once: their commits share a flush, and a large group does not hold the others up. */
const TOGETHER = 32;

/** Alerts of other systems, made events. Resolves when all of a request is on the disk: only then is it answered. */
export class AlertIntake {
  /** Since the hub was started, by source. */
  readonly counts = new Map<AlertSource, AlertCounts>();
  private readonly options: AlertIntakeOptions;
  /** What is said of one alert is taken in the order in which it came, also from two requests at once. */
  private readonly turns = new Turns();

  constructor(options: AlertIntakeOptions) {
    this.options = options;
  }

  /** Throws what the store throws; a sender that repeats the request then loses and doubles nothing. */
  async receive(source: AlertSource, { alerts, broken, cut }: Alerts): Promise<AlertCounts> {
    const came: AlertCounts = { taken: 0, known: 0, broken, cut };
    for (let i = 0; i < alerts.length; i += TOGETHER) {
      const some = await Promise.all(
        alerts
          .slice(i, i + TOGETHER)
          .map((alert) => this.turns.take(`${alert.source} ${alert.fingerprint}`, () => this.one(alert))),
      );
      for (const outcome of some) came[outcome]++;
    }
    const total = this.counts.get(source) ?? { taken: 0, known: 0, broken: 0, cut: 0 };
    for (const outcome of ALERT_OUTCOMES) total[outcome] += came[outcome];
    this.counts.set(source, total);
    return came;
  }

  private async one(alert: Alert): Promise<'taken' | 'known'> {
    const { store, hosts, isAgent, take, now } = this.options;
    if (noveltyOf(store, alert) === 'known') {
      await heardAgain(store, alert, now());
      return 'known';
    }
    const known = knownOf(store, alert);
    const subject = known?.isFiring === true ? known.subject : subjectOf(alert, hosts, isAgent);
    const event = redactEvent(eventOf(alert, subject, now()));
    await take(event, () => putKnown(store, alert, subject, now()));
    return 'taken';
  }
}
