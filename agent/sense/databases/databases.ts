import type { WatchedDatabase } from '../../drop-in/databases.ts';
import { Background } from '../background.ts';
import { Recent } from '../recent.ts';
import { labelled, percent, type Reading, type Sense } from '../sense.ts';
import type { DatabaseLook } from './look.ts';
import { askPostgres } from './postgres.ts';
import { askRedis } from './redis.ts';

/** A client is a process: at most one a minute for each database. */
const EVERY_MS = 60_000;
const DEADLINE_MS = 10_000;
/** A failure to archive counts for so long. */
const FAILURES_MS = 600_000;

interface Followed {
  readonly declared: WatchedDatabase;
  readonly look: Background<DatabaseLook>;
  readonly failures: Recent;
  /** The two newest looks: a ratio is of what happened between them. */
  older: DatabaseLook | null;
  newer: DatabaseLook | null;
}

/** The declared databases, by what they say of themselves to their own clients. */
export class DatabasesSense implements Sense {
  readonly name = 'databases';
  readonly #declared: () => readonly WatchedDatabase[];
  readonly #followed = new Map<string, Followed>();

  constructor(declared: () => readonly WatchedDatabase[]) {
    this.#declared = declared;
  }

  /** What a database's client complained of last; null when it was answered, or is not asked. */
  error(name: string): Error | null {
    return this.#followed.get(name)?.look.error ?? null;
  }

  sample(now: number): Reading[] {
    const declared = this.#declared();
    this.#forget(new Set(declared));
    return declared.flatMap((database) => read(this.#follow(database), now));
  }

  close(): void {
    this.#forget(new Set());
  }

  #follow(declared: WatchedDatabase): Followed {
    const known = this.#followed.get(declared.name);
    if (known !== undefined) return known;
    const ask = declared.kind === 'postgres' ? askPostgres : askRedis;
    const look = new Background<DatabaseLook>({
      ...{ everyMs: EVERY_MS, deadlineMs: DEADLINE_MS },
      look: (signal) => ask(declared, signal),
    });
    const followed = { declared, look, failures: new Recent(FAILURES_MS), older: null, newer: null };
    this.#followed.set(declared.name, followed);
    return followed;
  }

  #forget(kept: ReadonlySet<WatchedDatabase>): void {
    for (const [name, { declared, look }] of this.#followed) {
      if (kept.has(declared)) continue;
      look.stop();
      this.#followed.delete(name);
    }
  }
}

function read(followed: Followed, now: number): Reading[] {
  const { declared, look, failures } = followed;
  const found = look.value(now);
  if (found !== null && found !== followed.newer) {
    followed.older = followed.newer;
    followed.newer = found;
  }
  const down = look.looks === 0 ? null : look.error === null ? 0 : 1;
  const of = (name: string, unit: string, scale: number, value: number | null, learn = true): Reading => ({
    ...{ name: labelled(`database.${name}`, declared.name), unit, scale, value, learn },
  });
  const failed = found?.archiveFailures ?? null;
  return [
    of('down', '', 1, down, false),
    of('connections_percent', '%', 0.1, found?.connectionsPercent ?? null),
    of('cache_hit_percent', '%', 0.1, found === null ? null : hitPercent(followed.older, found)),
    of('replication_lag_s', 's', 0.1, found?.lagSeconds ?? null),
    of('replication_down', '', 1, found?.replicationDown ?? null, false),
    ...(declared.kind === 'postgres'
      ? [
          of('archive_failures', '', 1, failed === null ? null : failures.see(now, failed), false),
          of('waiting_locks', '', 1, found?.waitingLocks ?? null),
        ]
      : [of('memory_percent', '%', 0.1, found?.memoryPercent ?? null)]),
  ];
}

/** Of what was asked for between two looks; null where nothing was, or where the database was started anew between. */
function hitPercent(before: DatabaseLook | null, { hits, misses }: DatabaseLook): number | null {
  if (hits === null || misses === null || before === null || before.hits === null || before.misses === null)
    return null;
  const found = hits - before.hits;
  const missed = misses - before.misses;
  return found < 0 || missed < 0 ? null : percent(found, found + missed);
}
