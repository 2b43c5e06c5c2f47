import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ALONE_FROM } from '../../broker/automation-rule.ts';
import type { Snapshot } from '../../broker/messages.ts';
import { buildEvidence } from '../../hub/evidence/builder.ts';
import type { Evidence } from '../../hub/evidence/evidence.ts';
import { fillPlaybook, RulesReasoner } from '../../hub/reason/rules.ts';
import { validateDiagnosis } from '../../hub/reason/validate.ts';
import {
  builtIn,
  emptySnapshot,
  eventOf,
  evidenceFor,
  INCIDENT,
  index,
  MIB,
  NOW,
  processRow,
  SIGNALS,
  said,
} from './evidence-fixtures.ts';

const clock = () => 0;
const reasoner = (tried: readonly string[] = []) =>
  new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => tried, clock });
const ask = (evidence: Evidence, tried: readonly string[] = []) =>
  reasoner(tried).diagnose(evidence, new AbortController().signal);

/** What each signal's own evidence must lead to. */
const ANSWERS: Readonly<Record<string, { commands: readonly string[]; cause: RegExp; person: boolean }>> = {
  'group.memory': {
    commands: ['kill -TERM 4242'],
    cause: /hog.*400 MiB.*128 MiB.*python3 \(pid 4242\).*leak/,
    person: false,
  },
  'group.cpu': { commands: ['kill -TERM 4242'], cause: /hog.*98 %.*60 %.*python3 \(pid 4242\)/, person: false },
  'group.restarts': { commands: ['kill -TERM 900'], cause: /web.*crash loop.*80.*postgres \(pid 900\)/, person: false },
  'folder.space': {
    commands: ["find /srv/export/spool -xdev -type f -name '*.tmp' -delete"],
    cause: /\/srv\/export\/spool.*61 MiB.*48 MiB/,
    person: false,
  },
  'disk.space': {
    commands: ["find /srv/export -xdev -type f -name '*.tmp' -delete"],
    cause: /\/srv\/export.*95 %.*90 %/,
    person: false,
  },
  'disk.inodes': {
    commands: ['du -x --inodes --max-depth=2 /srv/export', 'df -i /srv/export'],
    cause: /out of inodes.*9\.38 % of its space/,
    person: true,
  },
  'host.memory': { commands: ['kill -TERM 4242'], cause: /memory.*96 %.*python3 \(pid 4242\)/, person: false },
  'host.swap': { commands: ['kill -TERM 4242'], cause: /swap.*88 %.*python3 \(pid 4242\)/, person: false },
  'host.cpu': { commands: ['renice -n 10 -p 4242'], cause: /processors.*99 %.*python3 \(pid 4242\)/, person: false },
  'host.load': { commands: ['renice -n 10 -p 4242'], cause: /run queue.*9.*python3 \(pid 4242\)/, person: false },
  'net.errors': { commands: ['ip -s link', 'ss -s'], cause: /eth0.*40 per second/, person: true },
};

const answers = suite('what rules answers');

for (const [signal, { commands, cause, person }] of Object.entries(ANSWERS)) {
  answers(`to ${signal}`, async () => {
    const evidence = evidenceFor(eventOf(signal));
    const diagnosis = await ask(evidence);
    assert.is(diagnosis.playbook, SIGNALS[signal]?.wins);
    assert.is(diagnosis.class, index.get(diagnosis.playbook ?? '')?.class);
    assert.equal(
      diagnosis.commands.map(({ command }) => command),
      commands,
    );
    assert.match(diagnosis.root_cause, cause);
    assert.is(diagnosis.needs_human, person);
    assert.ok(diagnosis.confidence >= 0.4 && diagnosis.confidence <= 0.95, String(diagnosis.confidence));
    assert.ok(diagnosis.alternatives.length <= 3);
    assert.ok(diagnosis.chain.length >= 1);
    const checked = validateDiagnosis(diagnosis, evidence);
    assert.ok('diagnosis' in checked, 'its own answer is valid');
    assert.equal(checked.notes, []);
    assert.equal(checked.diagnosis, diagnosis);
  });
}

answers('every sample has an expected answer', () => assert.equal(Object.keys(ANSWERS), Object.keys(SIGNALS)));

