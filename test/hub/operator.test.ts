import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Signed, signAlone, signApproval } from '../../broker/approvals.ts';
import { keyFile, makeLocalSite, readRoster, readSite } from '../../broker/enroll.ts';
import { signLift } from '../../broker/halts.ts';
import { type KeyPair, newKeyPair, readKeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { fingerprintOf, sshLineOf } from '../../broker/operator-key.ts';
import { sealRoster } from '../../broker/roster.ts';
import { withoutOperator } from '../../broker/roster-change.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { ulid } from '../../broker/ulid.ts';
import { allowOnly } from '../../hub/automation/allow-only.ts';
import { verifyApprovals } from '../../hub/chain/approvals.ts';
import { appendAudit } from '../../hub/chain/audit.ts';
import { auditCommand } from '../../hub/commands/audit.ts';
import { haltCommand } from '../../hub/commands/halt.ts';
import { operatorCommand } from '../../hub/commands/operator.ts';
import { rosterCommand } from '../../hub/commands/roster.ts';
import { Store } from '../../hub/store/store.ts';
import * as samples from '../broker/samples.ts';
import { tempFolder } from '../broker/site.ts';
import { SoftToken } from '../broker/soft-token.ts';
import { makeSite, PASSPHRASE, ran } from './made-site.ts';

const test = suite<{ folder: string; done: () => void }>('sentinel operator');
test.before.each((context) => {
  const { path, done } = tempFolder();
  Object.assign(context, { folder: path, done });
});
test.after.each(({ done }) => done());

function keyOf(folder: string, name: string): { readonly pair: KeyPair; readonly file: string } {
  const pair = newKeyPair();
  const file = join(folder, `${name}.pub`);
  writeFileSync(file, `${sshLineOf(pair.public)} ${name}@plant-7\n`);
  return { pair, file };
}

function localSite(folder: string): StateFolder {
  const state = stateFolder(join(folder, 'local'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  return state;
}

const operator = (state: StateFolder, ...argv: string[]) => ran(operatorCommand, ...argv, '--state', state.root);
const refused = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'not refused',
    (error: unknown) => String(error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : error),
  );

test('on a local site a change is signed and in force at once', async ({ folder }) => {
  const state = localSite(folder);
  const ann = keyOf(folder, 'ann');
  const [admin] = readRoster(state, readSite(state)).roster.operators;
  assert.equal((await operator(state, 'add', 'ann', '--key', ann.file)).lines, ['version 2, epoch 1 is in force']);
  const listed = await operator(state, 'list', '--json');
  const [, second] = listed.lines.map((line) => JSON.parse(line));
  assert.equal(second, {
    name: 'ann',
    role: 'viewer',
    scopes: [],
    key: sshLineOf(ann.pair.public),
    fingerprint: fingerprintOf(ann.pair.public),
    version: 2,
    until: null,
  });
  const next = keyOf(folder, 'next');
  await operator(state, 'rotate', 'ann', '--key', next.file);
  assert.match((await operator(state, 'list')).lines[1] ?? '', fingerprintOf(next.pair.public));
  await operator(state, 'revoke', 'ann');
  assert.is((await operator(state, 'list')).lines.length, 1);
  const all = (await operator(state, 'list', '--former', '--json')).lines.map((line) => JSON.parse(line));
  assert.equal(
    all.map(({ name, until }) => [name, until]),
    [
      [admin?.name, null],
      ['ann', 2],
      ['ann', 3],
    ],
  );
});

test('where the root key is elsewhere it is asked for; carried to the hub, the change is installed there', async ({
  folder,
}) => {
  const made = await makeSite(folder);
  const { state } = made;
  const bob = keyOf(folder, 'bob');
  const add = ['add', 'bob', '--key', bob.file, '--role', 'approver', '--scope', 'tag:web', '--scope', 'host:db-1'];
  assert.match(await refused(operator(state, ...add)), /--root-key/);
  const root = ['--root-key', made.rootKey, '--passphrase-file', made.passphraseFile];
  const [carried, out] = [join(folder, 'roster.cbor'), join(folder, 'next.cbor')];
  writeFileSync(carried, readFileSync(state.roster));
  await ran(operatorCommand, ...add, ...root, '--in', carried, '--out', out);
  assert.is(readRoster(state, made.site).roster.version, 1, 'nothing is in force yet');
  assert.is((await ran(rosterCommand, 'install', out, '--state', state.root)).code, 0);
  assert.equal(
    readRoster(state, made.site).roster.operators.map(({ name, role, scopes }) => [name, role, ...scopes].join(' ')),
    ['ann admin', 'bob approver tag:web host:db-1'],
  );
  assert.is((await operator(state, 'revoke', 'bob', ...root)).code, 0, 'with the root key here, at once');
  // Another site's root signs nothing for this one.
  const other = await makeSite(folder, 'plant-8');
  const theirs = ['--root-key', other.rootKey, '--passphrase-file', other.passphraseFile];
  assert.match(await refused(operator(state, 'revoke', 'ann', ...theirs)), /E_SIGNATURE/);
});

test('refused with a reason, and nothing is written: a role, a name, a key, a verb that there is not', async ({
  folder,
}) => {
  const state = localSite(folder);
  const { file } = keyOf(folder, 'ann');
  const before = readFileSync(state.roster);
  const own = readSite(state).localOperator;
  for (const [argv, why] of [
    [['add', 'ann', '--key', file, '--role', 'root'], /E_USAGE.*--role takes/s],
    [['add', 'ann', '--key', file, '--scope', 'web-1'], /E_USAGE.*host:ID/s],
    [['add', 'Ann Smith', '--key', file], /E_USAGE.*a-z/s],
    [['add', 'ann'], /E_USAGE.*--key FILE/s],
    [['add', 'ann', '--key', keyFile.siteRoot(state)], /E_KEY_FILE.*private key/s],
    [['add', 'ann', 'bob', '--key', file], /E_USAGE/],
    [['promote', 'ann'], /E_USAGE.*no such verb/s],
    [['rotate', 'ann', '--key', file], /E_OPERATOR_UNKNOWN/],
    [['revoke', own], /E_OPERATOR_LAST_ADMIN/],
  ] as const) {
    assert.match(await refused(operator(state, ...argv)), why, argv.join(' '));
  }
  assert.equal(readFileSync(state.roster), before);
  assert.not(existsSync(join(folder, 'roster-2.cbor')));
});

test('a roster that is full takes nobody in, and lets everyone be taken off', async ({ folder }) => {
  const state = localSite(folder);
  const site = readSite(state);
  const { file } = keyOf(folder, 'ann');
  const root = readKeyPair(keyFile.siteRoot(state));
  const key = (i: number) => new Uint8Array(32).fill(i);
  const { roster } = readRoster(state, site);
  // As many as `add` lets in, without their scopes: what grows most when it is revoked.
  const many = (count: number) => ({
    ...roster,
    operators: [
      ...roster.operators,
      ...Array.from({ length: count }, (_, i) => ({ name: `o${i}`, key: key(i), role: 'admin' as const, scopes: [] })),
    ],
  });
  let count = 0;
  while (sealRoster(many(count + 1), root).length <= 15_360) count++;
  let full: Roster = many(count);
  writeFileSync(state.roster, sealRoster(full, root));
  assert.match(await refused(operator(state, 'add', 'ann', '--key', file)), /E_OPERATOR_FULL/);
  assert.match(await refused(operator(state, 'rotate', 'o1', '--key', file)), /E_OPERATOR_FULL/);
  for (let i = 0; i < count - 1; i++) full = withoutOperator(full, `o${i}`);
  writeFileSync(state.roster, sealRoster({ ...full, version: 1_000_000 }, root));
  assert.is((await operator(state, 'revoke', `o${count - 1}`)).code, 0);
  const left = readRoster(state, site).roster;
  assert.equal([left.operators.length, left.former?.length], [1, count]);
});

test('audit verify holds each approval against the keys that its operator has had, and names the first forged one', async ({
  folder,
}) => {
  const made = await makeSite(folder);
  const { state } = made;
  const root = ['--root-key', made.rootKey, '--passphrase-file', made.passphraseFile];
  const bob = keyOf(folder, 'bob');
  await operator(state, 'add', 'bob', '--key', bob.file, '--role', 'approver', ...root);
  const hub = readKeyPair(keyFile.hub(state));
  const store = new Store(state.store, 'write');
  const approved = async (by: KeyPair) => {
    const said = { ...samples.approval, id: ulid(), site: made.site.name, by: 'bob', role: 'approver' } as const;
    const { payload, signature } = signApproval(said, by);
    const data = { approval: payload, signature };
    const entry = { kind: 'plan.approved', incident: said.incident, actor: 'bob', data };
    await store.write(() => appendAudit(store, hub, entry, Date.now()));
  };
  try {
    await approved(bob.pair);
    await operator(state, 'revoke', 'bob', ...root);
    const verified = await ran(auditCommand, 'verify', '--state', state.root);
    assert.is(verified.code, 0, verified.lines.join('\n'));
    assert.match(verified.lines.join('\n'), /^1 records.*\n1 approvals, each signed by the operator/);
    // The hub has its own key, and so writes a chain that is whole; it has none of an operator's.
    await approved(hub);
    const forged = await ran(auditCommand, 'verify', '--json', '--state', state.root);
    assert.is(forged.code, 1);
    const { ok, record } = JSON.parse(forged.lines[0] ?? '');
    assert.equal([ok, record], [false, 2]);
  } finally {
    await store.close();
  }
});

test('audit verify names a true approval that stands for another decision, and one by a key after its days', async ({
  folder,
}) => {
  const [bob, cid] = [newKeyPair(), newKeyPair()];
  const ann = { name: 'ann', key: cid.public, role: 'admin' as const, scopes: [] };
  const roster: Roster = { site: 'plant-7', version: 3, epoch: 1, hub_key: cid.public, operators: [ann] };
  const former = [{ name: 'bob', key: bob.public, role: 'approver' as const, until: 2 }];
  const { approval } = samples;
  const by = (id: string) => signApproval({ ...approval, id, site: 'plant-7', by: 'bob' }, bob);
  const { signed: rule } = allowOnly({ name: 'ann', role: 'admin', site: 'plant-7', key: cid }, roster, Date.now());
  const cause = { cause: 'disk-full', confidence: 0.99 };
  const alone = { rule: rule.payload, rule_signature: rule.signature, ...cause };
  const unasked = { ...approval, site: 'plant-7', by: 'ann', role: 'admin', reviewed: [], alone } as const;
  const [first, second] = [by(ulid()), by(ulid())];
  const entry = ({ payload, signature }: Signed) => ({
    kind: 'plan.approved',
    incident: approval.incident as string | null,
    actor: 'bob',
    data: { approval: payload, signature } as Record<string, unknown>,
  });
  const installed = (version: number) => ({ ...entry(first), kind: 'roster.changed', data: { version } });
  for (const [i, [entries, why]] of (
    [
      [[installed(2), entry(first), entry(second), installed(3)], null],
      [[installed(2), entry(first), entry(first)], /record 2 already/],
      [[installed(2), { ...entry(first), incident: ulid() }], /for the incident/],
      [[installed(2), { ...entry(first), actor: 'ann' }], /by bob/],
      [[installed(3), entry(first)], /bob was off the roster/],
      [[{ ...entry(signAlone(unasked, cid)), kind: 'plan.approved_alone', actor: 'hub' }], null],
      [[{ ...entry(signAlone(unasked, cid)), actor: 'ann' }], /no person has approved/],
      [[{ ...entry(first), kind: 'plan.approved_alone', actor: 'hub' }], /a person has approved/],
      [[{ ...entry(first), data: {} }], /no signature/],
    ] as const
  ).entries()) {
    const store = new Store(join(folder, `store-${i}`), 'write');
    try {
      for (const one of entries) await store.write(() => appendAudit(store, cid, one, Date.now()));
      const found = verifyApprovals(store, { ...roster, former });
      assert.is(found.first?.record ?? null, why === null ? null : entries.length, `${i} ${found.first?.why}`);
      if (why !== null) assert.match(found.first?.why ?? '', why);
    } finally {
      await store.close();
    }
  }
});

test('two persons: set for hosts, listed, taken back; not where one could approve alone', async ({ folder }) => {
  const state = localSite(folder);
  assert.match(await refused(operator(state, 'two-person', 'all')), /E_OPERATOR_TWO/);
  await operator(
    state,
    'add',
    'ann',
    '--key',
    keyOf(folder, 'ann').file,
    '--role',
    'approver',
    '--scope',
    'effect:restart',
  );
  assert.match((await operator(state, 'list')).lines[1] ?? '', /effect:restart$/);
  for (const argv of [['half'], ['all', '--scope', 'effect:read'], ['all', '--scope', '*']])
    assert.match(await refused(operator(state, 'two-person', ...argv)), /E_USAGE/, argv.join(' '));
  await operator(state, 'two-person', 'review');
  await operator(state, 'two-person', 'all', '--scope', 'host:web-1', '--scope', 'tag:safety');
  assert.equal((await operator(state, 'list')).lines.slice(2), [
    'two persons must agree to each plan with a command that needs consent on every host',
    'two persons must agree to every plan on host:web-1',
    'two persons must agree to every plan on tag:safety',
  ]);
  const shown = await ran(rosterCommand, 'show', '--json', '--state', state.root);
  assert.is(JSON.parse(shown.lines[0] ?? '').two_person.length, 3);
  await operator(state, 'two-person', 'off');
  await operator(state, 'two-person', 'off', '--scope', 'host:web-1', '--scope', 'tag:safety');
  assert.is((await operator(state, 'list')).lines.length, 2);
});

test('a key in a token is added and listed; a folder and no file are said as such', async ({ folder }) => {
  const state = localSite(folder);
  const token = new SoftToken();
  const file = join(folder, 'id_ann_sk.pub');
  writeFileSync(file, `${sshLineOf(token.pair.public, 'ssh:')} ann@plant-7\n`);
  await operator(state, 'add', 'ann', '--key', file, '--role', 'admin');
  const listed = (await operator(state, 'list', '--json')).lines.map((line) => JSON.parse(line));
  assert.equal(
    [listed[1].key, listed[1].fingerprint],
    [sshLineOf(token.pair.public, 'ssh:'), fingerprintOf(token.pair.public, 'ssh:')],
  );
  assert.match((await operator(state, 'list')).lines[1] ?? '', / token$/);
  assert.match(await refused(operator(state, 'add', 'bob', '--key', folder)), /E_KEY_FILE.*is a folder/);
  assert.match(await refused(operator(state, 'add', 'bob', '--key', join(folder, 'none'))), /E_KEY_FILE.*not there/);
});

test('a roster that no hub would take is not signed either', async ({ folder }) => {
  const made = await makeSite(folder);
  const root = ['--root-key', made.rootKey, '--passphrase-file', made.passphraseFile];
  const pair = readKeyPair(made.rootKey, PASSPHRASE);
  const { roster } = readRoster(made.state, made.site);
  const former = Array.from({ length: 256 }, (_, i) => ({
    ...{ name: `operator-${i}`, key: new Uint8Array(32).fill(i), role: 'admin' as const },
    until: 1,
  }));
  const fat = join(folder, 'fat.cbor');
  writeFileSync(fat, sealRoster({ ...roster, former }, pair));
  const out = join(folder, 'next.cbor');
  assert.match(
    await refused(ran(rosterCommand, 'sign', ...root, '--in', fat, '--out', out, '--state', made.state.root)),
    /E_OPERATOR_FULL/,
  );
  assert.not(existsSync(out));
});

test('halt --status says that a lift counts no more, since its signer has left', async ({ folder }) => {
  const state = localSite(folder);
  const site = readSite(state);
  const { roster } = readRoster(state, site);
  const bob = keyOf(folder, 'bob');
  await operator(state, 'add', 'bob', '--key', bob.file, '--role', 'admin');
  const { payload: lift, signature: lift_signature } = signLift({ site: site.name, counter: 1, by: 'bob' }, bob.pair);
  const halt = { site: site.name, epoch: roster.epoch, counter: 2, halted: false, at: 5, by: 'bob', reason: '' };
  const store = new Store(state.store, 'write');
  await store.write(() => void store.meta.put('halt', { ...halt, lift, lift_signature }));
  await store.close();
  const status = () => ran(haltCommand, '--status', '--state', state.root);
  assert.equal((await status()).lines, ['not halted']);
  await operator(state, 'revoke', 'bob');
  const { lines, code } = await status();
  assert.equal([lines[0], code], ['not halted', 0]);
  assert.match(lines[1] ?? '', /away may be halted still: bob is no admin/);
});

test.run();
