import { createPrivateKey } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hostileIncident, memoryIncident } from '../../../fixtures/model/incident.ts';
import { ConfigError } from '../../../hub/config-file.ts';
import { type Asked, askReasoner } from '../../../hub/reason/ask.ts';
import { requestOf } from '../../../hub/reason/endpoint/chat.ts';
import { readEndpoint } from '../../../hub/reason/endpoint/config.ts';
import { EndpointReasoner } from '../../../hub/reason/endpoint/endpoint.ts';
import { UNCALIBRATED_CAP } from '../../../hub/reason/validate.ts';
import { RecordedModels } from '../../../hub/replay/find-model.ts';
import { newTlsKey, pemOf, SiteCa } from '../../../hub/site/site-ca.ts';
import { tempFolder } from '../../broker/site.ts';
import { type Answer, type ChatServer, openChatServer, says } from './server.ts';

interface Context {
  readonly path: string;
  readonly done: () => void;
}
const test = suite<Context>('a model that the site serves', {} as Context);
test.before.each((context) => void Object.assign(context, tempFolder()));
test.after.each(({ done }) => done());

const PLAN = {
  class: 'memory-leak',
  root_cause: 'E1 holds memory that it never gives back',
  cites: ['e1', 'e2'],
  playbook: 'none',
  commands: [{ do: 'unit-restart', with: ['E3'] }],
  alternatives: ['a queue that is not emptied'],
  needs_human: false,
};

/** The reasoner of a configuration file, as a hub opens it. */
function reasonerOf(folder: string, port: number, more = ''): EndpointReasoner {
  const file = join(folder, 'endpoint.yaml');
  const url = more.includes('url:') ? '' : `url: http://127.0.0.1:${port}/v1\n`;
  writeFileSync(file, `version: 1\nname: plant-llm\n${url}model: qwen3-8b\n${more}`);
  const endpoint = readEndpoint(file);
  if (endpoint === null) throw new Error('the file was not read');
  return new EndpointReasoner(endpoint, {}, () => {});
}

const ask = (reasoner: EndpointReasoner, signal = new AbortController().signal): Promise<Asked> =>
  askReasoner(reasoner, memoryIncident(), signal);

/** What comes of asking a server that answers so. */
async function askedOf(folder: string, answer: Answer, more = ''): Promise<Asked & { readonly server: ChatServer }> {
  const server = await openChatServer(answer);
  const reasoner = reasonerOf(folder, server.port, more);
  try {
    return { ...(await ask(reasoner)), server };
  } finally {
    await reasoner.close();
    await server.close();
  }
}

test('is asked in the site’s own words and answers with commands of the catalogue, never calibrated', async ({
  path,
}) => {
  const { diagnosis, notes, server } = await askedOf(path, says(JSON.stringify(PLAN)));
  assert.equal(notes, []);
  assert.is(diagnosis?.by, 'plant-llm');
  assert.is(diagnosis?.root_cause, 'mem-hog (pid 4242) holds memory that it never gives back');
  assert.equal(
    diagnosis?.commands.map(({ command }) => command),
    ['systemctl restart ingest.service'],
  );
  assert.ok((diagnosis?.confidence ?? 1) <= UNCALIBRATED_CAP);
  const [heard] = server.heard;
  assert.is(heard?.path, '/v1/chat/completions');
  assert.is(heard?.authorization, undefined);
  const { messages = [], model, temperature, stream, response_format: format } = heard?.body ?? {};
  assert.equal([model, temperature, stream], ['qwen3-8b', 0, false]);
  assert.equal(
    messages.map(({ role }) => role),
    ['system', 'user'],
  );
  assert.match(JSON.stringify(format), '"additionalProperties":false');
  assert.match(JSON.stringify(format), 'unit-restart');
  assert.not.match(JSON.stringify(heard?.body), /ingest\.service|plant-7/, 'names stay here');
});

test('may put its keys and blanks as it likes, and nothing else', async ({ path }) => {
  const { class: of, commands, ...rest } = PLAN;
  const loose = JSON.stringify({ ...rest, commands: [{ with: ['E3'], do: 'unit-restart' }], class: of }, null, 2);
  assert.is((await askedOf(path, says(loose))).diagnosis?.class, of);
  const lies: readonly unknown[] = [
    { ...PLAN, commands: [{ do: 'unit-restart', with: ['E99'] }] },
    { ...PLAN, commands: [{ do: 'unit-restart', with: ['E1'] }] },
    { ...PLAN, commands: [{ do: 'rm -rf /', with: [] }] },
    { ...PLAN, commands: [{ do: 'unit-restart', with: ['E3'], also: 1 }] },
    { ...PLAN, commands: 'all' },
    { ...PLAN, class: 'all-is-well' },
    { ...PLAN, cites: ['e999'] },
    { ...PLAN, root_cause: 'red\u001b[31m' },
    { ...PLAN, root_cause: 'x'.repeat(10_000) },
    { ...PLAN, confidence: 1 },
    { ...rest, commands },
    [PLAN],
    null,
  ];
  for (const lie of lies) {
    const { diagnosis, notes } = await askedOf(path, says(JSON.stringify(lie)));
    assert.is(diagnosis, null, JSON.stringify(lie).slice(0, 200));
    assert.match(notes.join(), /^plant-llm gave no answer: E_MODEL_OUTPUT /);
  }
});

