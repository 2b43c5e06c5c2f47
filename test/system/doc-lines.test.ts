import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { type DocCommand, pageOf } from '../e2e/doc-commands.ts';
import { FRONT_DOOR, Site } from '../e2e/site.ts';
import { CHECKOUT } from './doc-blocks.ts';

/**
 * The commands of every page that need nothing but a site with an incident that was resolved, run as they stand there.
 * Blocks marked `sh` are run whole by the tests of their own pages; what every line says is held against its command by
 * test/e2e/doc-commands.test.ts.
 */
const test = suite('lines of the documents');

/** What is run, by its first words. */
const RUN =
  /^(?:incident (?:list|show|report)|incident probe$|playbook (?:list|new|test)|silence (?:add|list)|notify list|policy (?:check|explain)|audit (?:verify|prove|export|hold add|hold list)|automation (?:show|try)|doctor|operator list|enroll (?:--list|--tool)|keys list|model (?:list|verify)|roster (?:show|new-key)|halt|acl export|scenario list|explain|replay|hub --help)\b/;
/** These answer no, as they should, where a command is not allowed or something was found. */
const MAY_SAY_NO = /^(?:policy|doctor|halt --status)\b/;
/** They need a file, a key or a place that the page has made before, or stand for more than one command. */
const NEEDS_MORE =
  /--checkpoint|--key|--out \/media|--credentials|--with|--eval|policy check -$|policy test|--revoke|\||\.\.\.|tag=line|signal=alert|\b(?:NAME|COMMAND|CODE|FILE|FOLDER)\b|^replay$|^playbook test ID/;

/** What needs a model: the one that ships stands for those that the pages name. In this order, since the second needs the first. */
const WITH_MODEL: readonly RegExp[] = [
  /^model pull \/media\/usb\/models --use$/,
  /^model use qwen3-4b --reasoner staged$/,
  /^replay \S+ --with other\.gguf$/,
  /^eval --scenarios mine\.json --model model\.gguf --report /,
];
const SHIPPED = join(CHECKOUT, 'model/sentinel.gguf');
const SCENARIOS = join(CHECKOUT, 'fixtures/scenarios/held-out.yaml');
/** Where a page's folders are here. */
const FOLDERS: Readonly<Record<string, string>> = { '/media/usb/models': 'usb', '/tmp/eval': 'report' };

/** How pages write the id of an incident. */
const ID = /^(?:01KB\w*|7K2M|ID|\$ID|\$INCIDENT)$/;

/** A line as it is typed at this site: its folder, and its incident in place of the page's. */
function typed({ argv }: DocCommand, incident: string): readonly string[] {
  const words: string[] = [];
  const isIncident = /^(?:incident|replay|audit)$/.test(argv[0] ?? '');
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--state') i++;
    else words.push(isIncident && ID.test(argv[i] ?? '') ? incident : (FOLDERS[argv[i] ?? ''] ?? argv[i] ?? ''));
  }
  return words;
}

/** These know no state folder. */
const STATELESS = /^(?:policy|explain)$/;

/** One line, typed in `folder`. */
function run(argv: readonly string[], folder: string, state: string): Promise<{ code: number; said: string }> {
  const where = STATELESS.test(argv[0] ?? '') ? [] : ['--state', state];
  const child = spawn(process.execPath, [FRONT_DOOR, ...argv, ...where], { cwd: folder });
  child.stdin.end();
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code: code ?? -1, said })));
}

/** The files that lines with a model name, beside the site; and the folder of models that is carried to it. */
async function layModels(site: Site): Promise<void> {
  for (const name of ['other.gguf', 'model.gguf']) copyFileSync(SHIPPED, join(site.dir, name));
  const { scenarios, ...rest } = parse(readFileSync(SCENARIOS, 'utf8')) as { scenarios: readonly unknown[] };
  writeFileSync(join(site.dir, 'mine.json'), JSON.stringify({ ...rest, scenarios: scenarios.slice(0, 1) }));
  const { code, said } = await run(
    ['model', 'pull', 'other.gguf', '--name', 'qwen3-4b'],
    site.dir,
    join(site.dir, 'elsewhere'),
  );
  assert.is(code, 0, said);
  cpSync(join(site.dir, 'elsewhere/models'), join(site.dir, 'usb'), { recursive: true });
}

test('what every page shows of a site can be typed at one', async () => {
  const site = new Site();
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const { id } = await site.reaches('proposed');
    assert.is((await site.sentinel('incident', 'ack', id)).code, 0);
    assert.is((await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes')).code, 0);
    await site.reaches('resolved');
    const pages = [
      'README.md',
      ...readdirSync(join(CHECKOUT, 'docs'))
        .filter((name) => name.endsWith('.md'))
        .map((name) => `docs/${name}`),
    ];
    const lines = new Map<string, DocCommand>();
    const shown = pages.flatMap((page) => pageOf(`${CHECKOUT}/`, page));
    for (const one of shown) {
      const text = typed(one, id).join(' ');
      if (RUN.test(text) && !NEEDS_MORE.test(text)) lines.set(text, one);
    }
    assert.ok(lines.size >= 35, `${lines.size} lines: ${[...lines.keys()].join('\n')}`);
    for (const [text, one] of lines) {
      const { code, said } = await run(typed(one, id), site.dir, site.state.root);
      const good = code === 0 || (code === 1 && MAY_SAY_NO.test(text));
      assert.ok(good, `${one.at}: sentinel ${text}: exit ${code}\n${said}\n${site.told()}`);
      assert.ok(said !== '' || /^(?:notify|model|enroll --list)/.test(text), `${one.at}: ${text} says nothing`);
    }
    await layModels(site);
    for (const pattern of WITH_MODEL) {
      const one = shown.find(({ argv }) => pattern.test(argv.join(' ')));
      assert.ok(one !== undefined, `no page shows ${pattern}`);
      const { code, said } = await run(typed(one, id), site.dir, site.state.root);
      // Another model may answer otherwise, and that is what it says then.
      assert.ok(code === 0 || (code === 1 && one.argv[0] === 'replay'), `${one.at}: exit ${code}\n${said}`);
      assert.not.match(said, /E_[A-Z]+_/);
    }
    assert.ok(existsSync(join(site.dir, 'report/report.html')));
  } finally {
    await site.close();
  }
});

test.run();