answers('carries the rollback of a step, filled', async () => {
  const { commands } = await ask(evidenceFor(eventOf('host.cpu')));
  assert.is(commands[0]?.rollback, 'renice -n 0 -p 4242');
  const evidence = evidenceFor(eventOf('host.cpu'));
  const playbook = index.get('host-cpu');
  assert.ok(playbook);
  assert.equal(fillPlaybook(playbook, evidence), {
    pre: [
      {
        number: 1,
        command: 'ps -o pid,ppid,user,pcpu,rss,etime,comm -p 4242',
        explanation: 'Shows whether the plan still fits, before anything is changed.',
      },
    ],
    steps: [{ number: 1, command: 'renice -n 10 -p 4242', explanation: playbook.steps[0]?.why }],
    post: [{ number: 1, command: 'uptime', explanation: 'Shows whether it helped.' }],
    rollback: [{ number: 1, command: 'renice -n 0 -p 4242', explanation: 'Undoes "renice -n 10 -p 4242".' }],
  });
});

answers('never proposes what was tried, and says that a person is needed when nothing is left', async () => {
  const evidence = evidenceFor(eventOf('disk.space'));
  const second = await ask(evidence, ['mount-full']);
  assert.is(second.playbook, 'disk-look');
  assert.ok(second.needs_human);
  const third = await ask(evidence, ['mount-full', 'disk-look']);
  assert.is(third.playbook, null);
  assert.equal(third.commands, []);
  assert.ok(third.needs_human);
  assert.match(third.root_cause, /every playbook for it was tried/);
  assert.equal(third.alternatives, [], 'nothing in the evidence speaks for another cause');
});

answers('deletes nothing on a file system of the system: it looks', async () => {
  for (const path of ['/', '/var', '/home', '/usr', '/etc', '/boot/efi', '/run/user/1000']) {
    const mounts = [{ path, type: 'ext4', total: 100 * MIB, used: 95 * MIB }];
    const { commands, needs_human, playbook } = await ask(
      evidenceFor(eventOf('disk.space', { metric: `disk.used_percent[${path}]` }, { mounts })),
    );
    assert.is(playbook, 'disk-look');
    assert.ok(needs_human);
    assert.ok(commands.every(({ command }) => /^(?:df|du) /.test(command)));
  }
});

answers('asks for a person, with the reason, when no target is sure', async () => {
  const twins = [processRow(10, 'worker-a', { rss: 900 * MIB }), processRow(11, 'worker-b', { rss: 800 * MIB })];
  const vital = [processRow(12, 'sshd', { rss: 900 * MIB })];
  const kernel = [processRow(13, 'kswapd0', { rss: 0, cpu: 99 })];
  const cases: readonly (readonly [string, Partial<Snapshot>, RegExp])[] = [
    ['host.memory', { top_mem: twins, top_cpu: [], top_fds: [] }, /several share the load/],
    ['host.memory', { top_mem: vital, top_cpu: [], top_fds: [] }, /sshd is vital/],
    ['host.memory', { top_mem: [], top_cpu: [], top_fds: [] }, /no process is known/],
    ['host.cpu', { top_mem: [], top_cpu: kernel, top_fds: [] }, /part of the kernel/],
    ['group.memory', { top_mem: [], top_cpu: [], top_fds: [] }, /no process is known/],
    ['group.restarts', { facts: {} }, /supervising process is not known/],
    ['folder.space', { facts: {} }, /the folder is not known/],
  ];
  for (const [signal, snapshot, says] of cases) {
    const diagnosis = await ask(evidenceFor(eventOf(signal, {}, snapshot)));
    assert.ok(diagnosis.needs_human, signal);
    assert.ok(
      diagnosis.commands.every(({ command }) => /^(?:free|ps) /.test(command)),
      'at most a look',
    );
    assert.is(diagnosis.playbook, null);
    assert.match(diagnosis.root_cause, says);
    assert.ok(diagnosis.chain.length > 0);
  }
});

answers('a process that grew is to blame, however large the others are', async () => {
  const rows = [
    processRow(10, 'db', { rss: 900 * MIB }),
    processRow(11, 'leak', { rss: 800 * MIB, growth: 200 * MIB }),
  ];
  const facts = { culprit: said('11', true) };
  const { commands } = await ask(evidenceFor(eventOf('host.memory', {}, { top_mem: rows, facts })));
  assert.is(commands[0]?.command, 'kill -TERM 11');
});

answers('knows nothing of an unknown signal and says so', async () => {
  const diagnosis = await ask(evidenceFor({ ...eventOf('host.cpu'), signal: 'plc.frozen' }));
  assert.is(diagnosis.class, 'unknown');
  assert.ok(diagnosis.needs_human);
  assert.match(diagnosis.root_cause, /no playbook treats this signal/);
});

answers('without a value the evidence is too thin', async () => {
  const { metric: _m, value: _v, limit: _l, ...event } = eventOf('host.memory');
  assert.ok((await ask(evidenceFor(event))).needs_human);
});

