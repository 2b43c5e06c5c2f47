import { TokenBucket } from '../../broker/token-bucket.ts';
import { labelsOf } from '../correlate/labels.ts';
import type { Hub } from '../hub.ts';
import type { Incident } from '../incident.ts';
import { getIncident } from '../store/incidents.ts';
import type { Channel } from './channels.ts';
import {
  type DueNotice,
  dropPending,
  dueNotices,
  giveUp,
  isWanted,
  markTold,
  NOTIFY,
  postpone,
  putPending,
  waitingNotices,
  wasTold,
} from './outbox.ts';
import { send } from './send.ts';
import { bodyOf } from './words.ts';

/** How often it is looked what is due. */
const LOOK_MS = 1_000;

/** What became of notices since the hub was started. */
export type NoticeOutcome = 'sent' | 'failed' | 'given_up';

interface Line {
  readonly channel: Channel;
  readonly bucket: TokenBucket;
  readonly counts: Record<NoticeOutcome, number>;
  /** Failures in a row, and since and until when the channel is left alone for them. */
  failures: number;
  pausedAt: number;
  pausedUntil: number;
  isBusy: boolean;
}

/** Before the pause began, the clock was set back since: the pause would last for as long as that. */
const isPaused = ({ pausedAt, pausedUntil }: Line, now: number): boolean => now >= pausedAt && now < pausedUntil;

type Parts = Pick<Hub, 'store' | 'key' | 'site' | 'correlation' | 'log' | 'now'>;

/**
 * Tells the site's channels what becomes of incidents. What is to be told is written in the transaction that makes it so,
 * and stays until a channel took it: neither a kill nor a channel that is away for days loses a word.
 */
export class Notifier {
  readonly #hub: Parts;
  readonly #lines: readonly Line[];
  /** 0..1, so that many hubs do not come back at once. */
  readonly #random: () => number;
  #timer: NodeJS.Timeout | undefined;
  /** Sweeps that are under way: a channel that answers slowly does not hold up the next look at the others. */
  readonly #sweeping = new Set<Promise<void>>();
  #isStopped = false;

  constructor(hub: Parts, channels: readonly Channel[], random: () => number = Math.random) {
    this.#hub = hub;
    this.#random = random;
    this.#lines = channels.map((channel) => ({
      channel,
      bucket: new TokenBucket(channel.per_minute / 60, channel.per_minute, hub.now()),
      counts: { sent: 0, failed: 0, given_up: 0 },
      failures: 0,
      pausedAt: 0,
      pausedUntil: 0,
      isBusy: false,
    }));
    hub.store.onState = (incident) => this.#note(incident);
  }

  start(): void {
    this.#timer = setInterval(() => void this.sweep(), LOOK_MS);
  }

  /** Resolves when what is under way has been answered and written down: the store may be closed then. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#hub.store.onState = () => {};
    await Promise.all(this.#sweeping);
  }

  /** For each channel: how many incidents it is still to be told of, and what became of the others. */
  counts(): readonly {
    readonly channel: string;
    readonly waiting: number;
    readonly counts: Readonly<Record<NoticeOutcome, number>>;
  }[] {
    return this.#lines.map(({ channel: { name }, counts }) => ({
      channel: name,
      waiting: waitingNotices(this.#hub.store, name),
      counts,
    }));
  }

  /** Tells each channel what is due; resolves when all have been tried. */
  async sweep(): Promise<void> {
    const sweeping = this.#sweep();
    this.#sweeping.add(sweeping);
    await sweeping;
    this.#sweeping.delete(sweeping);
  }

  async #sweep(): Promise<void> {
    await Promise.all(
      this.#lines
        .filter((line) => !line.isBusy && !isPaused(line, this.#hub.now()))
        .map(async (line) => {
          line.isBusy = true;
          try {
            await this.#serve(line);
          } catch (error) {
            this.#hub.log.error('could not tell of incidents', { channel: line.channel.name, why: String(error) });
          } finally {
            line.isBusy = false;
          }
        }),
    );
  }

  /** Inside the transaction that moved the incident. */
  #note(incident: Incident): void {
    const { store, now } = this.#hub;
    for (const { channel } of this.#lines) {
      if (isWanted(channel, incident, this.#labels(incident))) putPending(store, channel.name, incident.id, now());
    }
  }

  #labels(incident: Incident) {
    const { store, correlation } = this.#hub;
    return labelsOf(incident.event, store.births.get(incident.host)?.host.tags ?? [], correlation.services);
  }

  async #serve(line: Line): Promise<void> {
    const { store, now } = this.#hub;
    const { name } = line.channel;
    for (const due of dueNotices(store, name, now())) {
      if (this.#isStopped) return;
      const incident = getIncident(store, due.incident);
      // It went on to where nobody needs to be told, or that was told a moment ago.
      const isMoot =
        incident === undefined ||
        !isWanted(line.channel, incident, this.#labels(incident)) ||
        wasTold(store, name, incident, now());
      if (isMoot) await dropPending(store, name, due.incident);
      else if (!line.bucket.take(now()) || !(await this.#tell(line, due, incident))) return;
    }
  }

  /** False when the channel is not to be tried further now. */
  async #tell(line: Line, due: DueNotice, incident: Incident): Promise<boolean> {
    const { store, key, site, log, now } = this.#hub;
    const { channel, counts } = line;
    const { name } = channel;
    const { pending } = due;
    const body = bodyOf(channel.route.kind, channel.text, { id: pending.id, site: site.name, incident });
    const sent = await send(channel, pending.id, body);
    if (sent.kind === 'taken') {
      counts.sent++;
      line.failures = 0;
      await markTold(store, key, name, { incident, pending }, now());
      return true;
    }
    counts.failed++;
    const { why } = sent;
    if (now() - pending.since >= NOTIFY.keepMs) {
      counts.given_up++;
      log.error('gave up telling of an incident', { channel: name, incident: incident.id, why });
      await giveUp(store, key, name, due, now());
      return true;
    }
    if (sent.kind === 'refused') {
      const wait = this.#backoff(pending.tries);
      log.warn('a channel refused a notice', { channel: name, incident: incident.id, why, again_in_ms: wait });
      await postpone(store, name, due, now() + wait);
      return true;
    }
    const wait = Math.max(sent.waitMs ?? 0, this.#backoff(line.failures));
    // Said once, not at each try.
    if (line.failures++ === 0) log.warn('a channel can’t be reached', { channel: name, why, again_in_ms: wait });
    line.pausedAt = now();
    line.pausedUntil = line.pausedAt + wait;
    // It may be this very notice that the channel can't take: the next one leads then.
    await postpone(store, name, due, pending.due);
    return false;
  }

  #backoff(failures: number): number {
    const wait = Math.min(NOTIFY.backoffMostMs, NOTIFY.backoffMs * 2 ** Math.min(failures, 16));
    return Math.round(wait * (0.8 + 0.4 * this.#random()));
  }
}
