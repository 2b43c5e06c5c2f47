import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { event as eventShape } from '../../broker/messages.ts';
import { loadCatalogue } from '../../grammars/catalogue.ts';
import { buildEvidence, EVIDENCE_LIMITS } from '../../hub/evidence/builder.ts';
import { isSafeName, splitMetric } from '../../hub/evidence/names.ts';
import { duration, number, oneLine, plainName } from '../../hub/evidence/words.ts';
import { buildPrompt } from '../../hub/reason/prompt.ts';
import {
  emptySnapshot,
  eventOf,
  evidenceFor,
  INCIDENT,
  MIB,
  NOW,
  processRow,
  SIGNALS,
  said,
} from './evidence-fixtures.ts';

const builder = suite('building evidence');
const input = { incidentId: INCIDENT, host: 'host-1', now: NOW, similar: [], playbooks: [], service: {} };

builder('says the metric in words and numbers', () => {
  const evidence = evidenceFor(eventOf('group.memory', { eta: 190 }));
  const [first, second] = evidence.items;
  assert.is(first?.id, 'e1');
  assert.is(first?.kind, 'metric');
  assert.is(
    first?.text,
    'group.memory_mib[hog] is 400 MiB, healthy below 128 MiB, usual 32 MiB (deviation 1), 8 deviations from usual, rising 120 MiB per hour, exhausted in 3 minutes at this trend',
  );
  assert.ok(first?.trusted);
  assert.match(second?.text ?? '', /over its budget/);
  assert.not.ok(second?.trusted, 'a sentence may quote foreign names');
});

builder('puts the culprit first, with its labels, figures and slot', () => {
  const evidence = evidenceFor(eventOf('group.memory'));
  const [first] = evidence.entities;
  assert.equal(first, {
    kind: 'process',
    slot: 'E1',
    value: '4242',
    labels: ['culprit', 'top_mem', 'top_cpu', 'top_fds'],
    process: { pid: 4242, start: 42_420, comm: 'python3' },
  });
  const item = evidence.items.find(({ kind }) => kind === 'process');
  assert.equal(item?.entities, ['E1']);
  assert.not.ok(item?.trusted);
  assert.is(
    item?.text,
    'pid 4242 python3 [culprit, top_mem, top_cpu, top_fds] user app: rss 400 MiB, cpu 98 %, 9 open files, grew 90 MiB while watched, age 40 seconds, workload hog; command /usr/bin/python3',
  );
});

builder('finds the culprit of a group without the fact, by the measure of its signal', () => {
  const small = processRow(50, 'spin', { cpu: 90, rss: MIB, group: 'hog' });
  const large = processRow(51, 'store', { cpu: 3, rss: 900 * MIB, group: 'hog' });
  const other = processRow(52, 'other', { cpu: 99, rss: 999 * MIB });
  const rows = { top_mem: [other, large, small], top_cpu: [other, small, large], top_fds: [], facts: {} };
  const culpritOf = (signal: string) =>
    evidenceFor(eventOf(signal, {}, rows)).entities.find(({ labels }) => labels.includes('culprit'))?.value;
  assert.is(culpritOf('group.memory'), '51');
  assert.is(culpritOf('group.cpu'), '50');
  assert.is(culpritOf('host.memory'), undefined);
});

builder('takes no pid from foreign text, and none without an identity', () => {
  for (const fact of [
    said('900'),
    said('4242; reboot', true),
    said('31337', true),
    said('-1', true),
    said('1', true),
  ]) {
    const evidence = evidenceFor(eventOf('group.restarts', {}, { facts: { supervisor: fact } }));
    assert.not.ok(
      evidence.entities.some(({ labels }) => labels.includes('supervisor')),
      fact.text,
    );
  }
  const event = eventOf('group.restarts', {}, { facts: { supervisor: said('31337', true) } });
  const known = [{ pid: 31_337, start: 5, comm: 'runit' }];
  const evidence = buildEvidence({ ...input, event, processes: known });
  assert.equal(evidence.entities.find(({ value }) => value === '31337')?.process, known[0]);
});

builder('leaves out a pid that two processes claim', () => {
  const old = processRow(77, 'old', { rss: 900 * MIB });
  const reused = { ...processRow(77, 'new'), process: { pid: 77, start: 999_999, comm: 'new' } };
  const evidence = evidenceFor(
    eventOf('host.memory', {}, { top_mem: [old], top_cpu: [reused], facts: { culprit: said('77', true) } }),
  );
  assert.not.ok(evidence.entities.some(({ value }) => value === '77'));
});

builder('makes the mount or folder of the event the subject', () => {
  const subject = (signal: string) =>
    evidenceFor(eventOf(signal)).entities.find(({ labels }) => labels.includes('subject'));
  assert.is(subject('disk.space')?.kind, 'mount');
  assert.is(subject('disk.space')?.value, '/srv/export');
  assert.is(subject('folder.space')?.kind, 'folder');
  assert.is(subject('folder.space')?.value, '/srv/export/spool');
});

