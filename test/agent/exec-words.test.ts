import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RootCarrier } from '../../agent/exec/carrier.ts';
import type { ExecLink, Handed } from '../../agent/exec/exec-link.ts';
import { Hands } from '../../agent/exec/hands.ts';
import type { Request, WordRequest } from '../../agent/exec/protocol.ts';
import type { StepReport } from '../../agent/execute.ts';
import { SiteWords } from '../../agent/site-words.ts';
import { sealCheckpoint } from '../../broker/halts.ts';
import { lineLog } from '../../broker/log.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { hubTopic } from '../../broker/topics.ts';
import { ExecSite, planned } from './exec-fixtures.ts';
import { BOOT, HASH, inShort, programOf } from './order-fixtures.ts';

/** What the hub tells all while an executor is in the middle of an order. */
const test = suite('words to an executor');

test('who leaves the roster in the middle of an order lets no further step begin there', async () => {
  const exec = new ExecSite();
  const watch = join(exec.dir, 'watch.d');
  mkdirSync(watch);
  const carrier = new RootCarrier({
    ...{ state: stateFolder(exec.state), agent: 'web-1', live: true, delegated: false, bundle: null, watch },
    policy: join(exec.state, 'policy'),
    log: lineLog('exec', () => {}),
  });
  try {
    const plan = [planned('step', 1, programOf(['uname'])), planned('step', 2, programOf(['uname', '-a']))];
    const order = exec.message(exec.site.order(exec.approval(plan), plan));
    const reports: StepReport[] = [];
    await carrier.carry({ order, roster: exec.roster(), dry: false }, (report) => {
      reports.push(report);
      if (reports.length === 1) carrier.hear({ roster: exec.roster({ version: 8, operators: [] }) });
    });
    assert.equal(inShort(reports), ['step 1 done', 'step 2 refused E_APPROVAL_OPERATOR']);
  } finally {
    carrier.close();
    await exec.close();
  }
});

test('an agent hands on a new roster and a new checkpoint while its executor has an order, and at no other time', async () => {
  const exec = new ExecSite();
  const { site } = exec;
  try {
    const told: WordRequest[] = [];
    let inTheMiddle = () => {};
    const link = {
      ask: async () => ({ version: 1, agent: 'web-1', live: true, privileged: true }),
      hear: async (word: WordRequest) => told.push(word) > 0,
      hand: async () => {
        inTheMiddle();
        return { end: 'end' as const };
      },
    } as unknown as ExecLink;
    const hands = new Hands({
      own: { run: async () => assert.unreachable('the executor runs it'), stop: () => {}, halt: () => {} },
      ...{ journal: site.journal, handed: site.journal, link, boot: BOOT, live: true, now: Date.now },
      signed: () => words.signed,
    });
    const words = new SiteWords(
      site.trust,
      () => {},
      (word) => hands.hear(word),
    );
    const roster = exec.roster();
    words.hearRoster(roster);
    assert.equal(told, []);
    const said = { site: 'local', epoch: 2, now: Date.now(), audit_head: { count: 7, hash: HASH } };
    const checkpoint = sealCheckpoint(said, site.hub);
    inTheMiddle = () => words.hear(hubTopic('ckpt'), checkpoint);
    const plan = [planned('step', 1, programOf(['uname']))];
    const order = site.order(exec.approval(plan), plan);
    await hands.run(order, exec.message(order), () => {});
    assert.equal(told, [{ roster, checkpoint }]);
    words.hearRoster(exec.roster({ version: 4 }));
    assert.is(told.length, 1);
  } finally {
    await exec.close();
  }
});

test('an order that is handed over again comes with the newest roster, which the executor may have heard of', async () => {
  const exec = new ExecSite();
  const { site } = exec;
  try {
    const rosters: Uint8Array[] = [];
    let roster = exec.roster();
    const newer = exec.roster({ version: 8 });
    const link = {
      ask: async () => ({ version: 1, agent: 'web-1', live: true, privileged: true }),
      hand: async (request: Request): Promise<Handed> => {
        rosters.push(request.roster);
        roster = newer;
        return rosters.length === 1 ? { end: 'lost', sent: true } : { end: 'end' };
      },
    } as unknown as ExecLink;
    const hands = new Hands({
      own: { run: async () => assert.unreachable('the executor runs it'), stop: () => {}, halt: () => {} },
      ...{ journal: site.journal, handed: site.journal, link, boot: BOOT, live: true, now: Date.now },
      signed: () => ({ roster }),
    });
    const plan = [planned('step', 1, programOf(['uname']))];
    const order = site.order(exec.approval(plan), plan);
    await hands.run(order, exec.message(order), () => {});
    assert.equal(rosters, [exec.roster(), newer]);
  } finally {
    await exec.close();
  }
});

test.run();
