import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { hubKeys } from '../../broker/roster.ts';
import { ulid } from '../../broker/ulid.ts';
import { appendAudit, verifyAudit } from '../../hub/chain/audit.ts';
import { putIncident } from '../../hub/store/incidents.ts';
import { prunedIncidents } from '../../hub/store/retention.ts';
import { Store } from '../../hub/store/store.ts';
import { kill, Site } from '../e2e/site.ts';
import { disagreements } from '../soak/store-agrees.ts';

const test = suite('killed while old incidents are taken out');

/** Some 30 transactions of taking out, so that a kill falls between or into one. */
const OLD = 6_000;
const KEPT = 50;
/** Each kill comes so much later after its start than the one before it. */
const STEP_MS = 100;
const DAY_MS = 86_400_000;

test('each start goes on with it; what is left agrees, and the chain names all that went', async () => {
  const site = new Site();
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const sample = await site.reaches('proposed');
    for (const child of [site.watcher, site.hub]) if (child !== null) await kill(child, 'SIGTERM');
    await site.leaveStore();
    const key = readKeyPair(keyFile.hub(site.state));
    const filled = new Store(site.state.store, 'write');
    await filled.write(() => {
      for (let n = 0; n < OLD; n++) {
        const opened = sample.opened - DAY_MS + n;
        putIncident(filled, {
          ...sample,
          id: ulid(opened),
          host: `line-${n % 100}`,
          state: 'resolved',
          opened,
          updated: opened,
        });
      }
      appendAudit(filled, key, { kind: 'test.filled', incident: null, actor: 'hub', data: {} }, sample.opened);
    });
    await filled.close();
    let before = 0;
    let cut = 0;
    for (let left = OLD, round = 0; left > KEPT; round++) {
      await site.startHub('--live', '--keep-incidents', String(KEPT));
      // Sooner and later: the first kills fall before it or into its first transactions.
      await sleep(STEP_MS * round);
      if (site.hub !== null) await kill(site.hub, 'SIGKILL');
      const store = site.reader();
      assert.ok(store !== null);
      // The machine may have troubles of its own meanwhile.
      left = [...store.summaries.getRange({})].filter(({ value }) => value.host.startsWith('line-')).length;
      const gone = prunedIncidents(store);
      assert.ok(gone >= before, 'what had gone came back');
      assert.is(gone + left, OLD);
      assert.equal(disagreements(store), []);
      assert.is(verifyAudit(store, hubKeys(readRoster(site.state, readSite(site.state)).roster)).ok, true);
      if (gone > before && left > KEPT) cut++;
      before = gone;
      await site.leaveStore();
    }
    assert.ok(cut > 0, 'no kill fell into it');
  } finally {
    await site.close();
  }
});

test.run();
