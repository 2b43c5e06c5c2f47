import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'mqtt';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { toolFile } from '../../hub/tools/enroll.ts';
import { until } from '../broker/site.ts';
import { FRONT_DOOR, Site } from '../e2e/site.ts';

type Line = Readonly<Record<string, unknown>> & { readonly message: Readonly<Record<string, unknown>> };

/** What anyone’s scripts see of a site: real hub, real agent, real commands. */
const tools = suite<{ site: Site }>('tool link');

tools.before.each(async (context) => {
  context.site = new Site();
  await context.site.startHub('--json-views');
  await context.site.startAgent();
});
tools.after.each(({ site }) => site.close());

/** `sentinel watch` as a process; its lines as they come. */
function watch(site: Site, ...args: string[]): { child: ChildProcess; lines: Line[]; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [FRONT_DOOR, 'watch', ...args, '--state', site.state.root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Line[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = `${rest}${chunk}`.split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as Line);
  });
  return { child, lines, ended: new Promise((resolve) => child.once('close', resolve)) };
}

tools('watch takes itself on, shows views, and opens what is signed', async ({ site }) => {
  const views = watch(site);
  await until('telemetry and state', () =>
    ['state', 'telemetry'].every((what) => views.lines.some(({ topic }) => topic === `view/1/${site.agent}/${what}`)),
  );
  // What a host measures changes as disks come and go: the pair that belongs together says the same names.
  const names = (what: string, field: string) =>
    views.lines
      .filter(({ topic }) => topic === `view/1/${site.agent}/${what}`)
      .map(({ message }) =>
        Object.keys(message[field] as object)
          .sort()
          .join(),
      );
  await until('every number has its unit', () => {
    const units = names('state', 'units');
    return names('telemetry', 'metrics').some((one) => units.includes(one));
  });
  assert.is(statSync(toolFile(site.state, 'watch')).mode & 0o777, 0o600);

  const raw = watch(site, 's/1/+/m', '--count', '3');
  const events = watch(site, 's/1/+/e', '--count', '1');
  const births = watch(site, 's/1/+/b', '--count', '1');
  assert.is(await births.ended, 0);
  assert.is(births.lines[0]?.['signed'], 'verified');
  assert.is(await raw.ended, 0, 'it ends by itself after so many');
  assert.is(raw.lines.length, 3);

  site.fill();
  assert.is(await events.ended, 0);
  assert.is(events.lines[0]?.['signed'], 'verified');
  // A busy machine has troubles of its own beside it.
  const seen = () =>
    views.lines.find(
      ({ topic, message }) => topic === `view/1/${site.agent}/event` && message['signal'] === 'folder.space',
    );
  await until('the event is seen', () => seen() !== undefined);
  const incident = `view/1/hub/incident/${String(seen()?.message['incident'])}`;
  await until('and its incident', () => views.lines.some(({ topic }) => topic === incident));

  const frames = watch(site, `s/1/${site.agent}/m`);
  await until('frames with names', () =>
    frames.lines.some(({ signed, message }) => {
      const [first] = (message['frames'] as { metrics?: object }[] | undefined) ?? [];
      return signed === 'verified' && first?.metrics !== undefined;
    }),
  );
  for (const one of [views, frames]) {
    one.child.kill('SIGINT');
    assert.is(await one.ended, 0, 'Ctrl-C is a clean end');
  }
});

tools('a reader that goes away ends watch, and what is not granted is said', async ({ site }) => {
  const gone = watch(site);
  await until('a line', () => gone.lines.length > 0);
  gone.child.stdout?.destroy();
  assert.is(await gone.ended, 0);
  const refused = await site.sentinel('watch', 's/1/+/c');
  assert.is(refused.code, 2);
  assert.match(refused.stderr, 'E_NOT_GRANTED');
});

tools('an enrolled tool asks and is answered; revoked, it is cut off and stays out', async ({ site }) => {
  const out = `${site.dir}/wall.json`;
  const enrolled = await site.sentinel('enroll', '--tool', 'wall', '--out', out);
  assert.is(enrolled.code, 0, enrolled.stderr);
  const { broker, username, password } = JSON.parse(readFileSync(out, 'utf8'));
  const options = { clientId: 'wall/1', username, password, protocolVersion: 4, reconnectPeriod: 0 } as const;
  const client = connect(broker, options);
  client.on('error', () => {});
  const heard: { topic: string; text: string }[] = [];
  client.on('message', (topic, payload) => heard.push({ topic, text: payload.toString() }));
  await client.subscribeAsync(['hub/res/wall/+', `json/1/${site.agent}/state`], { qos: 1 });
  await client.publishAsync('hub/req/wall/agents', '{"tx":"x"}', { qos: 1 });
  await until('an answer', () => heard.some(({ topic }) => topic === 'hub/res/wall/agents'));
  const answer = JSON.parse(heard.find(({ topic }) => topic === 'hub/res/wall/agents')?.text ?? '{}');
  assert.equal([answer.tx, answer.status, answer.result.agents[0].agent], ['x', 'ok', site.agent]);
  await until('the state as JSON', () => heard.some(({ topic }) => topic.startsWith('json/')));

  const cut = new Promise<void>((resolve) => client.once('close', () => resolve()));
  assert.is((await site.sentinel('enroll', '--revoke', 'wall')).code, 0);
  await cut;
  const again = connect(broker, options);
  const refusal = await new Promise<Error>((resolve) => again.once('error', resolve));
  assert.match(refusal.message, /Not authorized/);
  again.end(true);
  const agentName = await site.sentinel('enroll', '--tool', site.agent);
  assert.equal([agentName.code, /E_TOOL_NAME/.test(agentName.stderr)], [1, true]);
  const audit = await site.sentinel('audit', 'verify');
  assert.is(audit.code, 0, audit.stdout);
});

tools.run();