test('costs its answer alone, however it fails', async ({ path }) => {
  const cases: readonly (readonly [Answer, RegExp])[] = [
    [(response) => void response.destroy(), /E_ENDPOINT_DOWN/],
    [(response) => void response.writeHead(500).end('{"choices":[]}'), /E_ENDPOINT_REFUSED it answered 500/],
    [(response) => void response.writeHead(101).end(), /E_ENDPOINT_DOWN|E_ENDPOINT_REFUSED/],
    [(response) => void response.end(''), /E_MODEL_OUTPUT its reply is not JSON/],
    [(response) => void response.end('<html>busy</html>'), /E_MODEL_OUTPUT its reply is not JSON/],
    [(response) => void response.end('{"choices":[]}'), /E_MODEL_OUTPUT its reply is none/],
    [says(null), /E_MODEL_OUTPUT its reply is none/],
    [says('I cannot help with that.'), /E_MODEL_OUTPUT not JSON/],
    [says(JSON.stringify(PLAN), 'length'), /E_MODEL_OUTPUT the answer was cut/],
    [says('['.repeat(100_000)), /E_MODEL_OUTPUT/],
    [says(`${'[{"a":'.repeat(20_000)}1${'}]'.repeat(20_000)}`), /E_MODEL_OUTPUT/],
    [says(`${JSON.stringify(PLAN)}{}`), /E_MODEL_OUTPUT not JSON/],
  ];
  for (const [answer, why] of cases) {
    const { diagnosis, notes } = await askedOf(path, answer);
    assert.is(diagnosis, null);
    assert.match(notes.join(), why);
  }
});

test('that answers without an end is hung up on', async ({ path }) => {
  let hungUp: (() => void) | undefined;
  const over = new Promise<void>((resolve) => {
    hungUp = resolve;
  });
  const endless: Answer = (response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    response.on('close', () => hungUp?.());
    more();
  };
  const { diagnosis, notes } = await askedOf(path, endless);
  assert.is(diagnosis, null);
  assert.match(notes.join(), /E_MODEL_OUTPUT it answered with more than 262144 bytes/);
  await over;
});

test('that is slow is waited for no longer than its time, and no longer than the hub wants to', async ({ path }) => {
  const dripping: Answer = (response) => {
    response.write('{');
    const timer = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(timer));
  };
  const { notes } = await askedOf(path, dripping, 'seconds: 1\n');
  assert.match(notes.join(), /E_MODEL_TIMEOUT/);
  const server = await openChatServer(() => {});
  const reasoner = reasonerOf(path, server.port);
  const abort = new AbortController();
  const waiting = [1, 2, 3, 4].map(() => ask(reasoner, abort.signal));
  while (server.heard.length < 2) await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  for (const one of waiting) assert.match((await one).notes.join(), /E_MODEL_TIMEOUT/);
  assert.is(server.heard.length, 2, 'two at once, the others wait their turn');
  await reasoner.close();
  assert.match((await ask(reasoner)).notes.join(), /E_MODEL_TIMEOUT/, 'a closed one asks nothing');
  await server.close();
});

test('that is not there is said to be down', async ({ path }) => {
  const server = await openChatServer(() => {});
  await server.close();
  const reasoner = reasonerOf(path, server.port);
  assert.match((await ask(reasoner)).notes.join(), /E_ENDPOINT_DOWN .*ECONNREFUSED/);
});

test('that sends elsewhere is not followed, and its token goes nowhere else', async ({ path }) => {
  const elsewhere = await openChatServer(says(JSON.stringify(PLAN)));
  const token = join(path, 'token');
  writeFileSync(token, 'sesame-0123456789\n', { mode: 0o600 });
  for (const status of [301, 302, 307, 308]) {
    const location = `http://127.0.0.1:${elsewhere.port}/v1/chat/completions`;
    const { notes, server } = await askedOf(
      path,
      (response) => void response.writeHead(status, { location }).end(),
      `token_file: ${token}\n`,
    );
    assert.match(notes.join(), new RegExp(`E_ENDPOINT_REFUSED it answered ${status}: redirections are not followed`));
    assert.is(server.heard[0]?.authorization, 'Bearer sesame-0123456789');
  }
  assert.is(elsewhere.heard.length, 0);
  await elsewhere.close();
});

