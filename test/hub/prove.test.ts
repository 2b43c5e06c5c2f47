import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { auditCommand } from '../../hub/commands/audit.ts';
import { Store } from '../../hub/store/store.ts';
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
  assert.equal([proved.code, proved.lines], [0, ['10 records, 9 of them covered by the checkpoint over 37']]);
  assert.match(proved.errors.join(), /1 came after that checkpoint/);
  const root = Buffer.from(made.site.root).toString('hex');
  const good = check(file, '--root', root);
  assert.is(good.status, 0, good.text);
  assert.match(good.text, /10 records, each signed by the hub; 9 of them covered by the checkpoint/);
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

test.run();
