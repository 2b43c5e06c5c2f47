import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDropIn } from '../../agent/drop-in/drop-in.ts';
import { DatabasesSense } from '../../agent/sense/databases/databases.ts';
import type { Reading } from '../../agent/sense/sense.ts';
import { hasCommand, needsPackages } from './debian.ts';

/** Real servers, asked by their real clients: what the sense says of them. They listen on unix sockets alone. */
const test = suite<{ dir: string; children: ChildProcess[] }>('databases through their clients');

const CLUSTERS = '/usr/lib/postgresql';
const serverFolder = (): string | undefined =>
  listed(CLUSTERS)
    .map((version) => join(CLUSTERS, version, 'bin'))
    .find((folder) => listed(folder).includes('initdb'));

test.before((context) => {
  needsPackages(['postgresql'], () => serverFolder() !== undefined && hasCommand('psql'));
  needsPackages(['redis-server', 'redis-tools'], () => hasCommand('redis-server') && hasCommand('redis-cli'));
  context.dir = mkdtempSync('/var/tmp/sentinel-databases-');
  chmodSync(context.dir, 0o755);
  context.children = [];
});
test.after(async ({ dir, children }) => {
  for (const child of children) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  rmSync(dir, { recursive: true, force: true });
});

const value = (readings: readonly Reading[], name: string): number | null | undefined =>
  readings.find((reading) => reading.name === name)?.value;

/** Forty times the real time: looks are due every 1.5 s, and one that takes less than 4.5 s is not too old to count. */
const MS_PER_TRY = 2_000;

async function settle(sense: DatabasesSense, from: number, done: (readings: readonly Reading[]) => boolean) {
  // A server may not be up at the first look: the clock that we give goes on, and the sense looks again.
  for (let left = 1_200, at = from; ; left--, at += MS_PER_TRY) {
    const readings = sense.sample(at);
    if (done(readings)) return { readings, at };
    assert.ok(left > 0, `it never came: ${sense.error('db')} ${JSON.stringify(readings)}`);
    await sleep(50);
  }
}

const declare = (text: string) => parseDropIn('t.yaml', `version: 1\ndatabases:\n  - ${text}\n`).databases;

test('postgres: connections, hits, archiving that fails, locks; and a server that is gone is down', async (context) => {
  const bin = serverFolder() ?? '';
  const data = join(context.dir, 'pg');
  mkdirSync(data);
  spawnSync('chown', ['postgres', data]);
  const asPostgres = (...argv: string[]): string[] => ['-u', 'postgres', '--', ...argv];
  const made = spawnSync('runuser', asPostgres(join(bin, 'initdb'), '-D', data, '--auth=peer', '--no-sync'), {
    encoding: 'utf8',
  });
  assert.is(made.status, 0, made.stderr);
  const settings = ['listen_addresses=', `unix_socket_directories=${data}`, 'max_connections=20', 'fsync=off'];
  // Archiving that always fails, as with a full or missing archive.
  settings.push('archive_mode=on', 'archive_command=/bin/false', 'superuser_reserved_connections=1');
  const args = [
    ...['--reuid=postgres', '--regid=postgres', '--clear-groups', join(bin, 'postgres'), '-D', data],
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
  const server = spawn('setpriv', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  context.children.push(server);
  const psql = (sql: string): { status: number | null; stderr: string } =>
    spawnSync('runuser', asPostgres('psql', '-X', '-h', data, '-c', sql, 'postgres'), { encoding: 'utf8' });
  for (let left = 60; psql('SELECT 1').status !== 0; left--) {
    assert.ok(left > 0 && server.exitCode === null, 'postgres never came up');
    await sleep(500);
  }
  // Peer authentication goes by the user of the process, and the test is root: it gets a role of its own.
  assert.is(psql('CREATE ROLE root LOGIN; GRANT pg_monitor TO root').status, 0);
  const declared = declare(`{name: db, kind: postgres, host: ${data}, user: root}`);
  const sense = new DatabasesSense(() => declared);
  const { readings: first, at: answered } = await settle(sense, 0, (readings) => {
    return value(readings, 'database.down[db]') === 0 && value(readings, 'database.connections_percent[db]') !== null;
  });
  const used = value(first, 'database.connections_percent[db]') ?? 0;
  assert.ok(used >= 5 && used <= 50, `one of twenty is 5 %: ${used}`);
  assert.is(value(first, 'database.waiting_locks[db]'), 0);
  assert.is(value(first, 'database.replication_lag_s[db]'), null);

  const sleepers = ['SELECT pg_sleep(600)', 'SELECT pg_sleep(600)', 'SELECT pg_sleep(600)'].map((sql) =>
    spawn('runuser', asPostgres('psql', '-X', '-h', data, '-c', sql, 'postgres'), { stdio: 'ignore' }),
  );
  context.children.push(...sleepers);
  assert.is(psql('CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 1000)').status, 0);
  psql('SELECT pg_switch_wal()');
  const { at } = await settle(sense, answered + MS_PER_TRY, (readings) => {
    const hit = value(readings, 'database.cache_hit_percent[db]') ?? -1;
    const now = value(readings, 'database.connections_percent[db]') ?? 0;
    const failed = value(readings, 'database.archive_failures[db]') ?? 0;
    return hit > 0 && hit <= 100 && now >= used + 15 && failed > 0;
  });
  server.kill('SIGKILL');
  await settle(sense, at + MS_PER_TRY, (readings) => value(readings, 'database.down[db]') === 1);
  assert.match(String(sense.error('db')), /psql: /);
  sense.close();
});

test('redis: memory, clients, a password from its file, and a replica without its primary', async (context) => {
  const primary = join(context.dir, 'primary.sock');
  const replica = join(context.dir, 'replica.sock');
  const secret = join(context.dir, 'secret');
  writeFileSync(secret, 'hunter2\n', { mode: 0o600 });
  const start = (socket: string, ...more: string[]): void => {
    const base = [
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--save',
      '',
      '--dir',
      context.dir,
      '--requirepass',
      'hunter2',
    ];
    context.children.push(spawn('redis-server', [...base, ...more], { stdio: 'ignore' }));
  };
  start(primary, '--maxmemory', '64mb', '--maxclients', '50');
  // A primary that nobody can reach: the link is down from the start.
  start(replica, '--replicaof', '127.0.0.1', '1', '--masterauth', 'hunter2');
  const declared = [
    ...declare(`{name: db, kind: redis, host: ${primary}, password_file: ${secret}}`),
    ...declare(`{name: copy, kind: redis, host: ${replica}, password_file: ${secret}}`),
    ...declare(`{name: closed, kind: redis, host: ${primary}}`),
  ];
  const sense = new DatabasesSense(() => declared);
  const { readings } = await settle(sense, 0, (found) => {
    return (
      value(found, 'database.down[db]') === 0 &&
      value(found, 'database.memory_percent[db]') !== null &&
      value(found, 'database.replication_down[copy]') === 1 &&
      value(found, 'database.down[closed]') === 1 &&
      // Not only that it was not up yet.
      /NOAUTH/.test(String(sense.error('closed')))
    );
  });
  const memory = value(readings, 'database.memory_percent[db]') ?? 0;
  assert.ok(memory > 0 && memory < 50, `${memory}`);
  assert.ok((value(readings, 'database.connections_percent[db]') ?? 0) >= 2);
  sense.close();
});
test.run();

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
