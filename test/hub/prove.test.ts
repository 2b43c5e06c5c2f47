import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { signApproval } from '../../broker/approvals.ts';
import { keyFile, readRoster } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { ulid } from '../../broker/ulid.ts';
import { appendAudit } from '../../hub/chain/audit.ts';
import { Checkpoints } from '../../hub/chain/checkpoints.ts';
import { auditCommand } from '../../hub/commands/audit.ts';
import type { Hub } from '../../hub/hub.ts';
import { Store } from '../../hub/store/store.ts';
import * as samples from '../broker/samples.ts';
import { tempFolder } from '../broker/site.ts';
import { type MadeSite, makeSite, ran } from './made-site.ts';

const VERIFIER = fileURLToPath(new URL('../../hub/proof/verify.mjs', import.meta.url));
const test = suite<{ folder: string; done: () => void; made: MadeSite; incident: string }>('audit prove');

test.before.each(async (context) => {
  const { path: folder, done } = tempFolder();
  const made = await makeSite(folder);
  const { state, site } = made;
  const store = new Store(state.store, 'write');
  const key = readKeyPair(keyFile.hub(state));
  const ann = readKeyPair(keyFile.operator(state, 'ann'));
  const incident = ulid(Date.now());
  const entry = (n: number) => {
    if (n === 12) {
      const approval = { ...samples.approval, site: 'plant-7', incident, by: 'ann', role: 'admin' as const };
      const { payload, signature } = signApproval(approval, ann);
      return { kind: 'plan.approved', incident, actor: 'ann', data: { approval: payload, signature } };
    }
    return { kind: 'test.said', incident: n % 4 === 0 ? incident : ulid(n), actor: 'hub', data: { n, incident } };
  };
  await store.write(() => {
    for (let n = 1; n <= 37; n++) appendAudit(store, key, entry(n), 1_700_000_000_000 + n);
  });
  const hub = {
    store,
    site,
    key,
    roster: readRoster(state, site).roster,
    mesh: { publish: async () => {} },
    now: Date.now,
  };
  await new Checkpoints(hub as unknown as Hub).make();
  await store.write(() => appendAudit(store, key, entry(40), 1_700_000_000_100));
  await store.close();
  Object.assign(context, { folder, done, made, incident });
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
  assert.match(good.text, /all of it holds/);
  assert.match(check(file, '--show', '12').text, /"kind": "plan.approved"/);
  assert.match(check(file, '--root', 'ab'.repeat(32)).text, /NOT GOOD: .*proof\.jsonl:1: its root key is/);

  const lines = readFileSync(file, 'utf8').split('\n');
  const changed = (line: number, by: (text: string) => string): string => {
    const spoilt = join(folder, 'spoilt.jsonl');
    writeFileSync(spoilt, lines.map((one, i) => (i === line ? by(one) : one)).join('\n'));
    const { status, text } = check(spoilt, '--root', root);
    assert.is(status, 1, text);
    return text;
  };
  const flip = (at: number) => (text: string) =>
    `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  const third = lines[3] ?? '';
  assert.match(changed(3, flip(third.indexOf('"body":"') + 40)), /spoilt\.jsonl:4: record 12: /);
  assert.match(changed(3, flip(third.indexOf('"signature":"') + 20)), /:4: record 12: .*(?:signature|base64)/);
  assert.match(
    changed(3, (text) => text.replace(/"path":\["(..)/, '"path":["ee')),
    /:4: record 12: the checkpoint’s root/,
  );
  assert.match(
    changed(3, (text) => text.replace('"n":12', '"n":13')),
    /:4: record 13: it calls itself number 12/,
  );
  assert.match(
    changed(3, (text) => text.replace(/,"path":\[.*\]/, '')),
    /:4: record 12: its path is not of such a tree/,
  );
  assert.match(
    changed(3, () => lines[2] ?? ''),
    /:4: record 8: /,
  );
  const [head = ''] = lines;
  assert.match(changed(0, flip(head.indexOf('"roster":"') + 90)), /:1: the roster/);
  assert.match(changed(0, flip(head.indexOf('"checkpoint":"') + 90)), /:1: the checkpoint/);
  assert.match(
    changed(0, (text) => text.replace('"whole":false', '"whole":true')),
    /record 1 is missing/,
  );
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