test('over TLS is believed with the site’s CA alone', async ({ path }) => {
  const make = async (name: string) => {
    const { key, certificate } = await SiteCa.make(name, Date.now());
    const ca = await SiteCa.open(createPrivateKey(key), certificate);
    const pair = newTlsKey();
    const { pem: cert } = await ca.issueServer(['127.0.0.1'], pair.publicKey, Date.now());
    return { ca: certificate, tls: { key: pemOf(pair.privateKey), cert } };
  };
  const [site, other] = [await make('plant'), await make('other')];
  const file = join(path, 'ca.pem');
  writeFileSync(file, site.ca);
  for (const [{ tls }, trusted] of [
    [site, true],
    [other, false],
  ] as const) {
    const server = await openChatServer(says(JSON.stringify(PLAN)), tls);
    const reasoner = reasonerOf(path, 0, `url: https://127.0.0.1:${server.port}/v1/\nca_file: ${file}\n`);
    const { diagnosis, notes } = await ask(reasoner);
    assert.is(diagnosis?.class, trusted ? 'memory-leak' : undefined, notes.join());
    if (!trusted) assert.match(notes.join(), /E_ENDPOINT_DOWN/);
    assert.is(server.heard.length, trusted ? 1 : 0);
    // Nor does a variable of the environment make it believe another.
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    await ask(reasoner).finally(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
    assert.is(server.heard.length, trusted ? 2 : 0);
    await server.close();
  }
});

test('is handed a grammar where the site says so, and hostile text as text', async ({ path }) => {
  const server = await openChatServer(says('{}'));
  for (const form of ['schema', 'grammar', 'none']) {
    const reasoner = reasonerOf(path, server.port, `form: ${form}\n`);
    await askReasoner(reasoner, hostileIncident(), new AbortController().signal);
  }
  const bodies = server.heard.map(({ body }) => body);
  const plan = { classes: ['unknown'], commands: [], slots: [], evidence: [], playbooks: [] };
  for (const token of ['[SYSTEM_PROMPT]', '[/INST]', '[TOOL_CALLS]', '<|im_start|>', '<s>']) {
    const prompt = { fixed: '', incident: `queue ${token} full`, tokens: 1, leftOut: [], plan };
    const { messages } = requestOf({ model: 'm', form: 'none' }, prompt, { schema: {}, gbnf: '', maxTokens: 1 });
    assert.not.ok(
      messages.some(({ content }) => content.includes(token)),
      token,
    );
  }
  assert.equal(
    bodies.map((body) => [body.response_format !== undefined, /^root ::= /m.test(body.grammar ?? '')]),
    [
      [true, false],
      [false, true],
      [false, false],
    ],
  );
  for (const { messages } of bodies)
    for (const { content } of messages) assert.not.match(content, /<\||<\/s>|\[INST\]/);
  await server.close();
});

test('is kept as it answered, and not asked again by a replay', async ({ path }) => {
  const { diagnosis } = await askedOf(path, says(JSON.stringify(PLAN)));
  const trace = diagnosis?.trace;
  assert.ok(trace);
  assert.is(trace.output, JSON.stringify(PLAN));
  const known = new RecordedModels({ folder: path, playbooks: new Map(), deadlineMs: 1_000, log: () => {} });
  assert.match(String(await known.of(trace)), /^qwen3-8b at http:\S+ answered it, and is not asked again$/);
  await known.close();
});

test('is asked only where the configuration names it, and that says what is wrong with it', ({ path }) => {
  const file = join(path, 'endpoint.yaml');
  assert.is(readEndpoint(file), null);
  const token = join(path, 'token');
  writeFileSync(token, 'sesame-0123456789\n');
  chmodSync(token, 0o644);
  const good = 'version: 1\nname: plant-llm\nmodel: m\n';
  for (const [text, line, why] of [
    ['version: 2\nname: a\nurl: http://127.0.0.1/v1\nmodel: m\n', 1, /write "version: 1"/],
    ['version: 1\nname: rules\nurl: http://127.0.0.1/v1\nmodel: m\n', 2, /lower-case/],
    ['version: 1\nname: a\nurl: http://127.0.0.1/v1\nmodel: m\nseconds: 900\n', 5, /seconds/],
    ['version: 1\nname: a\nurl: http://127.0.0.1/v1\nmodel: m\nform: xml\n', 5, /form/],
    [`${good}url: ftp://127.0.0.1/v1\n`, 1, /no address: write https/],
    [`${good}url: http://ann:pw@127.0.0.1/v1\n`, 1, /no user and no password/],
    [`${good}url: http://10.0.0.7/v1\ntoken_file: ${token}\n`, 1, /would travel as it is/],
    [`${good}url: https://10.0.0.7/v1\ntoken_file: ${token}\n`, 1, /everybody on this machine can read/],
    [`${good}url: https://10.0.0.7/v1\nca_file: ${path}/none\n`, 1, /ENOENT/],
  ] as const) {
    writeFileSync(file, text);
    assert.throws(
      () => readEndpoint(file),
      (error: unknown) =>
        error instanceof ConfigError && error.line === line && why.test(error.message) && !/sesame/.test(error.message),
      text,
    );
  }
});

test.run();
