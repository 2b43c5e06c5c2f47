import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeNames } from '../../broker/codes/all.ts';
import { manualOf } from '../../pack/manual.ts';
import { plain, prose, verbatim } from '../../pack/roff.ts';
import { COMMANDS } from '../../sentinel.ts';

const test = suite('the manual');

const manual = await manualOf({ version: '1.2.3', time: 1_700_000_000 });
const pages = new Map([...manual.hub, ...manual.agent].map(({ name, text }) => [name, text]));
const pageOf = (name: string): string => {
  const text = pages.get(name);
  if (text === undefined) throw new Error(`there is no page ${name}`);
  return text;
};

/** A page as a person reads it, but for its headings. */
const read = (text: string): string =>
  text
    .replace(/^\.(?:nf|fi|br|TP)\n/gm, '')
    .replace(/\\f[BIR]/g, '')
    .replace(/\\\((aq|ga|ha|ti|cq)/g, (_, name: string) => ({ aq: "'", ga: '`', ha: '^', ti: '~' })[name] ?? '’')
    .replaceAll('\\&', '')
    .replaceAll('\\-', '-')
    .replaceAll('\\e', '\\');

test('every command is there with its whole usage, every code with what to do', async () => {
  const page = read(pageOf('sentinel.1'));
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    assert.ok(page.includes(`"${name}: ${summary}"`), name);
    const said: string[] = [];
    const take = (line: string) => void said.push(line);
    const io = { stdout: take, stderr: take, stdin: (async function* () {})(), signal: AbortSignal.abort() };
    assert.is(await (await load())(['--help'], io), 0);
    assert.ok(page.includes(`\n${said.join('\n')}\n`), `the usage of ${name} differs`);
  }
  for (const code of codeNames()) assert.match(pageOf('sentinel-errors.7'), `.TP\n\\fB${code}\\fR\n`);
  for (const name of ['agent', 'exec', 'detect']) assert.match(pageOf('sentinel-agent.1'), `\nsentinel ${name} `);
});

test('each page is one that man takes: its heading, its sections, and no other request', () => {
  assert.equal([...pages.keys()].sort(), ['sentinel-agent.1', 'sentinel-errors.7', 'sentinel.1']);
  for (const [name, text] of pages) {
    const title = name.slice(0, -2).toUpperCase().replace('-', '\\-');
    assert.ok(text.startsWith(`.TH "${title}" ${name.at(-1)} "2023\\-11\\-14" "Sentinel 1.2.3"\n.SH "NAME"\n`), name);
    const requests = text.split('\n').filter((line) => /^[.']/.test(line));
    const odd = requests.filter((line) => !/^\.(?:TH|SH|SS) "|^\.(?:nf|fi|br|TP)$/.test(line));
    assert.equal(odd, []);
    assert.is(requests.filter((line) => line === '.nf').length, requests.filter((line) => line === '.fi').length);
    assert.not.match(text, /[`'\t]|[^\x20-\x7e\n]/, `${name} has what a terminal of today may not show`);
  }
});

test('the same commit gives the same bytes', async () => {
  assert.equal(await manualOf({ version: '1.2.3', time: 1_700_000_000 }), manual);
});

test('text is shown as it is, whatever roff would make of it', () => {
  assert.is(plain(".nf\n'quoted\n\\fB -x"), '\\&.nf\n\\(aqquoted\n\\efB \\-x');
  assert.is(prose('say `a -b`, not `c`'), 'say \\fBa \\-b\\fR, not \\fBc\\fR');
  assert.is(verbatim('sentinel hub\n  .dot'), '.nf\nsentinel hub\n  .dot\n.fi');
});

test.run();
