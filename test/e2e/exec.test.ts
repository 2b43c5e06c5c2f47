import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTING_PLAYBOOK } from './counting-playbook.ts';
import { kill, Site } from './site.ts';

const test = suite('an agent whose orders an executor carries out');

async function withSite(act: (site: Site, socket: string) => Promise<void>): Promise<void> {
  const site = new Site();
  site.playbook('folder-full', COUNTING_PLAYBOOK);
  try {
    await site.startHub('--live');
    const socket = await site.startExec('--live');
    await site.startAgent('--live', '--exec', socket);
    site.fill();
    await act(site, socket);
  } finally {
    await site.close();
  }
}

const journal = (site: Site): string => {
  const file = join(site.state.root, 'exec', 'journal.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

async function approved(site: Site): Promise<void> {
  const { id } = await site.reaches('proposed');
  assert.is((await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes')).code, 0);
}

const secondBegun = (site: Site) =>
  site.until(() => /step\.2","begun"/.test(journal(site)), 'the second step to begin at the executor');

test('the agent killed with -9 in the middle: the executor ends what it began, and tells the next agent', () =>
  withSite(async (site, socket) => {
    await approved(site);
    await secondBegun(site);
    if (site.watcher) await kill(site.watcher, 'SIGKILL');
    await site.startAgent('--live', '--exec', socket);
    const ended = await site.reaches('resolved', 'failed', 'escalated', 'outcome_unknown');
    assert.is(ended.state, 'resolved', site.told());
    assert.is(site.runs(), 1);
    assert.match(journal(site), /step\.3","ending":\{"state":"done"/);
    assert.is(site.journal(), '', 'the agent itself ran nothing');
  }));

test('the executor killed with -9 in the middle: the next one says that it does not know, and runs nothing again', () =>
  withSite(async (site) => {
    await approved(site);
    await secondBegun(site);
    if (site.executor) await kill(site.executor, 'SIGKILL');
    await site.startExec('--live');
    const ended = await site.reaches('outcome_unknown', 'resolved', 'failed');
    assert.is(ended.state, 'outcome_unknown', site.told());
    assert.is(site.runs(), 1);
  }));

test('both killed with -9: the same, and an agent that comes back without an executor runs nothing itself', () =>
  withSite(async (site) => {
    await approved(site);
    await secondBegun(site);
    for (const child of [site.watcher, site.executor]) if (child) await kill(child, 'SIGKILL');
    await site.startAgent('--live');
    const ended = await site.reaches('outcome_unknown', 'resolved', 'failed');
    assert.is(ended.state, 'outcome_unknown', site.told());
    assert.is(site.runs(), 1);
    assert.is(site.journal(), '', 'the agent itself ran nothing');
  }));

test.run();