builder('marks as trusted only what nobody on the far side chose', () => {
  const evidence = buildEvidence({
    ...input,
    service: { role: 'database' },
    event: eventOf(
      'disk.space',
      { metric: 'disk.used_percent[/mnt/a b]' },
      {
        mounts: [{ path: '/mnt/a b', type: 'vfat', total: 100, used: 99 }],
        unit_lines: [said('hello'), said('unit started', true)],
        log_templates: [{ template: said('GET <path> <n>'), count: 9 }],
        changes: [{ ts: NOW - 60_000, what: said('package web 1.2 -> 1.3', true) }],
        facts: { cores: said('2', true), 'file.1': said('9 MiB /mnt/x') },
      },
    ),
  });
  const trusted = Object.fromEntries(evidence.items.map(({ text, trusted: is }) => [text, is]));
  assert.is(trusted['/mnt/a b (vfat): 99 % of 0.0001 MiB used'], false);
  assert.is(trusted['cores: 2'], true);
  assert.is(trusted['file.1: 9 MiB /mnt/x'], false);
  assert.is(trusted['service map, role: database'], true);
  assert.is(trusted['hello'], false);
  assert.is(trusted['unit started'], true);
  assert.is(trusted['9 times: GET <path> <n>'], false);
  assert.is(trusted['59 seconds before: package web 1.2 -> 1.3'], true);
  assert.is(evidence.items[0]?.trusted, false, 'a metric with an unsafe label');
  assert.is(evidence.items.at(-1)?.id, 'c1');
  assert.not.ok(
    evidence.entities.some(({ kind }) => kind === 'mount'),
    'an unsafe path is no entity',
  );
});

builder('is bounded, whatever a snapshot holds', () => {
  const rows = Array.from({ length: 16 }, (_, i) => processRow(100 + i, `p${i}`, { cmd: said('x'.repeat(512)) }));
  const evidence = evidenceFor(
    eventOf(
      'host.memory',
      {},
      {
        top_mem: rows,
        top_cpu: rows.map((row, i) => ({ ...row, process: { ...row.process, pid: 200 + i } })),
        mounts: Array.from({ length: 64 }, (_, i) => ({ path: `/m${i}`, type: 'ext4', total: 10, used: i % 10 })),
        unit_lines: Array.from({ length: 128 }, (_, i) => said(`line ${i} ${'y'.repeat(500)}`)),
        log_templates: Array.from({ length: 64 }, (_, i) => ({ template: said(`t${i}`), count: i })),
        changes: Array.from({ length: 64 }, (_, i) => ({ ts: NOW - i, what: said(`c${i}`) })),
        facts: Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`f${i}`, said('z')])),
      },
    ),
  );
  const count = (kind: string) => evidence.items.filter((item) => item.kind === kind).length;
  assert.is(count('process'), EVIDENCE_LIMITS.processes);
  assert.is(count('mount'), EVIDENCE_LIMITS.mounts);
  assert.is(count('fact'), EVIDENCE_LIMITS.facts + 1);
  assert.is(count('log'), EVIDENCE_LIMITS.unit_lines + EVIDENCE_LIMITS.log_templates);
  assert.is(count('change'), EVIDENCE_LIMITS.changes);
  assert.ok(evidence.items.every(({ text }) => text.length <= EVIDENCE_LIMITS.text));
  assert.ok(
    evidence.items.some(({ text }) => text.startsWith('line 127 ')),
    'the newest lines stay',
  );
});

builder('gives the same bytes for the same input, in any order of the rankings', () => {
  const rows = fc.uniqueArray(
    fc.record({
      pid: fc.integer({ min: 3, max: 60 }),
      rss: fc.integer({ min: 0, max: 9 }),
      cpu: fc.integer({ min: 0, max: 9 }),
    }),
    { selector: ({ pid }) => pid, maxLength: 12 },
  );
  void fc.assert(
    fc.property(fc.constantFrom(...Object.keys(SIGNALS)), rows, fc.infiniteStream(fc.nat()), (signal, given, order) => {
      const top = given.map(({ pid, rss, cpu }) => processRow(pid, `p${pid}`, { rss: rss * MIB, cpu }));
      const shuffled = top
        .map((row) => ({ row, key: Number(order.next().value) }))
        .sort((a, b) => a.key - b.key)
        .map(({ row }) => row);
      const parts = (list: typeof top) => {
        const { items, entities } = evidenceFor(eventOf(signal, {}, { top_mem: list, top_cpu: list }));
        return JSON.stringify({ items, entities });
      };
      assert.is(parts(top), parts(shuffled));
      assert.is(JSON.stringify(evidenceFor(eventOf(signal))), JSON.stringify(evidenceFor(eventOf(signal))));
    }),
    { numRuns: 60 },
  );
});