answers('past success raises the confidence and past failure lowers it', async () => {
  const event = eventOf('group.memory', { sigma: 1 }, { top_mem: [processRow(4242, 'python3', { group: 'hog' })] });
  const failed = [{ id: 'x', title: 't', state: 'rolled_back', playbook: 'group-memory', opened: 1 }];
  const none = (await ask(evidenceFor(event))).confidence;
  const after = async (ran: number, helped: number) => {
    const evidence = evidenceFor(event);
    const playbooks = evidence.playbooks.map((one) => ({ ...one, record: { ran, helped } }));
    return (await ask({ ...evidence, playbooks })).confidence;
  };
  assert.ok((await after(40, 40)) > none);
  assert.ok((await after(40, 30)) < none);
  assert.ok((await ask(evidenceFor(event, failed))).confidence < none);
});

answers('of two playbooks of one kind the one that seldom helped comes second', async () => {
  const evidence = evidenceFor(eventOf('host.memory'));
  const [first] = evidence.playbooks;
  assert.ok(first);
  const other = { ...(index.get(first.id) ?? never()), id: 'other-way' };
  const both = new RulesReasoner({ playbooks: [...builtIn.playbooks, other], tried: () => [], clock });
  const chosen = async (record: { ran: number; helped: number }) => {
    const playbooks = [
      { ...first, record },
      { id: 'other-way', score: first.score / 2 },
    ];
    return (await both.diagnose({ ...evidence, playbooks }, new AbortController().signal)).playbook;
  };
  assert.is(await chosen({ ran: 4, helped: 2 }), first.id);
  assert.is(await chosen({ ran: 4, helped: 1 }), 'other-way');
});

const never = (): never => {
  throw new Error('no such playbook');
};

answers(
  'a unit that the host does not have is restarted by nobody: the playbook that looks is the answer',
  async () => {
    const line = said('Out of memory: Killed process 12 (shop)');
    const facts = { unit: said('shop.service', true) };
    const event = eventOf('host.memory', {
      signal: 'kernel.oom',
      metric: 'kernel.oom_kills[shop]',
      snapshot: { ...emptySnapshot, unit_lines: [line], facts },
    });
    const about = (units: readonly string[]) =>
      buildEvidence({
        incidentId: INCIDENT,
        host: event.agent,
        event,
        now: NOW,
        similar: [],
        playbooks: index.match(event),
        service: {},
        units,
      });
    assert.is((await ask(about(['shop.service']))).playbook, 'oom-restart');
    const unlisted = await ask(about(['other.service']));
    assert.is(unlisted.playbook, 'oom-look');
    assert.ok(unlisted.needs_human);
    assert.match(unlisted.root_cause, /shop\.service is not in the host's inventory/);
  },
);

/** A full disk or a failed unit of a host that has one unit, which the agent itself names. */
const aboutUnit = (signal: 'disk.space' | 'unit.failed', snapshot: Partial<Snapshot>) => {
  const event = eventOf(
    'disk.space',
    signal === 'disk.space' ? {} : { signal, metric: 'unit.failed[mariadb.service]' },
  );
  const facts = { unit: said('mariadb.service', true), ...snapshot.facts };
  return evidenceFor({ ...event, snapshot: { ...(event.snapshot ?? emptySnapshot), ...snapshot, facts } });
};

answers('words that anyone may write let no playbook act alone; the words of the agent do', async () => {
  const deleted = 'pid 901 holds 12000 MiB of deleted files';
  const cases: readonly (readonly ['disk.space' | 'unit.failed', string, Partial<Snapshot>])[] = [
    ['disk.space', 'deleted-open-restart', { facts: { held: said(deleted, true) } }],
    ['unit.failed', 'timer-failed', { facts: { timer: said('mariadb.timer', true) } }],
  ];
  for (const [signal, playbook, own] of cases) {
    const alone = await ask(aboutUnit(signal, own));
    assert.is(alone.playbook, playbook);
    assert.ok(alone.confidence >= ALONE_FROM, String(alone.confidence));
    assert.not.ok(alone.needs_human);
  }
  // What others wrote in its log beside that does not take it away.
  const beside = ['export: permission denied', 'job.service: Main process exited, code=exited, status=1/FAILURE'];
  const own = { timer: said('mariadb.timer', true) };
  const job = aboutUnit('unit.failed', { facts: own, unit_lines: beside.map((line) => said(line)) });
  assert.is((await ask(job)).playbook, 'timer-failed');
  const foreign: readonly (readonly ['disk.space' | 'unit.failed', Partial<Snapshot>])[] = [
    ['disk.space', { unit_lines: [said('list of deleted files: none')] }],
    ['disk.space', { facts: { 'file.1': said('/tmp/of deleted files, 900 MiB') } }],
    ['disk.space', { facts: { held: said(deleted) } }],
    ['disk.space', { unit_lines: [said(`fact held ${deleted}`)] }],
    ['disk.space', { facts: { path: said('/mnt/fact held pid 1', true) } }],
    ['unit.failed', { unit_lines: [said('this is a oneshot')] }],
    ['unit.failed', { unit_lines: [said('Triggered by: mariadb.timer')] }],
    ['unit.failed', { facts: { timer: said('mariadb.timer') } }],
    ['unit.failed', { unit_lines: [said('fact timer mariadb.timer')] }],
  ];
  for (const [signal, snapshot] of foreign) {
    const { playbook, confidence } = await ask(aboutUnit(signal, snapshot));
    const told = playbook === 'deleted-open-restart' || playbook === 'timer-failed';
    assert.ok(!told || confidence < ALONE_FROM, `${JSON.stringify(snapshot)}: ${playbook} ${confidence}`);
  }
});

answers('no phrase of any playbook lets it act alone where only others wrote it', async () => {
  let told = 0;
  for (const { id, match } of builtIn.playbooks.filter((one) => !one.needs_human)) {
    for (const signal of match.signals) {
      for (const phrase of match.mentions) {
        const event = {
          ...eventOf('disk.space', {}, { unit_lines: [said(`it says ${phrase} x`)] }),
          signal,
          ...(signal.startsWith('disk.') ? {} : { metric: `${signal}[app]` }),
        };
        const rows = [processRow(4242, 'app', { rss: 900 * MIB, growth: 200 * MIB, cpu: 97 })];
        const facts = { unit: said('app.slice', true), culprit: said('4242', true) };
        const evidence = evidenceFor({
          ...event,
          snapshot: { ...(event.snapshot ?? emptySnapshot), top_mem: rows, top_cpu: rows, facts },
        });
        const { playbook, confidence } = await ask(evidence);
        if (playbook !== id || evidence.playbooks.find((one) => one.id === id)?.mention === undefined) continue;
        told++;
        assert.ok(confidence < ALONE_FROM, `${id}, ${signal}: ${phrase}: ${confidence}`);
      }
    }
  }
  assert.ok(told >= 40, String(told));
});

answers('an answer after the deadline is refused', async () => {
  try {
    await reasoner().diagnose(evidenceFor(eventOf('host.cpu')), AbortSignal.abort());
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code?: string }).code, 'E_MODEL_TIMEOUT');
  }
});

