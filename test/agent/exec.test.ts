import { spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readPin } from '../../agent/exec/pin.ts';
import { Framed } from '../../broker/framed.ts';
import { sealHalt } from '../../broker/halts.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { ExecSite, FRONT_DOOR, planned } from './exec-fixtures.ts';
import { BOOT, inShort, programOf } from './order-fixtures.ts';

const test = suite<{ exec: ExecSite; made: () => number }>('exec');
test.before.each(async (context) => {
  context.exec = new ExecSite();
  // `mktemp` leaves one file for each time that it is run.
  context.made = () => readdirSync(context.exec.dir).filter((name) => name.startsWith('ran.')).length;
});
test.after.each(({ exec }) => exec.close());

const counts = (exec: ExecSite) => programOf(['mktemp', '-p', exec.dir, 'ran.XXXXXX']);

test('an approved order runs once, is reported step by step, and is remembered over a kill', async ({ exec, made }) => {
  await exec.start('--live');
  assert.equal(await exec.link.ask(), {
    version: 1,
    agent: 'web-1',
    live: true,
    privileged: process.geteuid?.() === 0,
  });
  const plan = [planned('step', 1, counts(exec)), planned('step', 2, programOf(['uname']))];
  const order = exec.site.order(exec.approval(plan), plan);
  const first = await exec.hand(order, { ack: exec.ack() });
  assert.equal([inShort(first.reports), first.handed], [['step 1 done', 'step 2 done'], { end: 'end' }]);
  assert.is(first.reports[1]?.stdout, 'Linux\n');
  assert.equal((await exec.hand(order)).reports, first.reports);
  await exec.kill('SIGKILL');
  await exec.start('--live');
  assert.equal((await exec.hand(order)).reports, first.reports);
  assert.is(made(), 1);
});

test('a dry run takes one side: the executor, the agent or the hub', async ({ exec, made }) => {
  await exec.start();
  const plan = [planned('step', 1, counts(exec))];
  const approval = exec.approval(plan);
  const dry = 'step 1 dry_run ';
  assert.equal(inShort((await exec.hand(exec.site.order(approval, plan))).reports), [`${dry}agent_dry_run`]);
  await exec.kill('SIGTERM');
  await exec.start('--live');
  const wished = await exec.hand(exec.site.order(approval, plan), { dry: true });
  assert.equal(inShort(wished.reports), [`${dry}agent_dry_run`]);
  const byHub = await exec.hand(exec.site.order(approval, plan, { dry_run: true }));
  assert.equal(inShort(byHub.reports), [`${dry}hub_dry_run`]);
  assert.is(made(), 0);
});

test('it believes nothing that is not signed by whom it pinned', async ({ exec, made }) => {
  await exec.start('--live');
  const plan = [planned('step', 1, counts(exec))];
  const approval = exec.approval(plan);
  const order = exec.site.order(approval, plan);
  const eve = newKeyPair();
  const refusedAs = async (code: string, asked: Parameters<ExecSite['hand']>) => {
    const { handed, reports } = await exec.hand(...asked);
    const said = handed.end === 'refused' ? handed.code : inShort(reports).join();
    assert.match(said, code);
  };
  await refusedAs('E_SIGNATURE', [exec.message(order, eve)]);
  await refusedAs('E_SIGNATURE', [order, { roster: exec.roster({}, eve) }]);
  await refusedAs('E_SIGNATURE', [order, { roster: exec.roster({ hub_key: eve.public }, eve) }]);
  await refusedAs('E_SIGNATURE', [exec.site.order(approval, plan, {}, eve)]);
  await refusedAs('E_ORDER_AGENT', [{ ...order, agent: 'db-1' }]);
  await refusedAs('E_ORDER_PLAN', [{ ...order, programs: [planned('step', 1, programOf(['uname', '-a']))] }]);
  await refusedAs('E_APPROVAL_EXPIRED', [order, { ack: exec.ack({ now: approval.not_after + 1, counter: 9 }) }]);
  await refusedAs('E_POLICY_BLOCK', [exec.site.order(exec.approval(plan, { policy_hash: 'e'.repeat(64) }), plan)]);
  const newer = exec.roster({ version: 8, operators: [] });
  await refusedAs('E_APPROVAL_OPERATOR', [order, { roster: newer }]);
  const newest = exec.roster({ version: 9, operators: [] });
  assert.not(await exec.link.hear({ roster: exec.roster({ version: 10 }, eve) }));
  assert.ok(await exec.link.hear({ roster: newest }), 'what the hub tells all is told by itself too');
  await refusedAs('E_ROSTER_OLD', [order, { roster: newer }]);
  // It keeps the highest that it heard, over a kill too: an old roster brings no operator back.
  await exec.kill('SIGKILL');
  await exec.start('--live');
  await refusedAs('E_ROSTER_OLD', [order]);
  assert.is(made(), 0);
});

