import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTING_PLAYBOOK } from './counting-playbook.ts';
import { Site } from './site.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const test = suite<{ site: Site; folder: string; bundle: string }>('the agent’s bundle');
test.before(async (context) => {
  context.site = new Site();
  context.folder = join(context.site.dir, 'bare');
  context.bundle = join(context.folder, 'sentinel-agent.cjs');
  mkdirSync(context.folder);
  const built = join(context.site.dir, 'built.cjs');
  await run(process.execPath, [join(ROOT, 'build-agent.mjs'), '--out', built]);
  cpSync(built, context.bundle);
});
test.after(async ({ site }) => {
  await site.close();
  rmSync(site.dir, { recursive: true, force: true });
});

test('alone in a folder it tells its commands, and refuses others with what there is', async ({ folder, bundle }) => {
  assert.equal(readdirSync(folder), ['sentinel-agent.cjs']);
  const { stdout } = await run(process.execPath, [bundle, '--help'], { cwd: folder, env: {} });
  assert.match(stdout, /^sentinel-agent COMMAND[\s\S]*\n {2}agent /);
  const refused = await run(process.execPath, [bundle, 'hub'], { cwd: folder, env: {} }).catch((error) => error);
  assert.is(refused.code, 2);
  assert.match(refused.stderr, 'no command "hub"');
});

test('an event goes up from it and an order comes down, judged by the very rules of the hub', async (context) => {
  const { site, bundle } = context;
  site.agentDoor = bundle;
  site.playbook('folder-full', COUNTING_PLAYBOOK);
  await site.startHub('--live');
  await site.startAgent('--live');
  site.fill();
  const { id } = await site.reaches('proposed');
  // Another hash of the rules on the agent would refuse every step of the plan.
  assert.is((await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes')).code, 0);
  const ended = await site.reaches('resolved', 'failed', 'escalated', 'outcome_unknown');
  assert.is(ended.state, 'resolved', site.told());
  assert.is(site.runs(), 1);
});

test.run();