builder('never lets a hostile name become an entity, nor a control character become evidence', () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom('$(reboot)', '/x;y', 'a\u001b[2J', '\u202Eevil', '/a\nb', '/../etc'),
  );
  void fc.assert(
    fc.property(nasty, nasty, nasty, (name, path, text) => {
      const event = eventOf(
        'disk.space',
        { metric: `disk.used_percent[${path}]`.slice(0, 256), reason: text },
        {
          top_mem: [processRow(40, name.slice(0, 64), { user: text, cmd: said(text) })],
          mounts: [{ path, type: text, total: 10, used: 9 }],
          unit_lines: [said(text)],
          facts: { folder: said(path, true), unit: said(text, true), [text.slice(0, 128)]: said(name) },
        },
      );
      assert.ok(eventShape(event, ''), 'such an event passes the decoder');
      const { items, entities } = evidenceFor(event);
      for (const { kind, value } of entities) assert.ok(isSafeName(kind, value), value);
      for (const item of items) {
        assert.not.match(item.text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }
    }),
    { numRuns: 500 },
  );
});

builder('works without a snapshot', () => {
  const { snapshot: _, ...event } = eventOf('host.memory');
  const evidence = buildEvidence({ ...input, event });
  assert.is(evidence.snapshot, null);
  assert.equal(
    evidence.entities.map(({ kind }) => kind),
    ['host'],
  );
  assert.equal(emptySnapshot.facts, {});
});
builder('of very many facts keeps those that tell who did it and what grew, in the same order', () => {
  const facts = Object.fromEntries([
    ...Array.from({ length: 8 }, (_, i) => [`file.${i + 1}`, said(`${i} MiB /var/f${i}`)]),
    ...Array.from({ length: 8 }, (_, i) => [`open.${i + 1}`, said(`pid ${i}`)]),
    ...Array.from({ length: 5 }, (_, i) => [`grower.${i + 1}`, said(`+${i} MiB`)]),
    ...['cores', 'kernel', 'uptime_s', 'culprit', 'subject', 'value', 'path'].map((name) => [name, said('1', true)]),
  ]);
  const { items } = evidenceFor(eventOf('host.memory', {}, { facts }));
  const names = items.flatMap(({ kind, text }) =>
    kind === 'fact' ? [...text.matchAll(/^([a-z_]+(?:\.\d)?): /g)].map(([, name]) => name) : [],
  );
  assert.is(names.length, EVIDENCE_LIMITS.facts);
  for (const name of ['culprit', 'grower.5', 'file.3', 'open.3']) assert.ok(names.includes(name), name);
  assert.equal(names, [...names].sort());
});

builder('carries what changed and what the logs say into the prompt, with their marks', () => {
  const evidence = evidenceFor(
    eventOf(
      'host.memory',
      {},
      {
        unit_lines: [said('mes[12]: out of memory')],
        log_templates: [{ template: said('connection from <ip> refused'), count: 41 }],
        changes: [{ ts: NOW - 601_000, what: said('packages upgraded: mes 1.2 -> 1.3', true) }],
      },
    ),
  );
  const prompt = buildPrompt(evidence, loadCatalogue(), { tokens: 100_000, count: (text) => text.length });
  assert.match(prompt.incident, /^c1 change 10 minutes before: packages upgraded: mes 1\.2 -> 1\.3$/m);
  assert.match(prompt.incident, /log <<41 times: connection from < ?ip> refused>>/);
  assert.match(prompt.incident, /log <<mes\[12\]: out of memory>>/);
});
builder.run();

const words = suite('words of evidence');

words('numbers are short and never in exponents', () => {
  assert.equal([0, 412.4, 37.25, 3.456, 0.04242, 1e21, -5.5].map(number), [
    '0',
    '412',
    '37.3',
    '3.46',
    '0.0424',
    '1000000000000000000000',
    '-5.5',
  ]);
});

words('durations take the largest fitting unit', () => {
  assert.equal([1, 119, 120, 7_200, 200_000].map(duration), [
    '1 second',
    '119 seconds',
    '2 minutes',
    '2 hours',
    '2 days',
  ]);
});

words('a line has no more characters than asked, and no half ones', () => {
  void fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 50 }), (text, max) => {
      const line = oneLine(text, max);
      assert.ok([...line].length <= max);
      assert.not.match(line, /[\p{Cc}\p{Cf}\p{Cs}]/u);
      assert.match(plainName(text), /^[A-Za-z0-9._+:/@-]+$/);
    }),
  );
});

words('a metric is split at its label', () => {
  assert.equal(splitMetric('disk.used_percent[/var]'), { base: 'disk.used_percent', label: '/var' });
  assert.equal(splitMetric('x[a[b]]'), { base: 'x', label: 'a[b]' });
  assert.equal(splitMetric('cpu.percent'), { base: 'cpu.percent', label: null });
});
words.run();
