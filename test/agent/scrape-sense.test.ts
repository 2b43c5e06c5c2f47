import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDropIn } from '../../agent/drop-in/drop-in.ts';
import { scrape } from '../../agent/sense/scrape/fetch.ts';
import { ScrapeSense } from '../../agent/sense/scrape/scrape.ts';
import { parseSample, parseSelector, parseType, type Selector } from '../../agent/sense/scrape/text-format.ts';
import type { Reading } from '../../agent/sense/sense.ts';

const value = (readings: readonly Reading[], name: string): number | null | undefined =>
  readings.find((reading) => reading.name === name)?.value;
const selector = (text: string): Selector => {
  const found = parseSelector(text);
  assert.ok(found !== null, text);
  return found;
};

const format = suite('the text format');

format('samples with and without labels, escapes, times and special values', () => {
  assert.is(parseSample('up 1')?.value, 1);
  assert.is(parseSample('http_requests_total{method="post",code="200",} 1027 1395066363000')?.value, 1027);
  const odd = parseSample(String.raw`x{path="C:\\DIR\\",error="no \"file\"\n",e="{},="} 1.458255915e9`);
  assert.equal(
    [...(odd?.labels ?? [])],
    [
      ['path', 'C:\\DIR\\'],
      ['error', 'no "file"\n'],
      ['e', '{},='],
    ],
  );
  assert.is(odd?.value, 1.458255915e9);
  assert.is(parseSample('x +Inf')?.value, Number.POSITIVE_INFINITY);
  assert.equal(parseType('# TYPE a counter'), { name: 'a', type: 'counter' });
  for (const bad of [
    '',
    '# HELP a b',
    'a',
    'a NaN',
    'a{b="c" 1',
    'a{b=c} 1',
    '1a 2',
    'a{b="c\\x"} 1',
    `a ${'1'.repeat(5_000)}`,
  ])
    assert.is(parseSample(bad), null, bad.slice(0, 40));
});

format('any text at all: a sample or null; what was made is read back', () => {
  const piece = fc.constantFrom('a', '{', '}', '"', '\\', ',', '=', ' ', '1', 'NaN', '#', '\u0000', 'TYPE ');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 80 }).map((all) => all.join('')),
      ),
      (line) => {
        const sample = parseSample(line);
        if (sample !== null) assert.not.ok(Number.isNaN(sample.value));
        parseSelector(line);
        parseType(line);
      },
    ),
    { numRuns: 5_000 },
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 50 }), fc.double({ noNaN: true, noDefaultInfinity: true }), (label, number) => {
      const text = label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
      const sample = parseSample(`m{l="${text}"} ${number}`);
      assert.is(sample?.labels.get('l'), label);
      assert.is(sample?.value, number);
    }),
  );
});
format.run();

const pages = suite<{
  server: Server;
  url: string;
  page: (request: IncomingMessage, response: ServerResponse) => void;
}>('an endpoint');
pages.before.each(async (context) => {
  context.page = (_, response) => void response.end();
  context.server = createServer((request, response) => context.page(request, response));
  await new Promise<void>((resolve) => context.server.listen(0, '127.0.0.1', resolve));
  context.url = `http://127.0.0.1:${(context.server.address() as AddressInfo).port}/metrics`;
});
pages.after.each(({ server }) => {
  server.closeAllConnections();
  server.close();
});

const PAGE = `# TYPE jobs gauge
jobs{queue="a"} 3
jobs{queue="b"} 4
# TYPE rpc summary
rpc{quantile="0.99"} 0.2
rpc_count 9
secret_thing 1
`;

pages('gives the wanted metrics, summed over their labels, and no other', async (context) => {
  context.page = (_, response) => void response.end(PAGE);
  const wanted = ['jobs', 'jobs{queue="b"}', 'rpc{quantile="0.99"}', 'rpc_count', 'missing'].map(selector);
  const found = await scrape(context.url, wanted, AbortSignal.timeout(60_000));
  assert.equal(
    found.map(({ value: number }) => number),
    [7, 4, 0.2, 9, null],
  );
  assert.equal(
    found.map(({ counter }) => counter),
    [false, false, false, true, false],
  );
});

pages('is refused when it redirects, is too large, never ends, or says no', async (context) => {
  const failure = async (page: typeof context.page, signal = AbortSignal.timeout(60_000)): Promise<string> => {
    context.page = page;
    return scrape(context.url, [selector('a')], signal).then(() => 'answered', String);
  };
  let followed = 0;
  const redirect = await failure((request, response) => {
    if (request.url !== '/metrics') followed++;
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  assert.match(redirect, /answers 302/);
  assert.is(followed, 0);
  assert.match(await failure((_, response) => void response.writeHead(500).end()), /answers 500/);
  const chunk = 'a'.repeat(65_536);
  const endless = (_: IncomingMessage, response: ServerResponse): void => {
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    more();
  };
  assert.match(await failure(endless), /over \d+ bytes/);
  assert.match(await failure(() => {}, AbortSignal.timeout(100)), /abort|timeout/i);
});

pages('as a sense: counters are rates, and an endpoint that is gone is down', async (context) => {
  let hits = 100;
  context.page = (_, response) => void response.end(`hits_total ${hits}\nlevel 5\n`);
  const declared = [{ name: 'app', url: context.url, metrics: [selector('hits_total'), selector('level')] }];
  let clock = 0;
  const sense = new ScrapeSense(
    () => declared,
    () => clock,
  );
  const settle = async (done: (readings: readonly Reading[]) => boolean): Promise<readonly Reading[]> => {
    for (let left = 2_000; ; left--) {
      const readings = sense.sample(clock);
      if (done(readings)) return readings;
      assert.ok(left > 0, 'it never came');
      await sleep(5);
    }
  };
  const first = await settle((readings) => value(readings, 'scrape.level[app]') === 5);
  assert.is(value(first, 'scrape.hits_total[app]'), null, 'a rate needs two looks');
  assert.is(value(first, 'scrape.down[app]'), 0);
  hits = 400;
  clock = 30_000;
  await settle((readings) => value(readings, 'scrape.hits_total[app]') === 10);
  context.server.closeAllConnections();
  context.server.close();
  clock = 60_000;
  await settle((readings) => value(readings, 'scrape.down[app]') === 1);
  clock = 200_000;
  const later = await settle((readings) => value(readings, 'scrape.level[app]') === null);
  assert.is(value(later, 'scrape.down[app]'), 1);
  sense.close();
});

pages('the section takes only plain addresses and metrics by name', () => {
  const read = (text: string) => parseDropIn('t.yaml', `version: 1\nendpoints:\n  - ${text}\n`).endpoints;
  const [one] = read(`{name: app, url: 'http://127.0.0.1:9100/metrics', metrics: [up, 'a{b="c"}']}`);
  assert.equal([...(one?.metrics[1]?.labels ?? [])], [['b', 'c']]);
  for (const bad of [
    '{name: app, url: "ftp://h/", metrics: [up]}',
    '{name: app, url: "http://u:p@h/", metrics: [up]}',
    '{name: app, url: "http://h/"}',
    '{name: app, url: "http://h/", metrics: ["a b"]}',
  ])
    assert.throws(() => read(bad), /t\.yaml:3: /, bad);
});
pages.run();
