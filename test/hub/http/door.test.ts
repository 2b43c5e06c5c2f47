import { chmodSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HTTP_LIMITS, type HttpDoorOptions, openHttpDoor, readHttpAddress, readToken } from '../../../hub/http/door.ts';
import { openSiteCa, serverTls } from '../../../hub/site/server-tls.ts';
import { tempFolder } from '../../broker/site.ts';
import { makeSite } from '../made-site.ts';

const TOKEN = 'correct-horse-battery-staple-0123456789';

interface Said {
  readonly status: number;
  readonly body: string;
}

const options = (more: Partial<HttpDoorOptions> = {}): HttpDoorOptions => ({
  host: '127.0.0.1',
  port: 0,
  tls: null,
  token: null,
  answer: async ({ url }) => ({ status: 200, type: 'text/plain', body: `saw ${url}` }),
  failed: () => {},
  ...more,
});

function ask(port: number, headers: Record<string, string> = {}, ca?: string): Promise<Said> {
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port, path: '/x', headers, agent: false };
    const sent = ca === undefined ? plainRequest(to) : tlsRequest({ ...to, ca });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.end();
  });
}

/** Sends bytes as they are; resolves with what came back when the door has hung up. */
const raw = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve) => {
    let got = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(got));
  });

const test = suite('http door');

test('who shows the token is let in, nobody else', async () => {
  const { path, done } = tempFolder();
  const file = join(path, 'token');
  writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 });
  const door = await openHttpDoor(options({ token: readToken(file) }));
  for (const headers of [
    {},
    { authorization: TOKEN },
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: `Basic ${TOKEN}` },
  ]) {
    assert.is((await ask(door.port, headers)).status, 401);
  }
  assert.is(door.refused, 4);
  assert.equal(await ask(door.port, { authorization: `Bearer ${TOKEN}` }), { status: 200, body: 'saw /x' });
  await door.close();
  done();
});

test('another address than loopback needs a token and TLS', async () => {
  const code = async (more: Partial<HttpDoorOptions>) =>
    openHttpDoor(options({ host: '0.0.0.0', ...more })).then(
      (door) => door.close(),
      (error: unknown) => (error as { code: string }).code,
    );
  assert.is(await code({}), 'E_HTTP_OPEN');
  assert.is(await code({ token: new Uint8Array(32) }), 'E_HTTP_PLAIN');
});

test('with the site’s certificate it speaks TLS 1.3', async () => {
  const { path, done } = tempFolder();
  const { state, site } = await makeSite(path);
  const ca = await openSiteCa(state);
  if (ca === null) throw new Error('no CA');
  const tls = await serverTls(state, site, ca, Date.now());
  const door = await openHttpDoor(options({ tls }));
  assert.is((await ask(door.port, {}, ca.certificate)).status, 200);
  await door.close();
  done();
});

test('what is no HTTP, or too much of it, is turned away and disturbs nobody', async () => {
  const door = await openHttpDoor(options());
  await raw(door.port, 'nonsense\r\n\r\n');
  await raw(door.port, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(2 * HTTP_LIMITS.headerBytes)}\r\n\r\n`);
  assert.is(door.refused, 2);
  assert.is((await ask(door.port)).status, 200);
  await door.close();
});

test('an answer that fails is 500, and said', async () => {
  const told: unknown[] = [];
  const answer = () => Promise.reject(new Error('the secret is 42'));
  const door = await openHttpDoor(options({ answer, failed: (error) => told.push(error) }));
  const { status, body } = await ask(door.port);
  assert.is(status, 500);
  assert.not.match(body, /secret/);
  assert.is(told.length, 1);
  await door.close();
});

test('a port that is taken is a coded error', async () => {
  const door = await openHttpDoor(options());
  const second = openHttpDoor(options({ port: door.port })).then(
    () => 'opened',
    (error: unknown) => (error as { code: string }).code,
  );
  assert.is(await second, 'E_HTTP_PORT');
  await door.close();
});

test('addresses are read, or refused with what to write', () => {
  assert.equal(readHttpAddress('9464'), { host: '127.0.0.1', port: 9464 });
  assert.equal(readHttpAddress('10.0.0.5:80'), { host: '10.0.0.5', port: 80 });
  assert.equal(readHttpAddress('[::1]:0'), { host: '::1', port: 0 });
  for (const bad of ['', 'x', ':1', '1:2:3', '::1:80', '[x]:1', '70000', 'http://h:1']) {
    assert.throws(() => readHttpAddress(bad), /write PORT/, bad);
  }
});

test('a token that is short, or that everybody can read, is refused', () => {
  const { path, done } = tempFolder();
  const file = join(path, 'token');
  assert.throws(() => readToken(file), /ENOENT.*openssl/s);
  writeFileSync(file, 'short', { mode: 0o600 });
  assert.throws(() => readToken(file), /32 to 512/);
  writeFileSync(file, TOKEN);
  chmodSync(file, 0o604);
  assert.throws(() => readToken(file), /everybody/);
  done();
});

test.run();
