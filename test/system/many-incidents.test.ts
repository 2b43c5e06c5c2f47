import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { auditHead } from '../../hub/chain/audit.ts';
import type { Incident } from '../../hub/incident.ts';
import { putIncident } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';
import { FRONT_DOOR, kill, PATIENCE_MS, Site } from '../e2e/site.ts';
import { INCIDENT } from '../tui/recorded.ts';
import { Screen } from '../tui/screen.ts';

const test = suite('a hundred thousand incidents');

const MANY = 100_000;
/** Of one transaction. */
const BATCH = 10_000;
/** The one that is looked for: the oldest, which is read last. */
const WANTED = 0;

/** As small as one that is over can be: what a screen lists is its summary. */
const past = (n: number, now: number): Incident => {
  const opened = now - (MANY - n) * 1_000;
  return {
    ...INCIDENT,
    id: `01JE00000000000000${String(n).padStart(8, '0')}`,
    state: 'resolved',
    host: `line-${n % 500}`,
    title: n === WANTED ? 'pump seized' : 'disk filling',
    evidence: null,
    plan: null,
    diagnoses: [],
    draft: null,
    timeline: [],
    opened,
    updated: opened,
  };
};

test('on a real hub they are listed, filtered and scrolled through from end to end', async () => {
  const site = new Site();
  let screen: Screen | undefined;
  try {
    await site.startHub();
    if (site.hub !== null) await kill(site.hub, 'SIGTERM');
    const store = new Store(site.state.store, 'write');
    const now = Date.now();
    for (let done = 0; done < MANY; done += BATCH)
      await store.write(() => {
        for (let n = done; n < done + BATCH; n++) putIncident(store, past(n, now));
      });
    assert.ok(auditHead(store).count > 0);
    await store.close();
    await site.startHub();
    const argv = [FRONT_DOOR, 'tui', '--state', site.state.root];
    screen = new Screen(process.execPath, argv, { cols: 120, rows: 40, cwd: site.dir });
    // A second lies between two of them: so many are of the last day.
    await screen.until((text) => /today {2}86,\d{3}/.test(text), PATIENCE_MS);
    screen.type('/seized');
    await screen.until(
      (text) => /pump seized/.test(text) && !/disk filling/.test(text.split('│')[0] ?? ''),
      PATIENCE_MS,
    );
    screen.type('\r');
    await screen.until(
      (text) => /filter seized/.test(text) && new RegExp(`line-${WANTED % 500} `).test(text),
      PATIENCE_MS,
    );
    screen.type('\x1b');
    await screen.until((text) => /disk filling/.test(text) && !/esc clears/.test(text), PATIENCE_MS);
    screen.type('G');
    await screen.until((text) => /▌.*line-0 /.test(text), PATIENCE_MS);
    screen.type('g');
    await screen.until((text) => /▌.*line-499 /.test(text), PATIENCE_MS);
    screen.type('q');
    await screen.ended(PATIENCE_MS);
    assert.is(screen.exit?.code, 0);
    assert.not.ok(screen.alternate, 'the alternate screen is left');
  } finally {
    screen?.close();
    await site.close();
  }
});

test.run();
