import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { policyCommand } from '../../policy/check-command.ts';
import { loadJudge, loadPolicy } from '../../policy/policy.ts';

const test = suite<{ folder: string }>('sentinel policy test, explain, sudoers', { folder: '' });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-cases-'));
});
test.after.each((context) => rmSync(context.folder, { recursive: true }));

async function run(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  async function* stdin(): AsyncGenerator<string> {}
  const code = await policyCommand(argv, { stdin: stdin(), stdout: (l) => out.push(l), stderr: (l) => err.push(l) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

test('the product keeps its own promises', async () => {
  const { code, out } = await run('test');
  assert.is(code, 0, out);
  assert.match(out, /^\d{3,} examples, 0 cases, 0 failures$/);
});

test("a user's own cases, as JSON lines or YAML", async ({ folder }) => {
  const lines = join(folder, 'cases.jsonl');
  writeFileSync(lines, '{"cmd":"df -h","verdict":"allow"}\n\n{"id":"x","cmd":"reboot","verdict":"review"}\n');
  const jsonl = await run('test', lines);
  assert.is(jsonl.code, 1);
  assert.match(jsonl.out, 'case x: promised review, is block by ');
  assert.match(jsonl.out, /2 cases, 1 failure$/);
  const yaml = join(folder, 'cases.yaml');
  writeFileSync(yaml, 'allow: [df -h, uptime]\nblock:\n  - rm -rf /\n');
  assert.match((await run('test', yaml)).out, /3 cases, 0 failures$/);
  const json = JSON.parse((await run('test', '--json', yaml, lines)).out);
  assert.is(json.cases, 5);
  assert.is(json.failures.length, 1);
});

test('cases that do not read are told with file and line', async ({ folder }) => {
  const wrong: [string, string, RegExp][] = [
    ['a.jsonl', '{"cmd":"df","verdict":"allow"}\n{', /E_POLICY_CASES .*a\.jsonl:2/],
    ['b.jsonl', '7\n', /E_POLICY_CASES .*:1/],
    ['c.jsonl', '{"cmd":"df","verdict":"perhaps"}\n', /verdict/],
    ['d.jsonl', '{"verdict":"allow"}\n', /cmd/],
    ['e.jsonl', '', /no case/],
    ['f.jsonl', '{"cmd":"df","verdict":"allow"}\n'.repeat(100_001), /more than/],
    ['g.yaml', 'allow: [', /E_POLICY_CASES .*g\.yaml:/],
    ['h.yaml', 'allowed: [df]\n', /allowed/],
    ['i.yaml', 'allow: df\n', /allow/],
    ['j.yaml', 'allow: [7]\n', /allow/],
    ['k.yaml', '7\n', /lists/],
  ];
  for (const [name, text, message] of wrong) {
    const path = join(folder, name);
    writeFileSync(path, text);
    const { code, err } = await run('test', path);
    assert.is(code, 2, name);
    assert.match(err, message);
  }
  assert.match((await run('test', join(folder, 'none.jsonl'))).err, 'E_POLICY_READ');
});

test('every broken example is told, not the first alone', async ({ folder }) => {
  writeFileSync(join(folder, 'x.yaml'), 'family: x\nexamples:\n  block:\n    - df\n    - uptime\n');
  const { code, out } = await run('test', '--policy', folder);
  assert.is(code, 1);
  assert.match(out, 'x.yaml:4: df: promised block, is allow');
  assert.match(out, 'x.yaml:5: uptime');
});

test('a group tightens below a site; each tier keeps its own promises', async ({ folder }) => {
  const other = mkdtempSync(join(tmpdir(), 'sentinel-group-'));
  const site = `family: plant
tighten:
  - { match: [docker, logs], decision: review, reason: the vendor reads them }
examples:
  allow: [systemctl restart historian]
  review: [docker logs web]
`;
  const group = `family: line4
review: never
protected_units: ['historian*']
tighten:
  - { match: [cat], operand: '/srv/*', decision: block }
examples:
  review: [systemctl restart historian, docker logs web]
  block: [cat /srv/app/x, 'find /srv/app -exec cat {} +']
`;
  writeFileSync(join(folder, 'plant.yaml'), site);
  writeFileSync(join(other, 'line4.yaml'), group);
  const options = { siteDir: folder, groupDirs: [other] };
  const [policy, judge, plant] = [await loadPolicy(options), loadJudge(options), await loadPolicy({ siteDir: folder })];
  assert.is(policy.hash, judge.hash);
  assert.is.not(policy.hash, plant.hash);
  assert.equal([policy.reviewForbidden, judge.reviewForbidden, plant.reviewForbidden], [true, true, false]);
  assert.is(policy.check('cat /srv/x', null).rule, 'group.line4.tighten.1');
  assert.is(policy.check('docker logs web', null).rule, 'site.plant.tighten.1');
  assert.is(plant.check('systemctl restart historian', null).decision, 'allow');
  assert.is((await run('check', '--policy', folder, '--group', other, 'systemctl restart historian')).code, 1);
  assert.is((await run('test', '--policy', folder, '--group', other)).code, 0);
  writeFileSync(join(other, 'line4.yaml'), 'family: line4\nreview: always\nexamples: {}\n');
  assert.match((await run('test', '--group', other)).err, 'E_POLICY_SCHEMA line4.yaml:2');
  writeFileSync(join(other, 'line4.yaml'), 'family: line4\ncommands: { df: {} }\nexamples: {}\n');
  assert.match((await run('test', '--group', other)).err, 'E_POLICY_TIER');
  rmSync(other, { recursive: true });
});

test('explain names rule, effect and target, and what would pass', async () => {
  const { out } = await run('explain', 'systemctl stop nginx');
  assert.match(out, 'rule    systemd.systemctl.stop');
  assert.match(out, 'effect  change');
  assert.match(out, 'target  nginx');
  assert.match(out, 'try     systemctl status nginx --no-pager');
  assert.is(JSON.parse((await run('explain', '--json', 'df')).out).verdict, 'allow');
});

test('sudoers prints entries for an account', async ({ folder }) => {
  const inventory = join(folder, 'i.json');
  writeFileSync(inventory, '{"units":["nginx.service"]}');
  const { code, out } = await run('sudoers', '--user', 'ops', '--inventory', inventory);
  assert.is(code, 0);
  assert.match(out, /^Defaults:ops /m);
  assert.is((await run('sudoers', '--user', 'a b')).code, 2);
  assert.is((await run('sudoers', 'x')).code, 2);
});

test.run();
