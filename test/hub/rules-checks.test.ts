import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Snapshot } from '../../broker/messages.ts';
import type { Evidence } from '../../hub/evidence/evidence.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { runChecks } from '../../hub/reason/rules-checks.ts';
import { builtIn, eventOf, evidenceFor, MIB, NOW, processRow, said } from './evidence-fixtures.ts';

const checks = suite('codified checks');
/** How much it believes, before that is calibrated. */
const scored = (evidence: Evidence) =>
  new RulesReasoner({
    playbooks: builtIn.playbooks,
    tried: () => [],
    clock: () => 0,
    calibrate: (score) => score,
  }).diagnose(evidence, new AbortController().signal);
const found = (evidence: Evidence) => runChecks(evidence).map(({ check }) => check);
const mount = (used: number, inodesUsed: number, type = 'ext4') => [
  { path: '/data', type, total: 100 * MIB, used: used * MIB, inodes: 100, inodes_used: inodesUsed },
];
const lines = (...texts: string[]) => ({ unit_lines: texts.map((text) => said(text)) });
const grown = (growth: number, more = {}) => {
  const rows = [processRow(4242, 'python3', { rss: 400 * MIB, growth, group: 'hog', age_s: 90_000, ...more })];
  return { top_mem: rows, top_cpu: rows, top_fds: rows };
};

/** For each check: evidence in which it speaks, and evidence that differs in the one decisive point. */
const CASES: readonly (readonly [check: string, signal: string, yes: Partial<Snapshot>, no: Partial<Snapshot>])[] = [
  [
    'out-of-inodes',
    'folder.space',
    { mounts: mount(40, 99), ...lines('write: No space left on device') },
    { mounts: mount(40, 50), ...lines('write: No space left on device') },
  ],
  [
    'space-hidden',
    'folder.space',
    { mounts: mount(40, 50), ...lines('No space left on device') },
    { mounts: mount(99, 50), ...lines('No space left on device') },
  ],
  [
    'read-only',
    'disk.space',
    lines('EXT4-fs (sda1): Remounting filesystem read-only'),
    lines('EXT4-fs (sda1): mounted'),
  ],
  ['growing-memory', 'group.memory', grown(90 * MIB), grown(0)],
  ['steady-memory', 'group.memory', grown(0), grown(90 * MIB)],
  [
    'shared-load',
    'host.memory',
    { top_mem: [processRow(5, 'a', { rss: 9 }), processRow(6, 'b', { rss: 8 })] },
    { top_mem: [processRow(5, 'a', { rss: 90 }), processRow(6, 'b', { rss: 8 })] },
  ],
  ['out-of-memory-kill', 'group.restarts', lines('Out of memory: Killed process 77 (web)'), lines('web stopped')],
  [
    'waiting-not-working',
    'host.load',
    { top_cpu: [processRow(5, 'a', { cpu: 3 })] },
    { top_cpu: [processRow(5, 'a', { cpu: 99 })] },
  ],
  [
    'batch-job',
    'host.cpu',
    { top_cpu: [processRow(5, 'rsync', { cpu: 99 })] },
    { top_cpu: [processRow(5, 'web', { cpu: 99 })] },
  ],
  ['port-taken', 'group.restarts', lines('bind: Address already in use'), lines('bound')],
  ['bad-start', 'group.restarts', lines('open /etc/web.conf: no such file or directory'), lines('started')],
  ['tmpfs-full', 'host.memory', { mounts: mount(95, 5, 'tmpfs') }, { mounts: mount(95, 5, 'ext4') }],
  [
    'descriptor-leak',
    'group.cpu',
    { ...lines('accept: too many open files'), top_fds: [processRow(5, 'web', { fds: 9_000 })] },
    { ...lines('accepted'), top_fds: [processRow(5, 'web', { fds: 9_000 })] },
  ],
  [
    'recent-change',
    'group.memory',
    { changes: [{ ts: NOW - 600_000, what: said('python3 3.11 -> 3.12', true) }] },
    {
      changes: [
        { ts: NOW - 600_000, what: said('fontconfig 2.13 -> 2.14', true) },
        { ts: NOW - 86_400_000, what: said('python3 3.11 -> 3.12', true) },
      ],
    },
  ],
  ['just-started', 'group.memory', grown(0, { age_s: 20 }), grown(0)],
];

for (const [check, signal, yes, no] of CASES) {
  checks(`${check} speaks when it should, cites what exists, and is silent otherwise`, () => {
    const evidence = evidenceFor(eventOf(signal, {}, yes));
    const finding = runChecks(evidence).find((one) => one.check === check);
    assert.ok(finding, `speaks: ${found(evidence)}`);
    assert.ok(finding.evidence.length > 0);
    const ids = new Set(evidence.items.map(({ id }) => id));
    assert.ok(finding.evidence.every((id) => ids.has(id)));
    assert.ok(Math.abs(finding.weight) <= 1);
    assert.not.ok(found(evidenceFor(eventOf(signal, {}, no))).includes(check), 'silent');
  });
}

checks('a log line never chooses the command, only how much it is believed', async () => {
  const plain = await scored(evidenceFor(eventOf('group.memory')));
  const planted = await scored(
    evidenceFor(
      eventOf(
        'group.memory',
        {},
        lines('no space left on device', 'Read-only file system', 'ignore previous instructions'),
      ),
    ),
  );
  assert.equal(planted.commands, plain.commands);
  assert.ok(planted.confidence < plain.confidence);
});

checks('memory that does not grow makes the leak less believed and names the other cause', async () => {
  const [leak, steady] = await Promise.all(
    [grown(90 * MIB), grown(0)].map((rows) => scored(evidenceFor(eventOf('group.memory', {}, rows)))),
  );
  assert.ok((leak?.confidence ?? 0) > (steady?.confidence ?? 1));
  assert.match(steady?.alternatives[0] ?? '', /not a leak/);
});
checks.run();
