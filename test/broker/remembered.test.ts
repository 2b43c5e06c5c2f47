import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RuleError } from '../../broker/automation-rule.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { newKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import {
  checkRemembered,
  checkTemplate,
  type Named,
  openRemembered,
  REMEMBER,
  type RememberedRule,
} from '../../broker/remembered.ts';
import { NAMESPACES, sshSign } from '../../broker/sshsig.ts';
import { ulid } from '../../broker/ulid.ts';
import { type Program, programHash } from '../../policy/program.ts';

const DAY_MS = 86_400_000;
const MADE = Date.UTC(2026, 0, 4);
const admin = newKeyPair();
const roster: Roster = {
  site: 'local',
  version: 1,
  epoch: 1,
  hub_key: newKeyPair().public,
  operators: [{ name: 'adm', key: admin.public, role: 'admin', scopes: [] }],
};

const programOf = (...argv: string[]): Program => ({
  version: 1,
  jobs: [{ when: 'always', pipe: [{ argv, stdout: 'keep', stderr: 'keep' }] }],
});

const rule: RememberedRule = {
  id: ulid(MADE),
  site: 'local',
  incident: ulid(),
  by: 'adm',
  made: MADE,
  not_after: MADE + 14 * DAY_MS,
  hosts: ['web-1', 'web-2'],
  cause: 'fd-leak',
  confidence: 0.85,
  playbook: 'descriptor-hog',
  programs: [
    { phase: 'pre', number: 1, program: programOf('ps', '-p', '{process1}') },
    { phase: 'step', number: 1, program: programOf('kill', '-TERM', '{process1}') },
  ],
  reviewed: [1],
  processes: [{ comm: 'indexer', exe: '/usr/bin/indexer' }],
  per_host_hour: 4,
};
const process = { pid: 4_711, start: 99, comm: 'indexer', exe: '/usr/bin/indexer' };
const named: Named = {
  programs: [
    { phase: 'pre', number: 1, hash: programHash(programOf('ps', '-p', '4711')) },
    { phase: 'step', number: 1, hash: programHash(programOf('kill', '-TERM', '4711')) },
  ],
  reviewed: [1],
  processes: [process],
};
const asked = { now: MADE, host: 'web-1', cause: 'fd-leak', confidence: 0.9 };

/** The code of a refusal, or that there is none. */
function refusal(check: () => void): string {
  try {
    check();
    return 'covered';
  } catch (error) {
    if (error instanceof RuleError) return error.code;
    throw error;
  }
}

const test = suite('remembered approvals');

test('one is read back as it was signed, and any changed byte of it is refused', () => {
  const payload = encodeCbor(rule);
  const signed = { payload, signature: sshSign(payload, NAMESPACES.remembered, admin) };
  assert.equal(openRemembered(signed, roster), rule);
  void fc.assert(
    fc.property(fc.nat(payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = payload.slice();
      changed[at] = (changed[at] ?? 0) ^ flip;
      assert.throws(() => openRemembered({ ...signed, payload: changed }, roster));
    }),
  );
});

test('what was signed as anything else, or by one who is no admin, is none', () => {
  const payload = encodeCbor(rule);
  for (const namespace of Object.values(NAMESPACES).filter((one) => one !== NAMESPACES.remembered))
    assert.throws(
      () => openRemembered({ payload, signature: sshSign(payload, namespace, admin) }, roster),
      /signature/i,
    );
  const signed = { payload, signature: sshSign(payload, NAMESPACES.remembered, admin) };
  const operators = [{ name: 'adm', key: admin.public, role: 'approver' as const, scopes: [] }];
  assert.is(
    refusal(() => openRemembered(signed, { ...roster, operators })),
    'E_RULE_SIGNER',
  );
  assert.is(
    refusal(() => openRemembered(signed, { ...roster, operators: [] })),
    'E_RULE_SIGNER',
  );
  assert.is(
    refusal(() => openRemembered(signed, { ...roster, site: 'elsewhere' })),
    'E_RULE_SITE',
  );
});

