import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { policyCommand } from '../../policy/check-command.ts';
import { loadPolicy } from '../../policy/policy.ts';

const test = suite('docs/policy.md');
const page = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');

/** Every indented block of the page, without its indent. */
const blocks = [...page.matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)].map(([block]) => block.replace(/^ {4}/gm, '').trim());
const starting = (text: string) => blocks.filter((block) => block.startsWith(text));

test('every command in it works on the files in it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-docs-'));
  mkdirSync(join(folder, 'site'));
  writeFileSync(join(folder, 'site/plant.yaml'), `${starting('family: plant')[0]}\n`);
  writeFileSync(join(folder, 'cases.jsonl'), `${starting('{"cmd"')[0]}\n`);
  writeFileSync(join(folder, 'inventory.json'), '{"units":["nginx.service"]}');
  const place = (word: string) => (/^(?:site|cases\.jsonl|inventory\.json)$/.test(word) ? join(folder, word) : word);
  const commands = blocks
    .flatMap((block) => block.split('\n'))
    .flatMap((line) => {
      const [before, command] = line.includes(' | sentinel ') ? line.split(' | ') : ['', line];
      return command?.startsWith('sentinel policy ') ? [{ command, input: before ?? '' }] : [];
    });
  assert.ok(commands.length >= 6, `${commands.length}`);
  for (const { command, input } of commands) {
    const argv = [...command.slice('sentinel policy '.length).matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) =>
      place(quoted ?? bare ?? ''),
    );
    const [out, err]: [string[], string[]] = [[], []];
    async function* stdin() {
      yield input.replace(/^printf '|'$/g, '').replaceAll('\\n', '\n');
    }
    const code = await policyCommand(argv, { stdin: stdin(), stdout: (l) => out.push(l), stderr: (l) => err.push(l) });
    assert.is.not(code, 2, `${command}: ${err.join('\n')}`);
    assert.ok(out.length > 0, command);
    if (argv[0] === 'test') assert.is(code, 0, out.join('\n'));
  }
  rmSync(folder, { recursive: true });
});

test('the family file for authors loads with all its examples', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-docs-'));
  writeFileSync(join(folder, 'example.yaml'), `${starting('family: example')[0]}\n`);
  const policy = await loadPolicy({ rulesDir: folder });
  assert.is(policy.check('exampled -f status', null).alternative, 'exampled -n 100 status');
  rmSync(folder, { recursive: true });
});

test.run();