test('the agent’s word for the host counts for nothing: policy is judged on what is here', async ({ exec }) => {
  await exec.start('--live');
  const wanted = [
    programOf(['rm', '-rf', '/']),
    programOf(['systemctl', 'restart', 'sentinel-agent']),
    programOf(['kill', '-TERM', '1']),
  ];
  for (const program of wanted) {
    const plan = [planned('step', 1, program)];
    const { reports } = await exec.hand(exec.site.order(exec.approval(plan, { reviewed: [] }), plan));
    assert.is(reports[0]?.state, 'refused', JSON.stringify(program));
    assert.match(reports[0]?.code ?? '', /^E_(?:POLICY|NEEDS)/);
  }
});

test('hostile bytes end their own connection and nothing else', async ({ exec }) => {
  await exec.start('--live');
  const closed = (write: (socket: ReturnType<typeof connect>) => void) =>
    new Promise<void>((resolve) => {
      const socket = connect(exec.socket, () => write(socket));
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.on('close', () => resolve());
    });
  await closed((socket) => socket.write(Buffer.alloc(1_000, 0xff)));
  await closed((socket) => socket.write(Buffer.from('GET / HTTP/1.0\r\n\r\n')));
  for (const what of [
    null,
    7,
    {},
    { order: 'x' },
    { order: Buffer.alloc(70_000), roster: Buffer.alloc(1), dry: false },
  ])
    await closed((socket) => new Framed(socket).send(what));
  // Two on one connection: the second has not waited for its turn.
  const plan = [planned('step', 1, programOf(['sleep', '0.2']))];
  const asked = { order: exec.message(exec.site.order(exec.approval(plan), plan)), roster: exec.roster(), dry: false };
  await closed((socket) => {
    const link = new Framed(socket);
    link.send(asked);
    link.send(asked);
  });
  assert.equal(inShort((await exec.hand(asked.order)).reports), ['step 1 done']);
  assert.match(exec.said, 'E_MESSAGE_SHAPE');
});

test('killed in the middle of a step it does not know what became of it, and says so for ever', async ({
  exec,
  made,
}) => {
  await exec.start('--live');
  const plan = [planned('step', 1, programOf(['sleep', '5'])), planned('step', 2, counts(exec))];
  const order = exec.site.order(exec.approval(plan), plan);
  const lost = exec.hand(order);
  await exec.until(() => /step\.1","begun/.test(exec.journal()), 'the step to begin');
  await exec.kill('SIGKILL');
  assert.equal((await lost).handed, { end: 'lost', sent: true });
  await exec.start('--live');
  for (let again = 0; again < 2; again++) {
    const { reports } = await exec.hand(order);
    assert.equal(inShort(reports), ['step 1 outcome_unknown E_STEP_INTERRUPTED']);
  }
  assert.is(made(), 0);
});

test('a halt by the hub ends what runs and holds over a kill; one that another key signed does nothing', async ({
  exec,
}) => {
  await exec.start('--live');
  const plan = [planned('step', 1, programOf(['sleep', '600']))];
  const running = exec.hand(exec.site.order(exec.approval(plan), plan));
  await exec.until(() => exec.journal().includes('begun'), 'the step');
  const halt = { site: 'local', epoch: 2, counter: 1, halted: true, at: 1, by: 'ann', reason: '' };
  const told = (by: KeyPair) => exec.link.halt({ roster: exec.roster(), halt: sealHalt(halt, by) });
  assert.not(await told(newKeyPair()));
  assert.ok(await told(exec.site.hub));
  assert.equal(inShort((await running).reports), ['step 1 failed E_HALTED']);
  await exec.kill('SIGKILL');
  await exec.start('--live');
  const next = [planned('step', 1, programOf(['uname']))];
  assert.equal(inShort((await exec.hand(exec.site.order(exec.approval(next), next))).reports), [
    'step 1 refused E_HALTED',
  ]);
});