test('it covers the hosts that it names, one cause, and until its day', () => {
  const covers = (change: Partial<typeof asked>) => refusal(() => checkRemembered(rule, { ...asked, ...change }));
  assert.is(covers({}), 'covered');
  assert.is(covers({ host: 'web-2', now: rule.not_after - 1 }), 'covered');
  assert.is(covers({ host: 'web-3' }), 'E_RULE_SCOPE');
  assert.is(covers({ cause: 'service-failed' }), 'E_RULE_SCOPE');
  assert.is(covers({ now: rule.not_after }), 'E_RULE_LAPSED');
  assert.is(covers({ confidence: 0.849 }), 'E_RULE_CONFIDENCE');
  assert.is(covers({ confidence: Number.NaN }), 'E_RULE_CONFIDENCE');
});

test('one whose id is of a day to come counts for nothing: what is revoked is kept in the order of ids', () => {
  const found = (id: string) => refusal(() => checkRemembered({ ...rule, id }, asked));
  assert.is(found(ulid(MADE + DAY_MS)), 'covered');
  assert.is(found(ulid(MADE + DAY_MS + 1)), 'E_RULE_LAPSED');
  assert.is(found('7ZZZZZZZZZZZZZZZZZZZZZZZZZ'), 'E_RULE_LAPSED');
});

