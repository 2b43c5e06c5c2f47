import { existsSync, mkdirSync, readFileSync, statfsSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyTo, sourcesAt } from '../../../hub/models/copy.ts';
import { addressOf, type DownloadOptions, download } from '../../../hub/models/download.ts';
import { ModelError } from '../../../hub/models/manifest.ts';
import { tempFolder } from '../../broker/site.ts';

/** Longer than any pause of a server that answers, on a machine that is busy. */
const SILENCE_MS = 60_000;
const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
const TAG = '"v1"';

interface Bench {
  dir: string;
  part: string;
  done: () => void;
  server: Server;
  /** Requests as they came: path, and what range was asked for. */
  asked: { readonly url: string; readonly range: string | undefined; readonly ifRange: string | undefined }[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

const test = suite<Bench>('a model from an address');

test.before.each(async (context) => {
  const { path, done } = tempFolder();
  context.dir = path;
  context.part = join(path, 'm.gguf.part');
  context.done = done;
  context.asked = [];
  context.answer = whole;
  context.server = createServer((request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    context.asked.push({ url: request.url ?? '', range, ifRange: typeof ifRange === 'string' ? ifRange : undefined });
    context.answer(request, response);
  });
  await new Promise<void>((resolve) => context.server.listen(0, '127.0.0.1', resolve));
});

test.after.each(async ({ server, done }) => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  done();
});

/** As file servers do: a part where one is asked for of the very same, else all. */
function whole(request: IncomingMessage, response: ServerResponse): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const isPart = from > 0 && request.headers['if-range'] === TAG;
  const body = isPart ? CONTENT.subarray(from) : CONTENT;
  const range = `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`;
  response.writeHead(isPart ? 206 : 200, {
    etag: TAG,
    'content-length': body.length,
    ...(isPart ? { 'content-range': range } : {}),
  });
  response.end(body);
}

