import { keyFile, readRoster, readSite } from '../broker/enroll.ts';
import { readKeyPair } from '../broker/keys.ts';
import { hubKeys } from '../broker/roster.ts';
import { ulid } from '../broker/ulid.ts';
import { appendAudit, verifyAuditTail } from '../hub/chain/audit.ts';
import { START_RECORDS } from '../hub/chain/check.ts';
import type { Incident } from '../hub/incident.ts';
import { getIncident, listIncidents, putIncident } from '../hub/store/incidents.ts';
import { Store } from '../hub/store/store.ts';
import { kill, Site } from '../test/e2e/site.ts';
import type { Emit } from './row.ts';

const INCIDENTS = 100_000;
/** Audit records of each: what opened, diagnosed, proposed, decided and closed it. */
const RECORDS = 5;
/** Incidents written in one transaction. */
const BATCH = 1_000;
/** Starts that are timed: the best of them counts, since the machine has other work. */
const STARTS = 5;
const AIM_MS = 2_000;

/** A store with 100,000 incidents: how soon a hub is ready on it, and what its readers wait. */
export async function restartBench(emit: Emit): Promise<boolean> {
  const site = new Site();
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const sample = await site.reaches('proposed');
    for (const child of [site.watcher, site.hub]) if (child !== null) await kill(child, 'SIGTERM');
    await site.leaveStore();
    await fill(site, { ...sample, state: 'resolved' });
    const starts: number[] = [];
    for (let n = 1; n <= STARTS; n++) {
      process.stderr.write(`\rstart ${n} of ${STARTS} `);
      const began = performance.now();
      await site.startHub('--live');
      starts.push(performance.now() - began);
      if (site.hub !== null) await kill(site.hub, 'SIGKILL');
    }
    const ready = Math.min(...starts);
    const row = (metric: string, value: number) => emit({ bench: 'pipeline', metric, value, unit: 'ms' });
    row('restart_100k_ms', ready);
    await readers(site, row);
    return ready <= AIM_MS;
  } finally {
    process.stderr.write('\n');
    await site.close();
  }
}

async function fill(site: Site, sample: Incident): Promise<void> {
  const store = new Store(site.state.store, 'write');
  const key = readKeyPair(keyFile.hub(site.state));
  for (let done = 0; done < INCIDENTS; done += BATCH) {
    process.stderr.write(`\r${done} of ${INCIDENTS} incidents `);
    await store.write(() => {
      for (let i = done; i < done + BATCH; i++) {
        const opened = sample.opened - (INCIDENTS - i) * 60_000;
        const id = ulid(opened);
        const host = `line-${i % 500}`;
        putIncident(store, { ...sample, id, host, opened, updated: opened + 30_000 });
        for (let n = 0; n < RECORDS; n++) {
          appendAudit(store, key, { kind: 'bench.filled', incident: id, actor: 'hub', data: { n } }, opened + n);
        }
      }
    });
  }
  await store.close();
}

/** What a screen or a command line waits for on that store: opening it, the newest page, one incident, a search. */
async function readers(site: Site, row: (metric: string, value: number) => void): Promise<void> {
  const timed = async <T>(metric: string, act: () => T | Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await act();
    row(metric, performance.now() - began);
    return result;
  };
  const { roster } = readRoster(site.state, readSite(site.state));
  const store = await timed('open_100k_ms', () => {
    const opened = new Store(site.state.store, 'read');
    verifyAuditTail(opened, hubKeys(roster), START_RECORDS);
    return opened;
  });
  const [newest] = await timed('list_100k_ms', () => listIncidents(store, 500));
  await timed('show_100k_ms', () => getIncident(store, newest?.id ?? ''));
  await timed('search_100k_ms', () => {
    let found = 0;
    for (const { value } of store.summaries.getRange({ reverse: true })) if (value.host === 'line-7') found++;
    return found;
  });
  await store.close();
}