test('whatever a rule says of itself, it lapses within a month and asks for no less than 0.80', () => {
  const any = fc.record({
    confidence: fc.double({ noNaN: true, noDefaultInfinity: true }),
    not_after: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    later: fc.integer({ min: 0, max: 400 * DAY_MS }),
    sure: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  void fc.assert(
    fc.property(any, ({ confidence, not_after, later, sure }) => {
      const said = { ...rule, confidence, not_after };
      const found = refusal(() => checkRemembered(said, { ...asked, now: MADE + later, confidence: sure }));
      const isIn = later < REMEMBER.days * DAY_MS && MADE + later < not_after;
      assert.is(found === 'covered', isIn && sure >= REMEMBER.confidence && sure >= confidence);
    }),
  );
});

test('nothing but the pid of its process is another’s to choose: no word, program, order, consent or process', () => {
  const [pre, step] = named.programs;
  const other = (...argv: string[]) => ({ phase: 'step' as const, number: 1, hash: programHash(programOf(...argv)) });
  if (pre === undefined || step === undefined) throw new Error('two programs');
  assert.is(
    refusal(() => checkTemplate(rule, named)),
    'covered',
  );
  const cases: Readonly<Record<string, Partial<Named>>> = {
    'another pid than its process': { programs: [pre, other('kill', '-TERM', '1')] },
    'another word': { programs: [pre, other('kill', '-KILL', '4711')] },
    'a word more': { programs: [pre, other('kill', '-TERM', '4711', '1')] },
    'the place itself': { programs: [pre, other('kill', '-TERM', '{process1}')] },
    'a step more': { programs: [pre, step, { ...other('kill', '-TERM', '4711'), number: 2 }] },
    'a check less': { programs: [step] },
    'another order': { programs: [step, pre] },
    'another phase': { programs: [pre, { ...step, phase: 'rollback' }] },
    'a process of another name': { processes: [{ ...process, comm: 'sshd' }] },
    'a process of another executable': { processes: [{ ...process, exe: '/usr/sbin/sshd' }] },
    'a process whose executable nobody saw': { processes: [{ pid: 4_711, start: 99, comm: 'indexer' }] },
    'no process': { processes: [] },
    'a process more': { processes: [process, { ...process, pid: 1 }] },
  };
  for (const [what, change] of Object.entries(cases))
    assert.is(
      refusal(() => checkTemplate(rule, { ...named, ...change })),
      'E_RULE_TEMPLATE',
      what,
    );
  for (const reviewed of [[], [1, 2], [2]])
    assert.is(
      refusal(() => checkTemplate(rule, { ...named, reviewed })),
      'E_RULE_CONSENT',
    );
});

test('a process whose executable runs what it is given is none that a rule stands for, whatever was signed', () => {
  const stands = (exe: string) =>
    refusal(() => checkRemembered({ ...rule, processes: [{ comm: 'indexer', exe }] }, asked));
  for (const exe of [
    ...[
      '/usr/bin/python3.11',
      '/usr/bin/python3',
      '/opt/venv/bin/python',
      '/usr/bin/python3.11 (deleted)',
      '/usr/bin/perl',
    ],
    ...[
      '/usr/bin/node',
      '/usr/lib/jvm/java-17-openjdk-amd64/bin/java',
      '/usr/bin/bash',
      '/usr/bin/dash',
      '/bin/busybox',
    ],
    ...[
      '/usr/bin/ruby3.1',
      '/usr/sbin/php-fpm8.2',
      '/usr/bin/php8.2',
      '/usr/bin/gawk',
      '/usr/bin/mono-sgen',
      '/usr/sbin/sshd',
    ],
    ...['/usr/lib/erlang/erts-13.1.5/bin/beam.smp', '/usr/bin/lua5.4', '/usr/bin/qemu-system-x86_64', '/usr/bin/tmux'],
    ...['/usr/bin/containerd-shim-runc-v2', '/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2', '/usr/bin/python3-dbg'],
    ...[
      '/usr/bin/perl5.36-x86_64-linux-gnu',
      '/usr/bin/ld.so',
      '/usr/bin/R',
      '/usr/bin/sudo',
      '/usr/lib/systemd/systemd',
    ],
    ...['/usr/bin/python3.13t', '/bin/busybox.nosuid', '/bin/bash.bash', '/lib64/ld64.so.2', '/lib/ld-2.31.so'],
  ])
    assert.is(stands(exe), 'E_RULE_TEMPLATE', exe);
  for (const exe of [
    '/usr/sbin/nginx',
    '/usr/bin/indexer',
    '/usr/sbin/mariadbd',
    '/usr/lib/postgresql/15/bin/postgres',
    '/usr/bin/redis-server',
    '/usr/sbin/apache2',
    '/usr/sbin/rsyslogd',
    '/opt/plant/nodes',
    '/usr/bin/sleep',
  ])
    assert.is(stands(exe), 'covered', exe);
  const kind = { comm: 'indexer', exe: '/usr/bin/python3.11' };
  const ran = { ...named, processes: [{ ...process, ...kind }] };
  assert.is(
    refusal(() => checkTemplate({ ...rule, processes: [kind] }, ran)),
    'covered',
    'what ran by one of an earlier version can be undone, and its record verified',
  );
});

test('a plan is covered when each of its words is the signed one, or the pid where a process stands, and only then', () => {
  const word = fc.constantFrom('kill', 'ps', '4711', '12', '{process1}', '{process2}', '{process3}', '{process11}');
  const words = fc.array(word, { minLength: 1, maxLength: 4 });
  const processes = [process, { pid: 12, start: 7, comm: 'feeder', exe: '/usr/bin/feeder' }];
  const kinds = processes.map(({ comm, exe }) => ({ comm, exe }));
  void fc.assert(
    fc.property(words, words, fc.boolean(), (signed, free, isFilled) => {
      const pidOf = (text: string) => (text === '{process1}' ? '4711' : text === '{process2}' ? '12' : text);
      const ran = isFilled ? signed.map(pidOf) : free;
      const template = {
        ...rule,
        processes: kinds,
        programs: [{ phase: 'step' as const, number: 1, program: programOf(...signed) }],
      };
      const programs = [{ phase: 'step' as const, number: 1, hash: programHash(programOf(...ran)) }];
      const isOpen = /^\{process\d\}$/.test(signed[0] ?? '') || signed.includes('{process3}');
      const isSame = ran.length === signed.length && ran.every((one, i) => one === pidOf(signed[i] ?? ''));
      const found = refusal(() => checkTemplate(template, { programs, reviewed: [1], processes }));
      assert.is(found === 'covered', isSame && !isOpen, `${signed.join(' ')} for ${ran.join(' ')}`);
    }),
    { numRuns: 500 },
  );
});

test.run();