/** A download that is cut: its source says how much comes, sends the first part, and is gone once some of it was taken. */
async function cut(bench: Bench, { tag = TAG, path = '/m.gguf' } = {}): Promise<ModelError> {
  let taken: () => void = () => {};
  const some = new Promise<void>((resolve) => {
    taken = resolve;
  });
  bench.answer = (_, response) => {
    response.writeHead(200, { etag: tag, 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 100_000));
    void some.then(() => response.destroy());
  };
  const error = await refusal(fetching(bench, { url: urlOf(bench, path), progress: taken }));
  assert.is(error.code, 'E_MODEL_CUT');
  return error;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const urlOf = ({ server }: Bench, path = '/m.gguf'): URL => new URL(`http://127.0.0.1:${portOf(server)}${path}`);

function fetching(bench: Bench, change: Partial<DownloadOptions> = {}): Promise<void> {
  const signal = new AbortController().signal;
  const { part } = bench;
  return download({ url: urlOf(bench), via: [], part, signal, silenceMs: SILENCE_MS, progress: () => {}, ...change });
}

async function refusal(work: Promise<void>): Promise<ModelError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

test('comes whole, and how far it is is said', async (bench) => {
  const seen: (readonly [number, number | null])[] = [];
  await fetching(bench, { progress: (bytes, total) => seen.push([bytes, total]) });
  assert.ok(readFileSync(bench.part).equals(CONTENT));
  assert.equal(seen.at(-1), [CONTENT.length, CONTENT.length]);
  assert.not(existsSync(`${bench.part}.json`));
});

test('that was cut goes on where it ended, and only with the very same', async (bench) => {
  await cut(bench);
  const have = readFileSync(bench.part).length;
  assert.ok(have > 0 && have < CONTENT.length, String(have));
  bench.answer = whole;
  await fetching(bench);
  assert.equal(bench.asked.at(-1), { url: '/m.gguf', range: `bytes=${have}-`, ifRange: TAG });
  assert.ok(readFileSync(bench.part).equals(CONTENT));
});

test('that is another by now, or is asked for elsewhere, begins again', async (bench) => {
  for (const path of ['/m.gguf', '/other.gguf']) {
    await cut(bench);
    const other = Buffer.alloc(70_000, 7);
    bench.answer = (_, response) => {
      response.writeHead(200, { etag: '"v2"', 'content-length': other.length });
      response.end(other);
    };
    await fetching(bench, { url: urlOf(bench, path) });
    assert.ok(readFileSync(bench.part).equals(other), path);
    assert.is(bench.asked.at(-1)?.range === undefined, path === '/other.gguf');
  }
});

test('of a source without a strong tag is never gone on with', async (bench) => {
  await cut(bench, { tag: 'W/"v1"' });
  bench.answer = whole;
  await fetching(bench);
  assert.is(bench.asked.at(-1)?.range, undefined);
});

test('that had come whole when the process ended is not asked for again', async (bench) => {
  await cut(bench);
  writeFileSync(bench.part, CONTENT);
  const before = bench.asked.length;
  await fetching(bench);
  assert.is(bench.asked.length, before);
});

test('goes to another host only where that was named, and never from https down', async (bench) => {
  const port = portOf(bench.server);
  bench.answer = (request, response) => {
    if (request.url !== '/m.gguf') return whole(request, response);
    response.writeHead(302, { location: `http://localhost:${port}/there.gguf` });
    response.end();
  };
  const error = await refusal(fetching(bench));
  assert.is(error.code, 'E_MODEL_REDIRECT');
  assert.match(error.message, new RegExp(`--via localhost:${port}`));
  assert.equal(
    bench.asked.map(({ url }) => url),
    ['/m.gguf'],
  );
  for (const location of ['file:///etc/shadow', '/m.gguf']) {
    bench.answer = (_, response) => response.writeHead(302, { location }).end();
    assert.is((await refusal(fetching(bench))).code, 'E_MODEL_REDIRECT', location);
  }
  bench.answer = (request, response) => {
    if (request.url !== '/m.gguf') return whole(request, response);
    response.writeHead(302, { location: `http://127.0.0.1:${port}/there.gguf?signature=x` }).end();
  };
  await fetching(bench);
  assert.is(bench.asked.at(-1)?.url, '/there.gguf?signature=x');
  assert.ok(readFileSync(bench.part).equals(CONTENT));
});

test('that the source does not have, or that falls silent, is a coded refusal', async (bench) => {
  bench.answer = (_, response) => response.writeHead(404).end('no');
  const gone = await refusal(fetching(bench));
  assert.is(gone.code, 'E_MODEL_SOURCE');
  assert.match(gone.message, /status 404/);
  bench.answer = (_, response) => void response.writeHead(200, { 'content-length': 10 }).flushHeaders();
  const silent = await refusal(fetching(bench, { silenceMs: 50 }));
  assert.is(silent.code, 'E_MODEL_CUT');
  assert.match(silent.message, /nothing came for 50 ms/);
  const stop = new AbortController();
  stop.abort();
  assert.is((await refusal(fetching(bench, { signal: stop.signal }))).code, 'E_MODEL_CUT');
});

test('that is larger than the disk is not begun', async (bench) => {
  bench.answer = (_, response) => void response.writeHead(200, { etag: TAG, 'content-length': 2 ** 52 }).flushHeaders();
  assert.is((await refusal(fetching(bench))).code, 'E_MODEL_SPACE');
  assert.not(existsSync(bench.part));
});

test('keeps no query, which may hold a secret', async (bench) => {
  const error = await cut(bench, { path: '/m.gguf?token=hunter2' });
  assert.not.match(error.message, /hunter2/);
  assert.not.match(readFileSync(`${bench.part}.json`, 'utf8'), /hunter2/);
});

test('takes no password, and neither shows nor sends one that a source sends on to', async (bench) => {
  for (const typed of ['http://me:hunter2@127.0.0.1/m.gguf', 'http://', 'file:///etc/passwd', 'http://[::x]/']) {
    try {
      addressOf(typed);
      assert.unreachable(typed);
    } catch (error) {
      assert.ok(error instanceof ModelError, String(error));
      assert.is(error.code, 'E_MODEL_SOURCE');
      assert.not.match(error.message, /hunter2/);
    }
  }
  const sentOn = (location: string) => {
    bench.answer = (request, response) => {
      if (request.url !== '/m.gguf') return whole(request, response);
      response.writeHead(302, { location });
      response.end();
    };
  };
  sentOn(`http://me:hunter2@127.0.0.1:${portOf(bench.server)}/there.gguf`);
  await fetching(bench);
  assert.ok(readFileSync(bench.part).equals(CONTENT));
  sentOn('http://[::x]/');
  assert.is((await refusal(fetching(bench))).code, 'E_MODEL_REDIRECT');
});

test('copied from a folder is a regular file, and leaves nothing where it can’t be copied', async ({ dir, part }) => {
  const usb = join(dir, 'usb');
  mkdirSync(usb);
  const entry = { name: 'm', bytes: 1, sha256: '0'.repeat(64), from: 'x', added: 1 };
  writeFileSync(join(usb, 'models.json'), JSON.stringify({ version: 1, models: [entry] }));
  symlinkSync('/dev/zero', join(usb, 'm.gguf'));
  const [source] = sourcesAt(usb, undefined);
  assert.is((await refusal(copyTo(part, source?.path ?? ''))).code, 'E_MODEL_SOURCE');
  // Sparse: it takes no room here, and is as large as all that is free.
  const huge = join(dir, 'huge.gguf');
  writeFileSync(huge, 'GGUF');
  const { bavail, bsize } = statfsSync(dir);
  truncateSync(huge, bavail * bsize);
  assert.is((await refusal(copyTo(part, huge))).code, 'E_MODEL_SPACE');
  assert.not(existsSync(part));
});

test.run();