test('told to end it lets its command end, remembers it, and begins no other', async ({ exec, made }) => {
  await exec.start('--live');
  const plan = [planned('step', 1, programOf(['sleep', '0.5'])), planned('step', 2, counts(exec))];
  const order = exec.site.order(exec.approval(plan), plan);
  const handed = exec.hand(order);
  await exec.until(() => /step\.1","begun/.test(exec.journal()), 'the step to begin');
  assert.is(await exec.kill('SIGTERM'), 0);
  assert.equal(inShort((await handed).reports), ['step 1 done']);
  assert.is(made(), 0);
  assert.match(exec.journal(), '"state":"done"');
  // It does not say that this was all: the rest is for the executor that comes.
  assert.equal((await handed).handed, { end: 'lost', sent: true });
  await exec.start('--live');
  assert.equal(inShort((await exec.hand(order)).reports), ['step 1 done', 'step 2 done']);
  assert.is(made(), 1);
});

test('only its user and group may open the socket, and a second executor does not start', async ({ exec }) => {
  await exec.start('--live');
  assert.is(statSync(exec.socket).mode & 0o777, 0o660);
  const second = spawn(process.execPath, [FRONT_DOOR, 'exec', '--state', exec.state, '--socket', `${exec.socket}2`]);
  let said = '';
  second.stderr.on('data', (chunk) => {
    said += chunk;
  });
  assert.is(await new Promise((resolve) => second.on('close', resolve)), 2);
  assert.match(said, 'E_RUNNING');
});

/** The descriptor in this process that listens on a path. */
function listeningFd(path: string): number {
  const line = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .find((one) => one.endsWith(` ${path}`));
  const inode = line?.trim().split(/\s+/)[6];
  const isIt = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === `socket:[${inode}]`;
    } catch {
      return false;
    }
  };
  return Number(readdirSync('/proc/self/fd').find(isIt));
}

test('it takes the socket that a service manager hands over, and none meant for another process', async ({ exec }) => {
  const argv = [process.execPath, FRONT_DOOR, 'exec', '--state', exec.state, '--id', 'web-1'];
  const handOver = async (pid: string) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${exec.socket}.first`, () => resolve()));
    // Node takes the name of a socket away when it closes it: the second name is the one that stays.
    rmSync(exec.socket, { force: true });
    linkSync(`${exec.socket}.first`, exec.socket);
    const script = `export LISTEN_FDS=1 LISTEN_PID=${pid}; exec "$0" "$@"`;
    const stdio = ['ignore', 'pipe', 'pipe', listeningFd(`${exec.socket}.first`)] as const;
    const child = spawn('/bin/bash', ['-c', script, ...argv], { stdio: [...stdio] });
    server.close();
    await exec.spawned(child);
  };
  await handOver('$$');
  assert.match(exec.said, 'handed over');
  assert.is((await exec.link.ask())?.agent, 'web-1');
  await exec.kill('SIGTERM');
  await handOver('1');
  assert.match(exec.said, 'no socket was handed over');
});

test('which site it believes is taken over from an agent once, and not again from another', async ({ exec }) => {
  const other = new ExecSite();
  const pin = (from: string) =>
    new Promise<number | null>((resolve) => {
      const argv = [FRONT_DOOR, 'exec', '--state', join(exec.dir, 'pinned'), '--id', 'web-1', '--pin', from];
      spawn(process.execPath, argv, { stdio: 'ignore' }).on('close', resolve);
    });
  try {
    assert.equal([await pin(exec.state), await pin(exec.state), await pin(other.state)], [0, 0, 2]);
    const { root } = readPin(stateFolder(join(exec.dir, 'pinned')), 'db-1');
    assert.equal(root, exec.site.root.public);
  } finally {
    await other.close();
  }
});

test('as root it refuses files that others can change', async ({ exec }) => {
  if (process.geteuid?.() !== 0) {
    // Only what root believes must be root's; what an ordinary user runs is that user's.
    await exec.start();
    assert.match(exec.said, 'carries out orders');
    return;
  }
  chownSync(join(exec.state, 'site.json'), 65_534, 65_534);
  await exec.start();
  assert.match(exec.said, 'E_PATH_UNSAFE');
  chownSync(join(exec.state, 'site.json'), 0, 0);
  await exec.start('--live');
  writeFileSync(join(exec.state, 'exec', 'home', '.psqlrc'), '\\! id\n');
  const plan = [planned('step', 1, programOf(['uname']))];
  const { reports } = await exec.hand(exec.site.order(exec.approval(plan), plan, { boot: BOOT }));
  assert.equal(inShort(reports), ['step 1 refused E_HOME_UNSAFE']);
  assert.ok(existsSync(exec.socket));
});

test.run();
