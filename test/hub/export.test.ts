import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { auditCommand } from '../../hub/commands/audit.ts';
import { CONTROLS, STANDARDS } from '../../hub/proof/controls.ts';
import { tempFolder } from '../broker/site.ts';
import { ran } from './made-site.ts';
import { type ProvableSite, provableSite } from './provable-site.ts';

const test = suite<{ folder: string; done: () => void; made: ProvableSite }>('audit export');
test.before.each(async (context) => {
  const { path: folder, done } = tempFolder();
  Object.assign(context, { folder, done, made: await provableSite(folder) });
});
test.after.each(({ done }) => done());

/** Runs a verifier with nothing around it: no environment, and another folder. */
const check = (verifier: string, ...argv: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [verifier, ...argv], {
    encoding: 'utf8',
    cwd: '/',
    env: {},
  });
  return { status, text: `${stdout}${stderr}` };
};
const exported = async ({ state }: ProvableSite, out: string, ...argv: string[]) => {
  const { code } = await ran(auditCommand, 'export', '--state', state.root, '--out', out, ...argv);
  assert.is(code, 0);
  return out;
};

test('a bundle is checked elsewhere with nothing but Node, whole or of one incident, and read by people', async ({
  folder,
  made,
}) => {
  const root = Buffer.from(made.site.root).toString('hex');
  for (const [name, ...argv] of [['soc2'], ['iec62443', '--incident', made.incident]] as const) {
    const out = await exported(made, join(folder, name), '--for', name, ...argv);
    const copy = join(folder, 'elsewhere');
    cpSync(out, copy, { recursive: true });
    assert.equal(readdirSync(copy), ['manifest.cbor', 'proof.jsonl', 'report.html', 'report.md', 'verify.mjs']);
    const { status, text } = check(join(copy, 'verify.mjs'), '--root', root);
    assert.is(status, 0, text);
    assert.match(text, /4 files as the hub signed them/);
    assert.match(text, /approved by ann/);
    assert.match(text, argv.length === 0 ? /38 records, .* 37 of them covered/ : /12 records, .* 11 of them covered/);
    const report = readFileSync(join(copy, 'report.md'), 'utf8');
    assert.match(report, /record 12, `plan\.approved` by `ann`: signed by `ann` \(admin\) for `web-1`/);
    assert.match(
      report,
      /record 8, `plan\.vetted`.* `rm -rf \/var\/tmp\/\*` is `block` \(`it removes more than it names`\)/,
    );
    assert.match(
      report,
      /record 6, `incident\.diagnosed`.*`rules` says `disk-full`, confidence `0\.58`: `old <b>dumps<\/b> fill \/var`/,
    );
    assert.match(report, /No control is met by records alone/);
    for (const { id } of CONTROLS[name]) assert.ok(report.includes(`${id}, `), id);
    const page = readFileSync(join(copy, 'report.html'), 'utf8');
    // What a host wrote is text, never markup or a link to somewhere.
    assert.not.match(page, /<script|<img|https?:/);
    assert.match(page, /&lt;script&gt;/);
    rmSync(copy, { recursive: true });
  }
});

test('nothing is written over, and half a bundle is never left', async ({ folder, made }) => {
  const out = await exported(made, join(folder, 'bundle'), '--for', 'soc2');
  const refused = (...argv: string[]) =>
    ran(auditCommand, 'export', '--state', made.state.root, ...argv).then(
      () => 'done',
      (error: unknown) => String((error as { code?: string }).code),
    );
  assert.is(await refused('--for', 'soc2', '--out', out), 'E_PROOF_FOLDER');
  const other = join(folder, 'other');
  assert.is(await refused('--for', 'soc2', '--out', other, '--incident', '0'.repeat(26)), 'E_PROOF_INCIDENT');
  assert.is(await refused('--for', 'hipaa', '--out', other), 'E_USAGE');
  assert.equal(
    readdirSync(folder).filter((name) => /other|part/.test(name)),
    [],
  );
});

test('each control that is cited says what the evidence shows and what it does not', () => {
  for (const standard of STANDARDS) {
    const ids = CONTROLS[standard].map(({ id }) => id);
    assert.is(new Set(ids).size, ids.length);
    for (const { id, shows, not } of CONTROLS[standard]) {
      assert.match(id, standard === 'soc2' ? /^CC\d\.\d$/ : /^SR \d\.\d+$/);
      assert.ok(shows.length > 30 && not.length > 20, id);
    }
  }
});

test.run();
