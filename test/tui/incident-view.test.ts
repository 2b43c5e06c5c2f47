import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCbor } from '../../broker/cbor.ts';
import { newKeyPair } from '../../broker/keys.ts';
import { seal } from '../../broker/signed.ts';
import { busy, has, look } from './looks.ts';
import { INCIDENT, NOW, PLAN, wave } from './recorded.ts';

const test = suite('one incident on the screen');

test('the chart at the moment of decision stays, with its limit and what was usual', async () => {
  const desk = busy();
  desk.decided = { metric: 'disk.used_percent[/var]', unit: '%', value: 94.8, history: wave(40, 94.8) };
  await look({ keys: ['enter'], desk }, (text) => has(text, '90.0 % limit', '72.0 % usual', 'until 13:59:11'));
});

test('what a model writes is read along, by its end, and said to be no decision', async () => {
  const desk = busy({ ...INCIDENT, state: 'diagnosing', plan: null });
  const text = Array.from({ length: 60 }, (_, i) => `"step-${i}"`).join(',\n');
  desk.set({ thinking: [{ by: 'a-model.gguf', stage: 'remediation', text, since: NOW - 12_000 }] });
  await look({ keys: ['enter'], desk }, async (shown, seen) => {
    has(shown, 'thinking', 'nothing of it is decided', 'a-model.gguf  chooses a fix, for 12 s', '"step-59"');
    assert.not.match(shown, /"step-51"/, 'its end alone');
    desk.set({ thinking: [{ by: 'a-model.gguf', stage: 'second-look', text, since: NOW - 12_000 }] });
    has(await seen.text(), 'a-model.gguf  second-look, for 12 s');
    desk.set({ thinking: [] });
    assert.not.match(await seen.text(), /chooses a fix/);
  });
});

test('whether a fix helps: the metric against its limit, how long it has left, and how it ended', async () => {
  const metric = 'disk.used_percent[/var]';
  const gauge = { metric, unit: '%', value: 91.5, history: wave(94.8, 91.5) };
  const desk = busy({ ...INCIDENT, state: 'verifying' });
  desk.verified = { gauge, since: NOW - 60_000, until: NOW + 570_000 };
  await look({ keys: ['enter'], desk }, async (shown, seen) => {
    has(shown, 'verification', 'it has 9 m left, now 91.5 %', 'has to be below 90.0 %', '90.0 % limit');
    desk.put({ ...INCIDENT, state: 'resolved' });
    has(await seen.text(), 'it is back to normal');
  });
});

test('what runs now is said with its place in the order, and its result when it has one', async () => {
  const id = '01JD0000000000000000RDER10';
  const program = (number: number, phase: 'pre' | 'step') => ({ phase, number, program: PLAN.steps[0]?.program });
  const order = {
    ...{ id, site: 'plant3', epoch: 1, agent: INCIDENT.host, boot: '0123456789abcdef', incident: INCIDENT.id },
    ...{ approval: new Uint8Array(8), approval_signature: new Uint8Array(8), dry_run: false, timeout: 60 },
    programs: [program(1, 'pre'), program(1, 'step'), program(2, 'step')],
    audit_head: { count: 1, hash: 'a'.repeat(64) },
  };
  const bytes = seal('order', encodeCbor(order), newKeyPair());
  const sent = { id, purpose: 'apply', boot: order.boot, bytes, sent: NOW - 9_000, dry_run: false } as const;
  const done = (number: number, phase: 'pre' | 'step', ended: number, last = false) => ({
    ...{ agent: INCIDENT.host, boot: order.boot, seq: number, incident: INCIDENT.id, order: id, approval: id },
    ...{ step: { phase, number }, state: 'done', exit: 0, started: ended - 500, ended, stderr: '', truncated: false },
    stdout: `said by ${phase} ${number}`,
    last,
  });
  const first = [done(1, 'pre', NOW - 8_000), done(1, 'step', NOW - 5_000)] as unknown as typeof INCIDENT.results;
  const running = { ...INCIDENT, state: 'executing', orders: [sent], results: first } as const;
  const desk = busy(running);
  await look({ keys: ['enter'], desk }, async (shown, seen) => {
    has(
      shown,
      'results',
      'before 1',
      'findmnt /srv/wal',
      'said by step 1',
      'step 2    running  systemctl restart wal-archiver',
    );
    has(shown, '3 of 3, under way for 5 s');
    const all = [...first, done(2, 'step', NOW, true)] as unknown as typeof INCIDENT.results;
    desk.put({ ...running, state: 'verifying', results: all });
    const after = await seen.text();
    has(after, 'said by step 2');
    assert.not.match(after, /under way for/);
    desk.put({ ...running, orders: [{ ...sent, bytes: new Uint8Array([1, 2, 3]) }] });
    assert.not.match(await seen.text(), /This view failed|under way/, 'an order that does not read');
  });
});

test('after a dry run the top of the incident says that nothing was changed, and how it would run', async () => {
  const dry = (number: number, phase: 'pre' | 'step') => ({
    ...{
      agent: INCIDENT.host,
      boot: '0123456789abcdef',
      seq: number,
      incident: INCIDENT.id,
      order: 'o',
      approval: 'a',
    },
    ...{
      step: { phase, number },
      state: 'dry_run',
      code: 'agent_dry_run',
      started: NOW,
      ended: NOW,
      stdout: '',
      stderr: '',
    },
    ...{ truncated: false, last: phase === 'step' },
  });
  const results = [dry(1, 'pre'), dry(1, 'step')] as unknown as typeof INCIDENT.results;
  const desk = busy({ ...INCIDENT, state: 'escalated', reason: 'dry_run', results });
  await look({ keys: ['enter'], desk }, (shown) => {
    has(shown, 'not run: the agent is in dry-run', 'Nothing was changed. Started with --live');
    assert.ok(shown.indexOf('results') < shown.indexOf('evidence'), 'above what led to it');
    assert.ok(shown.indexOf('journalctl -u postgresql') < shown.indexOf('plan  wal-archive'), 'with its command');
  });
});

test('an incident shows what changed and what was logged, and quotes what a stranger chose', async () => {
  await look({ keys: ['enter'], rows: 60 }, async (text, seen) => {
    assert.match(text, /e3 +log +“/);
    assert.not.match(text, /c1 +change/, 'what the cause does not cite is folded');
    assert.match(text, /3 more: e shows all/);
    seen.press('e');
    assert.match(await seen.text(), /c1 +change +11:40 package rsync/);
  });
});

test('an incident shows what its host was asked, and quotes the answer', async () => {
  const probes = [
    {
      id: INCIDENT.id,
      probe: 'unit_log' as const,
      name: 'postgresql.service',
      by: 'ann',
      asked: NOW,
      answered: NOW,
      state: 'done' as const,
      code: '',
      lines: [{ text: 'archive command failed \u001b[2J', trusted: false }],
      truncated: false,
    },
  ];
  await look({ keys: ['enter'], rows: 90, desk: busy({ ...INCIDENT, probes }) }, (text) => {
    assert.match(text, /unit_log postgresql\.service +done, 0s ago, by ann/);
    assert.match(text, /“archive command failed .*”/);
  });
});

test('beside the list no fact is left out for an event that says nothing', () =>
  look({ desk: busy({ ...INCIDENT, event: { ...INCIDENT.event, reason: '' } }) }, (text) =>
    has(text, '94.8 % full', 'grows by 3.2 %/h'),
  ));

test.run();