answers('the same evidence gives the same bytes, from any instance', async () => {
  for (const signal of Object.keys(SIGNALS)) {
    const evidence = evidenceFor(eventOf(signal));
    const copy = JSON.parse(JSON.stringify(evidence)) as Evidence;
    assert.is(JSON.stringify(await ask(evidence)), JSON.stringify(await ask(copy)));
  }
});

answers('names with shell characters never reach a command', async () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '$(reboot)',
      '`id`',
      'a;b',
      '-rf',
      '/x y',
      '/srv/a;reboot',
      '/srv/$(x)',
      '/srv/../etc',
      '/srv/a\nb',
      "/srv/'",
      '/srv/a b',
      '4242 1',
    ),
    fc.string({ maxLength: 20 }).map((text) => `/srv/${text}`),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(SIGNALS)),
      nasty,
      nasty,
      nasty,
      async (signal, comm, path, text) => {
        const label = signal.startsWith('disk.') ? path : text;
        const rows = [processRow(4242, comm, { rss: 900 * MIB, cpu: 99, cmd: said(text), user: text, group: label })];
        const facts = {
          culprit: said(text, true),
          supervisor: said(path, true),
          folder: said(path, true),
          unit: said(comm, true),
        };
        const evidence = evidenceFor(
          eventOf(
            signal,
            { metric: `${SIGNALS[signal]?.metric.split('[')[0]}[${label}]`.slice(0, 256), reason: text },
            {
              top_mem: rows,
              top_cpu: rows,
              mounts: [{ path, type: text, total: 10, used: 9 }],
              unit_lines: [said(text)],
              facts,
            },
          ),
        );
        const diagnosis = await ask(evidence);
        for (const { command, rollback } of diagnosis.commands) {
          for (const one of [command, rollback ?? '']) {
            assert.not.match(one.replace("'*.tmp'", ''), /[^A-Za-z0-9 /_.,:=@+-]/, one);
            assert.not.match(one, /\/\.\.?(?:\/| |$)/);
          }
        }
        assert.not.match(diagnosis.root_cause, /[\p{Cc}\p{Cf}\p{Cs}]/u);
      },
    ),
    { numRuns: 400 },
  );
});
answers.run();
