import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { policyCommand } from '../../policy/check-command.ts';

const test = suite('one verdict in every locale');
const folder = new URL('../../../fixtures/policy/corpus/', import.meta.url);
const front = fileURLToPath(new URL('../../sentinel.js', import.meta.url));

/** The whole corpus as lines for `sentinel policy check -`, in the order of the files' names. */
const lines = readdirSync(folder)
  .filter((name) => name.endsWith('.jsonl'))
  .sort()
  .flatMap((name) => readFileSync(new URL(name, folder), 'utf8').split('\n'))
  .filter((line) => line !== '');

/** What a process in this locale and time zone answers to the corpus. */
function answers(LC_ALL: string, TZ: string): Promise<string> {
  const child = spawn(process.execPath, [front, 'policy', 'check', '-'], {
    env: { ...process.env, LC_ALL, LANG: LC_ALL, LANGUAGE: LC_ALL, TZ },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const told: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => told.push(chunk));
  child.stdin.end(`${lines.join('\n')}\n`);
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', () => resolve(Buffer.concat(told).toString()));
  });
}

test('a process in Turkish, far from Greenwich, answers the corpus byte for byte as this one does', async () => {
  const here: string[] = [];
  async function* stdin() {
    yield `${lines.join('\n')}\n`;
  }
  await policyCommand(['check', '-'], { stdin: stdin(), stdout: (line) => here.push(line), stderr: () => {} });
  assert.is(here.length, lines.length);
  // There `I` is not the capital of `i`, and a decimal point is a comma.
  assert.ok((await answers('tr_TR.UTF-8', 'Pacific/Kiritimati')) === `${here.join('\n')}\n`);
});

test('nothing in the engine asks what locale or time zone it runs in', () => {
  const engine = new URL('../../../policy/', import.meta.url);
  for (const name of readdirSync(engine).filter((file) => file.endsWith('.ts'))) {
    const text = readFileSync(new URL(name, engine), 'utf8');
    assert.not.match(text, /\bIntl\b|toLocale|localeCompare|new Date|Date\.now|process\.env|Math\.random/, name);
  }
});

test.run();
