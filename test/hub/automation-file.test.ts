import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AutomationRule, type SignedRule, signRule } from '../../broker/automation-rule.ts';
import { keyFile, makeLocalSite, readRoster, readSite } from '../../broker/enroll.ts';
import { newKeyPair, readKeyPair } from '../../broker/keys.ts';
import { lineLog } from '../../broker/log.ts';
import type { Roster } from '../../broker/messages.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { ulid } from '../../broker/ulid.ts';
import { spend } from '../../hub/automation/budget.ts';
import { FollowedRules } from '../../hub/automation/follow-rules.ts';
import { readAutomation } from '../../hub/automation/read.ts';
import { isSignedFrom, readRulesFile, ruleOf, type WrittenRule } from '../../hub/automation/rules-file.ts';
import { type HeldRules, heldRules, readSignedRules, writeSignedRules } from '../../hub/automation/signed-rules.ts';
import { readAudit } from '../../hub/chain/audit.ts';
import { automationCommand } from '../../hub/commands/automation.ts';
import { lookAtSettings } from '../../hub/doctor/files.ts';
import type { Incident, Plan } from '../../hub/incident.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { Store } from '../../hub/store/store.ts';
import { tempFolder, testAgent, until } from '../broker/site.ts';
import { ran } from './made-site.ts';
import { keys, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

const HOUR_MS = 3_600_000;
const NIGHT = `version: 1
rules:
  - name: restarts-at-night
    confidence: 0.93
    classes: [service-failed]
    tags: [role=edge]
    windows:
      - { days: [sat, sun], from: '22:00', to: '06:00' }
    per_host_hour: 2
    hosts_per_hour: 3
    days: 14
`;

const test = suite<{ state: StateFolder; done: () => void }>('automation.yaml');
test.before.each((context) => {
  const { path, done } = tempFolder();
  const state = stateFolder(join(path, 'site'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  Object.assign(context, { state, done });
});
test.after.each(({ done }) => done());

const write = (state: StateFolder, text: string): void => writeFileSync(state.automation, text);
const rosterOf = (state: StateFolder): Roster => readRoster(state, readSite(state)).roster;
const command = (state: StateFolder, ...argv: string[]) => ran(automationCommand, ...argv, '--state', state.root);
const heldIn = (state: StateFolder): HeldRules =>
  heldRules(readRulesFile(state.automation), readSignedRules(state.automationSigned), rosterOf(state));
const inShort = ({ inForce, unsigned }: HeldRules) => [
  inForce.map(({ rule }) => rule.name),
  unsigned.map(({ name }) => name),
];

test('a rule is read as it is written, and without the file there is none', ({ state }) => {
  assert.equal(readRulesFile(state.automation), []);
  write(state, NIGHT);
  const covers = {
    confidence: 0.93,
    classes: ['service-failed'],
    hosts: [],
    tags: ['role=edge'],
    windows: [{ days: [6, 0], from: 22 * 60, to: 6 * 60 }],
    per_host_hour: 2,
    hosts_per_hour: 3,
  };
  assert.equal(readRulesFile(state.automation), [{ name: 'restarts-at-night', days: 14, covers }]);
  write(state, 'version: 1\nrules:\n  - name: plain\n');
  const [plain] = readRulesFile(state.automation);
  assert.equal([plain?.days, plain?.covers.confidence, plain?.covers.per_host_hour], [31, 0.9, 4]);
});

const WRONG: Readonly<Record<string, readonly [number, RegExp]>> = {
  [NIGHT.replace('version: 1', 'version: 2')]: [1, /write "version: 1"/],
  [NIGHT.replace('0.93', '0.89')]: [4, /rules\.0\.confidence.*nothing less sure runs alone/],
  [NIGHT.replace('restarts-at-night', 'At Night')]: [3, /lower-case letters/],
  [NIGHT.replace("'22:00'", "'25:00'")]: [8, /such as '22:00'/],
  [NIGHT.replace("'06:00'", "'22:00'")]: [8, /no time lies between/],
  [NIGHT.replace('[sat, sun]', '[someday]')]: [8, /windows/],
  [NIGHT.replace('per_host_hour: 2', 'per_host_hour: 0')]: [9, /per_host_hour/],
  [NIGHT.replace('days: 14', 'days: 93')]: [11, /1 to 92 days/],
  [NIGHT.replace('tags: [role=edge]', "hosts: ['*']")]: [6, /groups of hosts are tags/],
  [NIGHT.replace('tags: [role=edge]', "tags: ['role=edge; hosts web-1']")]: [6, /key=word/],
  [NIGHT.replace('classes: [service-failed]', 'classes: ["x\\e[8m"]')]: [5, /class of a cause/],
  [NIGHT.replace('days: 14', 'reviewed: all')]: [3, /rules\.0/],
  [`${NIGHT}  - name: restarts-at-night\n`]: [1, /two rules are called restarts-at-night/],
};
test('a mistake is refused with file, line and what to write', ({ state }) => {
  for (const [text, [line, why]] of Object.entries(WRONG)) {
    write(state, text);
    assert.throws(
      () => readRulesFile(state.automation),
      (error: unknown) => {
        assert.instance(error, Error);
        const { message } = error as Error;
        assert.ok(message.startsWith(`${state.automation}:${line}: `), `${message}\n${text}`);
        assert.match(message, why);
        return true;
      },
    );
  }
});

test('the examples of the documentation are rules', () => {
  const doc = readFileSync(fileURLToPath(new URL('../../../docs/automation.md', import.meta.url)), 'utf8');
  const blocks = [...doc.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
  assert.ok(blocks.length > 0);
  const { path, done } = tempFolder();
  const file = join(path, 'automation.yaml');
  for (const text of blocks) {
    writeFileSync(file, text);
    assert.ok(readRulesFile(file).length > 0);
  }
  done();
});

test('an admin’s signature puts it in force; an edit of any kind takes it out until it is signed anew', async ({
  state,
}) => {
  await new Store(state.store, 'write').close();
  write(state, NIGHT);
  assert.equal(inShort(heldIn(state)), [[], ['restarts-at-night']]);
  assert.match((await command(state, 'show')).lines[0] ?? '', /^unsigned, so it lets nothing run.*restarts-at-night/);
  assert.is(
    lookAtSettings(state, Date.now()).every(({ ok }) => ok),
    false,
  );
  const { code, lines } = await command(state, 'sign', '--yes');
  assert.is(code, 0);
  assert.match(
    lines[0] ?? '',
    /^to be signed: restarts-at-night: .*from 0\.93 on; tags role=edge.*2 on a host.*3 hosts/,
  );
  assert.equal(inShort(heldIn(state)), [['restarts-at-night'], []]);
  assert.match((await command(state, 'show')).lines[0] ?? '', /^signed by/);
  assert.ok(lookAtSettings(state, Date.now()).every(({ ok }) => ok));
  const signed = readFileSync(state.automationSigned);
  assert.match((await command(state, 'sign', '--yes')).lines.at(-1) ?? '', /^0 signed by .*, 1 as they were/);
  assert.equal(readSignedRules(state.automationSigned).length, 1);
  for (const [from, to] of [
    ['0.93', '0.92'],
    ['[service-failed]', '[]'],
    ['[role=edge]', '[]'],
    ["'06:00'", "'07:00'"],
    ['per_host_hour: 2', 'per_host_hour: 3'],
    ['hosts_per_hour: 3', 'hosts_per_hour: 4'],
    ['    hosts_per_hour: 3\n', ''],
    ['days: 14', 'days: 15'],
    ['restarts-at-night', 'another'],
  ] as const) {
    write(state, NIGHT.replace(from, to));
    assert.is(heldIn(state).inForce.length, 0, `${from} to ${to}`);
  }
  write(state, 'version: 1\n');
  assert.equal(inShort(heldIn(state)), [[], []], 'a rule that is taken out is in force no more, signed or not');
  assert.ok(signed.length > 0);
});

test('no signature but that of an admin who is on the roster by now counts, and none over anything else', ({
  state,
}) => {
  write(state, NIGHT);
  const [written] = readRulesFile(state.automation);
  const roster = rosterOf(state);
  const [operator] = roster.operators;
  if (written === undefined || operator === undefined) throw new Error('a rule and an admin');
  const key = readKeyPair(keyFile.operator(state, operator.name));
  const rule = ruleOf(written, { id: ulid(), site: roster.site, by: operator.name, made: Date.now() });
  const held = (signed: SignedRule, by: Roster = roster) => heldRules([written], [signed], by).inForce.length;
  const good = signRule(rule, key);
  assert.is(held(good), 1);
  assert.is(held(signRule(rule, newKeyPair())), 0, 'another key');
  assert.is(held(signRule({ ...rule, by: 'nobody' }, key)), 0, 'another name');
  assert.is(held(signRule({ ...rule, site: 'elsewhere' }, key)), 0, 'another site');
  assert.is(held(good, { ...roster, operators: [] }), 0, 'off the roster');
  assert.is(held(good, { ...roster, operators: [{ ...operator, role: 'approver' }] }), 0, 'no admin');
  assert.is(held(good, { ...roster, operators: [{ ...operator, key: newKeyPair().public }] }), 0, 'another key by now');
  void fc.assert(
    fc.property(fc.nat(good.payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const payload = good.payload.slice();
      payload[at] = (payload[at] ?? 0) ^ flip;
      assert.is(held({ ...good, payload }), 0);
    }),
  );
});

test('a written rule is the signed one when it says the same in everything, and only then', () => {
  const some = fc.constantFrom<readonly string[]>([], ['a'], ['a', 'b'], ['b']);
  const covers = fc.record({
    confidence: fc.constantFrom(0.9, 0.95),
    classes: some,
    hosts: some,
    tags: some,
    windows: fc.constantFrom<AutomationRule['windows']>(
      [],
      [{ days: [0], from: 0, to: 60 }],
      [{ days: [1], from: 0, to: 60 }],
    ),
    per_host_hour: fc.integer({ min: 1, max: 2 }),
  });
  const written: fc.Arbitrary<WrittenRule> = fc.record({
    name: fc.constantFrom('a', 'b'),
    days: fc.constantFrom(1, 2),
    covers: fc.oneof(
      covers,
      covers.map((one) => ({ ...one, hosts_per_hour: 1 })),
    ),
  });
  void fc.assert(
    fc.property(written, written, (signed, now) => {
      const rule = ruleOf(signed, { id: ulid(), site: 'local', by: 'ann', made: 5 });
      assert.is(isSignedFrom(rule, now), JSON.stringify(signed) === JSON.stringify(now));
      assert.ok(isSignedFrom(rule, signed));
    }),
    { numRuns: 500 },
  );
});

test('a running hub follows both files: unsigned, signed, changed, broken; each change is in the chain once', async ({
  state,
}) => {
  const store = new Store(state.store, 'write');
  const log: string[] = [];
  const key = readKeyPair(keyFile.hub(state));
  const parts = { state, store, key, roster: () => rosterOf(state), now: Date.now };
  const followed = new FollowedRules({ ...parts, log: lineLog('hub', (line) => log.push(line)) });
  const told = () =>
    [...store.audit.getRange({})]
      .map(({ value }) => readAudit(value))
      .filter(({ kind }) => kind === 'automation.changed');
  try {
    await followed.start();
    assert.equal([inShort(followed.held), told().length], [[[], []], 0]);
    write(state, NIGHT);
    await until('it is read', () => followed.held.unsigned.length === 1 && told().length === 1);
    assert.match(log.join('\n'), /nobody has signed.*restarts-at-night/);
    await command(state, 'sign', '--yes');
    await until('it is in force', () => followed.held.inForce.length === 1 && told().length === 2);
    assert.equal(
      readAutomation(store, 1).written.map(({ name }) => name),
      ['restarts-at-night'],
    );
    write(state, NIGHT.replace('0.93', '0.91'));
    await until('the edit counts for nothing', () => followed.held.unsigned.length === 1 && told().length === 3);
    assert.is(followed.held.inForce.length, 0);
    assert.equal(readAutomation(store, 1).written, []);
    write(state, NIGHT.replace('0.93', 'much'));
    await until('the mistake is told', () => told().length === 4);
    assert.equal(inShort(followed.held), [[], []]);
    assert.match(log.join('\n'), /automation\.yaml:4: rules\.0\.confidence is wrong/);
    write(state, NIGHT);
    await until('it is in force again', () => followed.held.inForce.length === 1 && told().length === 5);
    writeFileSync(state.automationSigned, 'no CBOR of ours');
    await until('the signatures are gone', () => followed.held.inForce.length === 0 && told().length === 6);
    writeSignedRules(state.automationSigned, []);
    await until('it is unsigned', () => followed.held.unsigned.length === 1);
  } finally {
    await followed.close();
    await store.close();
  }
});

/** What `act` does with the rules of a site's file as a hub follows them, and what of them came into the chain. */
async function following(
  state: StateFolder,
  act: (parts: {
    readonly store: Store;
    /** A hub that starts, and one that ends. */
    readonly open: () => Promise<FollowedRules>;
    readonly told: () => readonly unknown[];
    roster: Roster;
  }) => Promise<void>,
): Promise<void> {
  const store = new Store(state.store, 'write');
  const key = readKeyPair(keyFile.hub(state));
  const opened: FollowedRules[] = [];
  const parts = {
    store,
    roster: rosterOf(state),
    open: async () => {
      const log = lineLog('hub', () => {});
      const one = new FollowedRules({ state, store, key, log, roster: () => parts.roster, now: Date.now });
      opened.push(one);
      await one.start();
      return one;
    },
    told: () =>
      [...store.audit.getRange({})]
        .map(({ value }) => readAudit(value))
        .filter(({ kind }) => kind === 'automation.changed'),
  };
  try {
    await act(parts);
  } finally {
    for (const one of opened) await one.close();
    await store.close();
  }
}

test('a hub that starts anew writes nothing into the chain while the rules are as it left them', async ({ state }) => {
  write(state, NIGHT);
  await following(state, async ({ open, told, store }) => {
    for (let start = 0; start < 3; start++) {
      const followed = await open();
      assert.equal([inShort(followed.held), told().length], [[[], ['restarts-at-night']], 1]);
      await followed.close();
    }
    write(state, NIGHT.replace('0.93', 'much'));
    for (let start = 0; start < 2; start++) await (await open()).close();
    assert.is(told().length, 2, 'a mistake that stays is told once');
    writeFileSync(state.automation, 'version: 1\n');
    for (let start = 0; start < 2; start++) await (await open()).close();
    assert.equal([told().length, readAutomation(store, 1).written], [3, []]);
  });
});

test('who leaves the roster takes the rules of the file along, and that is in the chain', async ({ state }) => {
  await new Store(state.store, 'write').close();
  write(state, NIGHT);
  await command(state, 'sign', '--yes');
  await following(state, async (parts) => {
    const followed = await parts.open();
    assert.equal(
      readAutomation(parts.store, 1).written.map(({ name }) => name),
      ['restarts-at-night'],
    );
    parts.roster = { ...parts.roster, version: parts.roster.version + 1, operators: [] };
    await followed.reload();
    assert.equal(inShort(followed.held), [[], ['restarts-at-night']]);
    assert.equal([parts.told().length, readAutomation(parts.store, 1).written], [2, []]);
  });
});

test('the doctor says which rule has lapsed or soon will, and signing gives it its days anew', async ({ state }) => {
  await new Store(state.store, 'write').close();
  write(state, NIGHT);
  await command(state, 'sign', '--yes');
  const DAY_MS = 24 * HOUR_MS;
  const found = (days: number) => lookAtSettings(state, Date.now() + days * DAY_MS);
  assert.ok(found(10).every(({ ok }) => ok));
  assert.match(found(11)[0]?.what ?? '', /^the rule restarts-at-night of \S+ lapses \d{4}-/);
  assert.match(found(15)[0]?.what ?? '', /has lapsed .*: it lets nothing run$/);
  // As if it had been signed twelve days ago: it is not left as it was.
  const [written] = readRulesFile(state.automation);
  const { site, operators } = rosterOf(state);
  const by = operators[0]?.name ?? '';
  if (written === undefined) throw new Error('a rule');
  const old = ruleOf(written, { id: ulid(), site, by, made: Date.now() - 12 * DAY_MS });
  writeSignedRules(state.automationSigned, [signRule(old, readKeyPair(keyFile.operator(state, by)))]);
  assert.is(found(0)[0]?.ok, false);
  assert.match((await command(state, 'sign', '--yes')).lines.at(-1) ?? '', /^1 signed by .*, 0 as they were/);
  assert.ok(found(0).every(({ ok }) => ok));
});

/** What a rule could cover. */
const ABLE: Partial<Plan> = { playbook: 'unit-failed', class: 'service-failed', confidence: 0.93 };
let uptime = 1_000;

const written = (name: string, covers: Partial<WrittenRule['covers']> = {}): WrittenRule => ({
  name,
  days: 31,
  covers: { confidence: 0.9, classes: [], hosts: [], tags: [], windows: [], per_host_hour: 4, ...covers },
});
const signedBy = (one: WrittenRule, key = keys.ann) => {
  const rule = ruleOf(one, { id: ulid(), site: 'local', by: 'ann', made: Date.now() });
  return { rule, signed: signRule(rule, key) };
};

async function withRules(held: HeldRules, act: (small: SmallHub) => Promise<void>): Promise<void> {
  const automation = { inForce: null, held: () => held, uptime: () => uptime };
  const small = await openSmallHub([testAgent('web-1')], { automation });
  try {
    await act(small);
  } finally {
    await small.close();
  }
}

async function routed(
  { hub, driver }: SmallHub,
  plan: Partial<Plan>,
  about: Partial<Incident> = {},
): Promise<Incident> {
  const { id } = await proposeTo(hub, plan, about);
  driver.wake(id);
  await until('routed', () => getIncident(hub.store, id)?.route !== undefined);
  const incident = getIncident(hub.store, id);
  if (incident === undefined) throw new Error('gone');
  return incident;
}

test('a rule that nobody has signed lets nothing run, and what it would let run says so', async () => {
  await withRules({ inForce: [], unsigned: [written('lab')] }, async (small) => {
    const { state, approval, route } = await routed(small, ABLE);
    assert.equal([state, approval, route?.code], ['proposed', null, 'unsigned']);
    assert.match(route?.why ?? '', /the rule lab would let it run, and no admin has signed it/);
    assert.is((await routed(small, { ...ABLE, decision: 'review' })).route?.code, 'no_rule');
  });
  const forged = { inForce: [signedBy(written('lab'), keys.eve)], unsigned: [] };
  await withRules(forged, async (small) => assert.is((await routed(small, ABLE)).route?.code, 'no_rule'));
});

test('a rule that is taken out while a plan is sent its way lets it run no more, and a person is asked', async () => {
  const rule = signedBy(written('gone'));
  let looks = 0;
  // It is there while the way is chosen, and is looked up once more when the approval is signed.
  const held = (): HeldRules => ({ inForce: ++looks <= 2 ? [rule] : [], unsigned: [] });
  const automation = { inForce: null, held, uptime: () => uptime };
  const small = await openSmallHub([testAgent('web-1')], { automation });
  try {
    const { state, approval, route } = await routed(small, ABLE);
    assert.equal([state, approval, route?.code], ['proposed', null, 'no_rule']);
    assert.ok(looks > 3);
  } finally {
    await small.close();
  }
});

test('of several rules the one that covers a plan lets it run: tiers by class, confidence and host', async () => {
  const sure = signedBy(written('sure', { confidence: 0.95 }));
  const restarts = signedBy(written('restarts', { classes: ['service-failed'], hosts: ['web-1'] }));
  await withRules({ inForce: [sure, restarts], unsigned: [] }, async (small) => {
    const by = async (plan: Partial<Plan>, about: Partial<Incident> = {}) => {
      const { route } = await routed(small, { ...ABLE, ...plan }, about);
      return route?.alone === true ? (/rule (\S+) of ann/.exec(route.why)?.[1] ?? '') : route?.code;
    };
    assert.is(await by({}), 'restarts');
    assert.is(await by({ confidence: 0.96 }), 'sure');
    assert.is(await by({ class: 'memory-leak', confidence: 0.96 }), 'sure');
    assert.is(await by({ class: 'memory-leak' }), 'E_RULE_CONFIDENCE');
    assert.is(await by({}, { host: 'db-1' }), 'E_RULE_CONFIDENCE');
  });
});

test('the blast radius: on so many hosts plans run within an hour, and a host among them goes on', async () => {
  const rule = signedBy(written('two-hosts', { hosts_per_hour: 2 }));
  await withRules({ inForce: [rule], unsigned: [] }, async (small) => {
    const codes: string[] = [];
    for (const host of ['web-1', 'web-2', 'web-3', 'web-1', 'web-4'])
      codes.push((await routed(small, ABLE, { host })).route?.code ?? '');
    assert.equal(codes, ['alone', 'alone', 'budget', 'alone', 'budget']);
    uptime += HOUR_MS;
    assert.is((await routed(small, ABLE, { host: 'web-3' })).route?.code, 'alone');
  });
});

test('neither budget is ever exceeded, whatever the hosts, also at once, hours, and restarts', async () => {
  const asked = fc.record({
    hosts: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 6 }),
    passes: fc.integer({ min: 0, max: HOUR_MS }),
    restarts: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(asked, { maxLength: 12 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      async (rounds, perHour, hosts) => {
        const { path, done } = tempFolder();
        let store = new Store(path, 'write');
        let now = 5_000;
        const spent: { readonly at: number; readonly host: string }[] = [];
        try {
          for (const { hosts: wanted, passes, restarts } of rounds) {
            now += passes;
            if (restarts) {
              await store.close();
              store = new Store(path, 'write');
            }
            const given = await Promise.all(
              wanted.map((host) => spend(store, { host, plan: ulid(), perHour, hosts, uptime: now })),
            );
            for (const [i, host] of wanted.entries()) if (given[i] !== null) spent.push({ at: now, host });
            const within = spent.filter(({ at }) => at > now - HOUR_MS);
            assert.ok(new Set(within.map(({ host }) => host)).size <= hosts, 'hosts');
            for (const host of wanted) assert.ok(within.filter((one) => one.host === host).length <= perHour, 'plans');
          }
        } finally {
          await store.close();
          done();
        }
      },
    ),
    { numRuns: 10 },
  );
});

test('what a file would have run of what is recorded is told before anyone signs it', async ({ state }) => {
  await new Store(state.store, 'write').close();
  const file = join(state.root, 'draft.yaml');
  writeFileSync(file, NIGHT);
  const { code, lines } = await command(state, 'try', '--file', file);
  assert.is(code, 0);
  assert.match(lines[0] ?? '', /^the rule restarts-at-night: .*from 0\.93 on, 2 on a host within an hour, 3 hosts/);
  assert.match(lines[1] ?? '', /^0 plans in 31 days/);
});

test.run();
