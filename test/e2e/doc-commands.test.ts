import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COMMANDS } from '../../sentinel.ts';
import { commandsOf, type DocCommand, pageOf } from './doc-commands.ts';

/** The command lines of every page, held against the commands themselves; none of them is carried out. */
const test = suite('commands of the documents');

const root = fileURLToPath(new URL('../../../', import.meta.url));
const pages = [
  'README.md',
  ...readdirSync(`${root}docs`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Added at the end of each line: a command reads its flags before it does anything, and refuses the first that it does not know. */
const UNKNOWN = '--no-such-flag';

/** What a command says to these arguments, all of it. */
async function said(name: string, argv: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const take = (line: string) => void lines.push(line);
  const io = { stdout: take, stderr: take, stdin: (async function* () {})(), signal: AbortSignal.abort() };
  try {
    const act = await COMMANDS[name]?.load();
    await act?.(argv, io);
  } catch (error) {
    take(error instanceof Error ? error.message : String(error));
  }
  return lines.join('\n');
}

/** The verbs that a command's usage begins lines with: `sentinel keys seal | open`. */
function verbsOf(name: string, usage: string): ReadonlySet<string> {
  const lines = usage.matchAll(new RegExp(`^ *sentinel ${name} ([a-z][a-z-]*(?: \\| [a-z-]+)*)(?= |$)`, 'gm'));
  return new Set([...lines].flatMap(([, verbs = '']) => verbs.split(' | ')));
}

const usages = new Map<string, Promise<string>>();
function usageOf(name: string): Promise<string> {
  const known = usages.get(name) ?? said(name, ['--help']);
  usages.set(name, known);
  return known;
}

/** Why the front door would not take this line; null when it would. */
async function wrong({ argv: [name = '', ...argv] }: DocCommand): Promise<string | null> {
  // `sentinel --help`, and the two forms of `help`, are the front door's own.
  if (name === '--help' || name === 'help' || argv.includes('--help')) return null;
  if (!Object.hasOwn(COMMANDS, name)) return 'there is no such command';
  const verbs = verbsOf(name, await usageOf(name));
  const [verb = ''] = argv;
  if (verbs.size > 0 && /^[a-z]/.test(verb) && !verbs.has(verb)) return `it has no verb ${verb}`;
  // A page may leave the value of its last flag to the sentence around it.
  for (const more of [[], ['value']]) {
    const answer = await said(name, [...argv, ...more, UNKNOWN]);
    if (answer.includes(`'${UNKNOWN}'`)) return null;
    if (more.length > 0) return answer.split('\n')[0] ?? '';
  }
  return null;
}

test('every command line of every page is one: its command, its verb and its flags are there', async () => {
  const shown = pages.flatMap((page) => pageOf(root, page));
  assert.ok(shown.length > 200, `${shown.length} command lines found`);
  const refused: string[] = [];
  for (const one of shown) {
    const why = await wrong(one);
    if (why !== null) refused.push(`${one.at}: sentinel ${one.argv.join(' ')}: ${why}`);
  }
  assert.equal(refused, []);
});

test('a line that is wrong is found', async () => {
  const line = async (text: string) => wrong(commandsOf('page', `    sentinel ${text}\n`)[0] ?? { at: '', argv: [] });
  assert.is(await line('hubb --live'), 'there is no such command');
  assert.is(await line('incident lst'), 'it has no verb lst');
  assert.match((await line('hub --life')) ?? '', "Unknown option '--life'");
  assert.match((await line('incident approve 01KB --reviewd all --yes')) ?? '', "Unknown option '--reviewd'");
  assert.match((await line('policy check --jsn ls')) ?? '', '--jsn');
  assert.match((await line('scenario run memory-hog --fur 3')) ?? '', '--fur');
  assert.match((await line('audit hold add 7K2M --nope x')) ?? '', '--nope');
  assert.is(await line('incident approve 01KB --reviewed all --yes'), null);
});

test('what stands around a command line is no part of it', () => {
  const argvOf = (text: string) => commandsOf('page', text).map(({ argv }) => argv);
  assert.equal(argvOf('    hub$     sentinel enroll web-1             prints a token'), [['enroll', 'web-1']]);
  assert.equal(argvOf("    sentinel detect a.csv | grep 'x' > sentinel\n"), [['detect', 'a.csv']]);
  assert.equal(argvOf('say `sentinel acl export --for mosquitto|emqx` or a sentinel hub'), [
    ['acl', 'export', '--for', 'mosquitto|emqx'],
  ]);
  assert.equal(argvOf('    runuser -u sentinel -- sentinel init --name a \\\n        --id b\n'), [
    ['init', '--name', 'a', '--id', 'b'],
  ]);
  assert.equal(argvOf("    npm run -s sentinel -- policy check 'rm -rf /' # no\n"), [['policy', 'check', 'rm -rf /']]);
  assert.equal(argvOf('    sentinel tui [--state DIR] [--readonly] ...\n'), [['tui', '--state', 'DIR', '--readonly']]);
  assert.equal(argvOf('```sh\nsentinel halt --lift\n```\nsentinel hub'), [['halt', '--lift']]);
});

test('every command has a usage with an example', async () => {
  for (const name of Object.keys(COMMANDS)) {
    const usage = await usageOf(name);
    assert.match(usage, new RegExp(`^ *sentinel ${name}`, 'm'), name);
    assert.match(usage, /example[^\n]*:?\s+(?:\S+=\S+ )?sentinel /i, `${name} shows no example`);
  }
});

test.run();
