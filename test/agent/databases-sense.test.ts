import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDropIn } from '../../agent/drop-in/drop-in.ts';
import { readSecret } from '../../agent/sense/databases/client.ts';
import { parsePostgres } from '../../agent/sense/databases/postgres.ts';
import { parseRedis } from '../../agent/sense/databases/redis.ts';

const test = suite('databases');

test("postgres's answer is read, a standby's too, and nothing else is", () => {
  const primary = parsePostgres(
    '{"used" : 85, "max" : 100, "hits" : 900, "misses" : 100, "archive_failures" : 2, "lag" : null, "receiver_down" : null}\n',
  );
  assert.equal([primary.connectionsPercent, primary.archiveFailures, primary.lagSeconds], [85, 2, null]);
  const standby = parsePostgres('{"used":1,"max":100,"hits":null,"misses":null,"lag":12.5,"receiver_down":1}');
  assert.equal([standby.lagSeconds, standby.replicationDown, standby.hits], [12.5, 1, null]);
  for (const bad of ['', 'null', '[]', '{}', '{"used":"1","max":2}', '{"used":1e999,"max":1}'])
    assert.throws(() => parsePostgres(bad), undefined, bad);
});

test("redis's answer is read, a replica's too, and an error is none", () => {
  const info = (more: string): string =>
    `# Server\r\nredis_version:7.0.15\r\n# Clients\r\nconnected_clients:50\r\nmaxclients:100\r\n# Memory\r\nused_memory:512\r\nmaxmemory:1024\r\nkeyspace_hits:9\r\nkeyspace_misses:1\r\n${more}`;
  const primary = parseRedis(info('role:master\r\n'));
  assert.equal(
    [primary.connectionsPercent, primary.memoryPercent, primary.hits, primary.replicationDown],
    [50, 50, 9, null],
  );
  const replica = parseRedis(info('role:slave\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:31\r\n'));
  assert.equal([replica.replicationDown, replica.lagSeconds], [1, 31]);
  assert.is(parseRedis(info('role:master\r\n').replace('maxmemory:1024', 'maxmemory:0')).memoryPercent, null);
  assert.throws(() => parseRedis('NOAUTH Authentication required.\n'), /NOAUTH/);
});

test('any answer at all is numbers or an error', () => {
  const finite = (look: object): void => {
    for (const value of Object.values(look)) assert.ok(value === null || Number.isFinite(value), String(value));
  };
  const line = fc.tuple(
    fc.constantFrom('role', 'used_memory', 'maxmemory', 'maxclients', 'connected_clients', 'x'),
    fc.string(),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(line).map((all) => all.map(([k, v]) => `${k}:${v}`).join('\n')),
      ),
      (text) => {
        try {
          finite(parseRedis(text));
        } catch (error) {
          assert.match(String(error), /redis-cli: /);
        }
      },
    ),
  );
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      try {
        finite(parsePostgres(text));
      } catch (error) {
        assert.instance(error, Error);
      }
    }),
  );
});

test('a password that others could read is not taken', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-secret-'));
  const file = join(dir, 'redis');
  writeFileSync(file, 'hunter2\n', { mode: 0o600 });
  assert.is(await readSecret(file), 'hunter2');
  chmodSync(file, 0o644);
  assert.match(await readSecret(file).catch(String), /mode 0600/);
  assert.match(await readSecret(dir).catch(String), /mode 0600|EISDIR/);
  rmSync(dir, { recursive: true });
});

test('the section gives no way to an argument of its own', () => {
  const read = (text: string) => parseDropIn('t.yaml', `version: 1\ndatabases:\n  - ${text}\n`).databases[0];
  assert.is(read('{name: db, kind: postgres, host: /var/run/postgresql, user: sentinel}')?.user, 'sentinel');
  for (const bad of [
    '{name: db, kind: mysql}',
    '{name: db, kind: postgres, host: -h}',
    '{name: db, kind: postgres, host: "a b"}',
    '{name: db, kind: postgres, user: "x;y"}',
    '{name: db, kind: postgres, database: "host=evil"}',
    '{name: db, kind: redis, port: 70000}',
    '{name: db, kind: redis, password: x}',
  ])
    assert.throws(() => read(bad), /t\.yaml:3: /, bad);
});
test.run();
