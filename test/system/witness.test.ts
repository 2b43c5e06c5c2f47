import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kill, Site } from '../e2e/site.ts';

/** Whoever has the hub's disk can put an older one in its place; its agents have seen more, and say so. */
const witness = suite<{ site: Site }>('witness');
witness.before.each((context) => {
  context.site = new Site();
});
witness.after.each(({ site }) => site.close());

witness('a chain that went back is a critical incident, of the agent that saw its end', async ({ site }) => {
  const seen = (): number => JSON.parse(readFileSync(join(site.state.agent, 'trust.json'), 'utf8')).audit.count;
  const older = join(site.dir, 'older');
  await site.startHub();
  await site.startAgent();
  await site.until(() => /agent is here/.test(site.log), 'the agent');
  if (site.hub !== null) await kill(site.hub, 'SIGKILL');
  cpSync(site.state.store, older, { recursive: true });
  await site.startHub();
  site.fill();
  const { id } = await site.reaches('proposed');
  assert.is((await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes')).code, 0);
  await site.reaches('escalated');
  // More than the older hub will have written when its agent hears of it.
  await site.until(() => seen() > 9, 'an agent that has seen all of it');
  if (site.hub !== null) await kill(site.hub, 'SIGKILL');
  await site.leaveStore();
  rmSync(site.state.store, { recursive: true });
  cpSync(older, site.state.store, { recursive: true });
  await site.startHub();
  const told = await site.until(
    () => site.incidents().find(({ event }) => event.signal === 'hub.audit'),
    'the incident of the agent that remembers more',
  );
  assert.is(told.severity, 'critical');
  assert.match(told.event.reason, new RegExp(`it was at ${seen()}`));
  const list = await site.sentinel('incident', 'list');
  assert.match(list.stdout, /agent has seen a longer audit chain than the hub has/);
});

witness.run();
