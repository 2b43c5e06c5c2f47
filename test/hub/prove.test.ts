import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { signApproval } from '../../broker/approvals.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { sealCheckpoint } from '../../broker/halts.ts';
import { type KeyPair, newKeyPair, signBytes } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { sealRoster } from '../../broker/roster.ts';
import { NAMESPACES, sshSign } from '../../broker/sshsig.ts';
import { secondOf } from '../../broker/two-person.ts';
import { type AuditEntry, GENESIS } from '../../hub/chain/audit.ts';
import { GrowingTree } from '../../hub/chain/merkle.ts';
import { auditCommand } from '../../hub/commands/audit.ts';
import { Store } from '../../hub/store/store.ts';
import * as samples from '../broker/samples.ts';
import { tempFolder } from '../broker/site.ts';
import { ran } from './made-site.ts';
import { type ProvableSite, provableSite } from './provable-site.ts';

const VERIFIER = fileURLToPath(new URL('../../hub/proof/verify.mjs', import.meta.url));
const test = suite<{ folder: string; done: () => void; made: ProvableSite; incident: string }>('audit prove');

test.before.each(async (context) => {
  const { path: folder, done } = tempFolder();
  const made = await provableSite(folder);
  Object.assign(context, { folder, done, made, incident: made.incident });
});
test.after.each(({ done }) => done());

const check = (...argv: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [VERIFIER, ...argv], { encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
};

test('one incident’s records are proved to who has nothing but Node, and a changed byte is named', async ({
  folder,
  made,
  incident,
}) => {
  const file = join(folder, 'proof.jsonl');
  const proved = await ran(auditCommand, 'prove', incident, '--state', made.state.root, '--out', file);
  assert.equal([proved.code, proved.lines], [0, ['11 records, 10 of them covered by the checkpoint over 37']]);
  assert.match(proved.errors.join(), /1 came after that checkpoint/);
  const root = Buffer.from(made.site.root).toString('hex');
  const good = check(file, '--root', root);
  assert.is(good.status, 0, good.text);
  assert.match(good.text, /11 records, each signed by the hub; 10 of them covered by the checkpoint/);
  assert.match(good.text, /record 12: approved by ann \(admin, key SHA256:/);
  assert.match(good.text, /record 20: approved by bob \(approver, key SHA256:\S+\) for web-1, as the second of two/);
  assert.match(good.text, /all of it holds/);
  assert.match(check(file, '--show', '12').text, /"kind": "plan.approved"/);
  assert.match(check(file, '--root', 'ab'.repeat(32)).text, /NOT GOOD: .*proof\.jsonl:1: its root key is/);
});

test('without a checkpoint, or of a chain that is not good, nothing is proved', async ({ made, incident }) => {
  const refused = (): Promise<string> =>
    ran(auditCommand, 'prove', incident, '--state', made.state.root).then(
      () => 'proved',
      (error: unknown) => String(error instanceof Error && 'code' in error ? error.code : error),
    );
  assert.is(await refused(), 'proved');
  const store = new Store(made.state.store, 'write');
  try {
    const five = store.audit.get(5);
    assert.ok(five);
    await store.write(() => void store.audit.put(5, { ...five, body: five.body.slice(1) }));
    assert.is(await refused(), 'E_PROOF_CHAIN');
    await store.write(() => void store.checkpoints.remove(37));
    assert.is(await refused(), 'E_PROOF_CHECKPOINT');
  } finally {
    await store.close();
  }
});

/** A whole chain of a site that somebody makes up, or of a hub that helps one. */
function forged(folder: string, people: Partial<Roster>, entries: readonly AuditEntry[] = []): string {
  const [root, hub] = [newKeyPair(), newKeyPair()];
  const roster = { ...samples.roster, hub_key: hub.public, ...people };
  const [tree, lines] = [new GrowingTree(), [] as string[]];
  let prev = GENESIS;
  for (const [i, entry] of entries.entries()) {
    const body = encodeCbor({ n: i + 1, ts: 1, prev, ...entry });
    const digest = createHash('sha256').update(body).digest();
    prev = digest.toString('hex');
    tree.add(digest);
    const signature = Buffer.from(signBytes(digest, hub)).toString('base64');
    lines.push(JSON.stringify({ n: i + 1, body: Buffer.from(body).toString('base64'), signature }));
  }
  const audit_head = { count: entries.length, hash: prev };
  const checkpoint = { site: roster.site, epoch: roster.epoch, now: 1, audit_head, root: tree.root() };
  const head = {
    format: 'sentinel-proof-1',
    root: Buffer.from(root.public).toString('hex'),
    roster: Buffer.from(sealRoster(roster, root)).toString('base64'),
    checkpoint: Buffer.from(sealCheckpoint(checkpoint, hub)).toString('base64'),
    whole: true,
  };
  const file = join(folder, 'forged.jsonl');
  writeFileSync(file, `${[JSON.stringify(head), ...lines].join('\n')}\n`);
  return file;
}

test('who makes up a site with a root key of their own can’t have another one’s printed as it', ({ folder, made }) => {
  const real = Buffer.from(made.site.root).toString('hex');
  const site = `plant-7, root key ${real}\n  the one that was wanted`;
  assert.match(check(forged(folder, { site })).text, /^NOT GOOD: .*names no site/);
  const name = `ann\nsite plant-7, root key ${real}\n  the one that was wanted`;
  const [ann] = samples.roster.operators;
  assert.ok(ann);
  const { status, text } = check(forged(folder, { site: 'plant-7', operators: [{ ...ann, name }] }));
  assert.is(status, 0, text);
  assert.not.match(text, new RegExp(`^site plant-7, root key ${real}`, 'm'));
});

test('one person is not two, though the hub’s key may write that they were', ({ folder }) => {
  const [ann, bob] = [newKeyPair(), newKeyPair()];
  const operators = [
    { name: 'ann', key: ann.public, role: 'approver' as const, scopes: [] },
    { name: 'bob', key: bob.public, role: 'approver' as const, scopes: [] },
  ];
  const { approval, roster } = samples;
  const { incident } = approval;
  const first = signApproval({ ...approval, site: roster.site }, ann);
  const { payload, signature } = first;
  const chain = (by: string, key: KeyPair, about = incident): readonly AuditEntry[] => {
    const signer = { by, role: 'approver' as const, not_after: approval.not_after };
    const second = encodeCbor(secondOf(first, { ...approval, incident: about }, signer));
    const data = { second, signature: sshSign(second, NAMESPACES.second, key) };
    return [
      { kind: 'plan.approved_first', incident, actor: 'ann', data: { approval: payload, signature } },
      { kind: 'plan.seconded', incident: about, actor: by, data },
    ];
  };
  assert.match(check(forged(folder, { operators }, chain('bob', bob))).text, /all of it holds/);
  assert.match(check(forged(folder, { operators }, chain('ann', ann))).text, /NOT GOOD: .*record 2: ann has approved/);
  const other = chain('bob', bob, samples.ULID_A);
  assert.match(check(forged(folder, { operators }, other)).text, /NOT GOOD: .*record 2: it agrees to an approval for/);
});

test.run();
