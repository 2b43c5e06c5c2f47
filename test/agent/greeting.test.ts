import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Agent } from '../../agent/agent.ts';
import { makeLocalSite, readSite } from '../../broker/enroll.ts';
import { lineLog } from '../../broker/log.ts';
import { prepareFolder, stateFolder } from '../../broker/state-folder.ts';
import { openBroker, tempFolder, until } from '../broker/site.ts';

const test = suite('greeting');

test('an alert follows birth and state at once, though neither was answered yet; samples wait', async () => {
  const { path, done } = tempFolder();
  const state = stateFolder(join(path, 'state'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const spool = join(path, 'spool');
  mkdirSync(spool);
  mkdirSync(state.watch, { recursive: true });
  writeFileSync(join(state.watch, 's.yaml'), `version: 1\nfolders:\n  - { name: s, path: ${spool}, quota_mib: 1 }\n`);
  writeFileSync(join(spool, 'full.tmp'), Buffer.alloc(2 << 20, 1));
  const heard: string[] = [];
  const broker = await openBroker([], {
    agents: readSite(state).agents,
    // The answer to a greeting is still on its way.
    onMessage: ({ channel }) => {
      heard.push(channel);
      return channel === 'e' ? Promise.resolve() : new Promise(() => {});
    },
  });
  const agent = new Agent({
    ...{ state, agent: 'web-1', url: `mqtt://127.0.0.1:${broker.mesh.port}`, live: true, interval: 100 },
    log: lineLog('agent', () => {}),
  });
  try {
    agent.start();
    await until('the alert', () => heard.includes('e'));
    // The first sample may find more than one trouble on this machine.
    assert.equal(heard.slice(0, 3), ['b', 'st', 'e']);
    assert.not(heard.includes('m'));
  } finally {
    await broker.close();
    await agent.close();
    done();
  }
});

test.run();
