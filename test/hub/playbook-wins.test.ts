import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LIMITS } from '../../agent/detect/limits.ts';
import type { Event } from '../../broker/messages.ts';
import { fillCommand, SAMPLES } from '../../hub/playbook-placeholders.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { builtIn, emptySnapshot, evidenceFor, MIB, NOW, processRow, said } from './evidence-fixtures.ts';

/** One incident for each playbook: what its agent would say, and the playbook that must be the answer. */
interface Row {
  readonly playbook: string;
  readonly signal: string;
  readonly metric: string;
  readonly lines: readonly string[];
  readonly facts: Readonly<Record<string, string>>;
  readonly changes?: readonly string[];
  readonly culprit?: string;
  readonly supervisor?: string;
}

const rows = readFileSync(new URL('../../../fixtures/playbooks/incidents.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);

function eventOf({ signal, metric, lines, facts, changes = [], culprit, supervisor }: Row): Event {
  const named = (name: string, pid: number) => processRow(pid, name, { rss: 900 * MIB, growth: 200 * MIB, cpu: 97 });
  const processes = [
    ...(culprit === undefined ? [] : [named(culprit, 4242)]),
    ...(supervisor === undefined ? [] : [named(supervisor, 4243)]),
    processRow(900, 'postgres'),
  ];
  const pids = {
    ...(culprit === undefined ? {} : { culprit: '4242' }),
    ...(supervisor === undefined ? {} : { culprit: '4243', supervisor: '4243' }),
  };
  const said_ = Object.entries({ ...facts, ...pids }).map(([key, text]) => [key, said(text, true)] as const);
  const mount = /^disk\.[a-z_]+\[(.+)\]$/.exec(metric)?.[1] ?? '/srv/export';
  return {
    agent: 'host-1',
    boot: '0123456789abcdef',
    seq: 1,
    ts: NOW,
    kind: 'anomaly',
    signal,
    severity: 'warning',
    metric,
    value: 99,
    limit: { value: 90, healthy: 'below' },
    reason: 'It is over its limit.',
    fingerprint: `${signal}:x`,
    snapshot: {
      ...emptySnapshot,
      top_cpu: processes,
      top_mem: processes,
      mounts: [{ path: mount, type: 'ext4', total: 100, used: 99 }],
      unit_lines: lines.map((line) => said(line)),
      changes: changes.map((what) => ({ ts: NOW - 60_000, what: said(what) })),
      facts: Object.fromEntries(said_),
    },
  };
}

const test = suite('each playbook is the answer to something');
const reasoner = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], clock: () => 0 });

for (const row of rows) {
  test(`${row.playbook} answers ${row.signal}${row.lines[0] === undefined ? '' : `: ${row.lines[0].slice(0, 40)}`}`, async () => {
    const evidence = evidenceFor(eventOf(row));
    const diagnosis = await reasoner.diagnose(evidence, new AbortController().signal);
    assert.is(diagnosis.playbook, row.playbook, diagnosis.root_cause);
    const { cause = '' } = builtIn.playbooks.find(({ id }) => id === row.playbook) ?? {};
    assert.ok(diagnosis.root_cause.startsWith(cause.slice(0, 60)), diagnosis.root_cause);
  });
}

test('every built-in playbook is the answer to at least one of them, and there are more than 60', () => {
  const answered = new Set(rows.map(({ playbook }) => playbook));
  assert.equal(
    builtIn.playbooks.map(({ id }) => id).filter((id) => !answered.has(id)),
    [],
  );
  assert.ok(answered.size >= 60, `${answered.size}`);
});

test('every signal that an agent’s limits send has a playbook, and every playbook a signal that is sent', () => {
  const sent = new Set(LIMITS.map(({ signal }) => signal));
  const treated = new Set(builtIn.playbooks.flatMap(({ match }) => match.signals));
  assert.equal([...sent].filter((signal) => !treated.has(signal)).sort(), []);
  assert.equal([...treated].filter((signal) => !sent.has(signal)).sort(), []);
});

test('no step is blocked, and each can be compiled, with what undoes it', async () => {
  const policy = await loadPolicy();
  for (const { id, steps } of builtIn.playbooks) {
    for (const command of steps.flatMap(({ run, rollback }) => (rollback === null ? [run] : [run, rollback]))) {
      const { program, decision } = policy.check(fillCommand(command, SAMPLES) ?? '', null);
      assert.ok(program !== null && decision !== 'block', `${id}: ${command}`);
    }
  }
});

test.run();
