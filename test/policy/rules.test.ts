import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPolicy, PolicyError } from '../../policy/policy.ts';

const rules = new URL('../../policy/rules/', import.meta.url);
const test = suite<{ folder: string }>('rule files', { folder: '' });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-rules-'));
});
test.after.each((context) => rmSync(context.folder, { recursive: true }));

async function refusal(folder: string, text: string, tier: 'rulesDir' | 'siteDir' = 'rulesDir'): Promise<PolicyError> {
  writeFileSync(join(folder, 'x.yaml'), text);
  try {
    await loadPolicy({ [tier]: folder });
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error('it loaded');
}

const family = 'family: x\ncommands:\n  df:\n';
const ok = 'examples: {}\n';
const bad: [string, string, PolicyError['code'], number][] = [
  ['no YAML', 'family: [x\n', 'E_POLICY_YAML', 2],
  ['a key twice', 'family: x\nfamily: y\n', 'E_POLICY_YAML', 2],
  ['an alias', 'family: x\nexamples: &a {}\ncommands: *a\n', 'E_POLICY_YAML', 0],
  ['a list', '- x\n', 'E_POLICY_SCHEMA', 1],
  ['nothing', '', 'E_POLICY_SCHEMA', 1],
  ['no family', 'commands: {}\nexamples: {}\n', 'E_POLICY_SCHEMA', 1],
  ['an unknown key', 'family: x\nexampels: {}\n', 'E_POLICY_SCHEMA', 2],
  ['an unknown key in a command', `${family}    efect: read\n${ok}`, 'E_POLICY_SCHEMA', 4],
  ['an unknown effect', `${family}    effect: nice\n${ok}`, 'E_POLICY_SCHEMA', 4],
  ['an unknown decision', `${family}    decision: perhaps\n${ok}`, 'E_POLICY_SCHEMA', 4],
  ['no examples', `${family}    effect: read\n`, 'E_POLICY_EXAMPLE', 0],
  [
    'an example that does not hold',
    `${family}    effect: read\nexamples:\n  allow:\n    - df\n    - dff\n`,
    'E_POLICY_EXAMPLE',
    8,
  ],
  ['a promised block that is not', `${family}    effect: read\nexamples:\n  block: [df]\n`, 'E_POLICY_EXAMPLE', 6],
];
for (const [name, text, code, line] of bad) {
  test(`${name} does not load`, async ({ folder }) => {
    const error = await refusal(folder, text);
    assert.equal([error.code, error.file, error.line], [code, 'x.yaml', line], error.message);
  });
}

test('an operand kind that is not known is named with its line', async ({ folder }) => {
  const error = await refusal(folder, `${family}    operands: pth\n${ok}`);
  assert.is(error.code, 'E_POLICY_SCHEMA');
  assert.match(error.message, /line 4.*pth/);
});

test('a folder that is not there does not load', async () => {
  try {
    await loadPolicy({ siteDir: '/nonexistent/rules' });
    assert.unreachable();
  } catch (error) {
    assert.is(error instanceof PolicyError ? error.code : '', 'E_POLICY_READ');
  }
});

test('a site tightens: units, restrictions, and another hash', async ({ folder }) => {
  const text = `family: plant
protected_units: ['line4-*']
tighten:
  - { match: [docker, logs], decision: review, reason: containers are the vendor's }
  - { match: [systemctl, restart], operand: 'historian*', decision: block }
examples:
  allow: [systemctl restart nginx, docker ps]
  review: [systemctl restart line4-mixer, docker logs web]
  block: [systemctl restart historian.service, sudo systemctl restart historian]
`;
  writeFileSync(join(folder, 'plant.yaml'), text);
  const [site, plain] = await Promise.all([loadPolicy({ siteDir: folder }), loadPolicy()]);
  assert.is.not(site.hash, plain.hash);
  assert.is(plain.check('systemctl restart historian', null).decision, 'allow');
  assert.is(site.check('systemctl restart historian', null).rule, 'site.plant.tighten.2');
  assert.is(site.check('docker logs web', null).reason, "containers are the vendor's");
});

test('a site cannot loosen', async ({ folder }) => {
  const define = await refusal(folder, `${family}    effect: read\n${ok}`, 'siteDir');
  assert.is(define.code, 'E_POLICY_TIER');
  const permit = await refusal(
    folder,
    `family: x\ntighten:\n  - { match: [reboot], decision: allow }\n${ok}`,
    'siteDir',
  );
  assert.is(permit.code, 'E_POLICY_SCHEMA');
});

test('turning any built-in decision round is noticed by its own examples', async ({ folder }) => {
  cpSync(rules, folder, { recursive: true });
  const path = join(folder, 'systemd.yaml');
  const text = readFileSync(path, 'utf8');
  assert.match(text, 'restart try-restart: { effect: restart');
  writeFileSync(path, text.replace('restart try-restart: { effect: restart', 'restart try-restart: { effect: change'));
  try {
    await loadPolicy({ rulesDir: folder });
    assert.unreachable();
  } catch (error) {
    assert.is(error instanceof PolicyError ? error.code : '', 'E_POLICY_EXAMPLE');
  }
});

test.run();
