import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../policy/compile.ts';
import { explain } from '../../policy/explain.ts';
import { fault, isFault } from '../../policy/fault.ts';
import { createJudge } from '../../policy/judge.ts';
import { findCommand } from '../../policy/names.ts';
import { treeReader } from '../../policy/parse.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { messageOf } from '../../policy/policy-error.ts';
import { type Program, programHash } from '../../policy/program.ts';
import { readInventory } from '../../policy/read-inventory.ts';
import { readProgram } from '../../policy/reader.ts';
import { lineOf } from '../../policy/rule-tree.ts';
import { wordAt } from '../../policy/word-at.ts';
import { command, job, of, rulesOf } from './made-rules.ts';

const test = suite('edges of the engine');
const policy = await loadPolicy();

test('readers that differ in any one thing refuse', () => {
  const text = 'ls -l | wc 2>&1; df';
  const honest = readProgram(text);
  assert.not(isFault(honest));
  const jobs = [...(isFault(honest) ? [] : honest.jobs)];
  const [first, second] = jobs;
  assert.ok(first !== undefined && second !== undefined);
  if (first === undefined || second === undefined) return;
  const lies: Program[] = [
    of(first),
    of(first, { ...second, when: 'and' }),
    of(job(command('ls', '-l')), second),
    of(job(command('ls'), ...first.pipe.slice(1)), second),
    of(job(command('ls', '-a'), ...first.pipe.slice(1)), second),
    of(job(command('ls', '-l'), command('wc')), second),
    of(job({ ...command('ls', '-l'), stdout: 'discard' }, ...first.pipe.slice(1)), second),
  ];
  for (const program of lies) {
    const compiled = compile(text, () => ({ program, spans: [] }));
    assert.is(isFault(compiled) && compiled.fault, 'reader.differs');
  }
  const agreed = compile(text, () => ({ program: of(first, second), spans: [] }));
  assert.not(isFault(agreed));
  const tree: Program = of(job(command('ls')));
  const refused = compile('ls ;; x', () => ({ program: tree, spans: [] }));
  assert.is(isFault(refused) && refused.fault, 'reader.operator', 'what the second reader alone refuses');
  const given = fault('x', 'y', 0, 1);
  assert.is(
    compile(text, () => given),
    given,
  );
});

test('the second reader alone refuses what is not closed', () => {
  for (const text of ['ls "a', "ls 'a", 'ls "a$b"', 'ls "a\\', 'ls é', 'ls 2>x', 'ls ;; x', '| x']) {
    assert.ok(isFault(readProgram(text)), text);
  }
  assert.equal(readProgram(''), of());
});

test('a path may carry a condition, a URL its host, and a number its range', () => {
  const judge = createJudge(
    rulesOf(`  one: { operands: "path-list([^:]+)" }
  two: { operands: url }
  three: { operands: "integer(2..4)" }
  four: { operands: mount }
  five: { operands: [pids, device] }
`),
    '',
  );
  const decided = (...argv: string[]) => judge.judge(of(job(command(...argv))), null).rule;
  assert.is(decided('one', '/srv/a'), 'x.one');
  assert.is(decided('one', 'b:/srv/a'), 'operand.form');
  assert.is(decided('two', 'http://10.0.0.1:80/health'), 'x.two');
  assert.is(decided('two', 'https://evil.example.com/'), 'egress.host');
  assert.is(decided('three', '3'), 'x.three');
  assert.is(decided('three', '5'), 'operand.range');
  assert.is(decided('three', '1'), 'operand.range');
  assert.is(decided('four', '/srv'), 'x.four');
  assert.is(decided('five', '1,2', '/dev/sda'), 'x.five');
});

test('a flag alone shows a secret, and is known by its name alone', () => {
  const rules = rulesOf(
    '  a: { flags: { -s: { attribute: secret }, -q: }, sub: { x, y } }\n  b: { flags: { -a, -b } }\n',
  );
  const verdict = (...argv: string[]) => createJudge(rules, '').judge(of(job(command(...argv))), null);
  assert.equal([verdict('a', '-s', 'x').decision, verdict('a', '-s', 'x').attributes], ['review', ['secret']]);
  assert.equal([verdict('a', '-q', 'y').decision, verdict('a', '-q', 'y').attributes], ['allow', []]);
  assert.is(verdict('b', '-ab').decision, 'allow');
  assert.is(verdict('b', '-c').rule, 'x.b.flag');
});

test('ruin is seen where a tool writes its output, and in a name that nobody set', () => {
  const decided = (text: string) => policy.check(text, null).decision;
  for (const text of [
    'gpg --batch --yes -o /etc/passwd -d /tmp/x.gpg',
    'gpg --batch --yes --output=/etc/passwd -d /tmp/x.gpg',
    ['r$', '{u}m -rf /srv'].join(''),
    'D=/; /bin/rm -rf $D',
  ]) {
    assert.is(decided(text), 'block', text);
  }
  assert.is(decided('gpg -d -o'), 'review');
  assert.is(decided('$u -rf /srv'), 'review');
});

test('an interval needs its count, a flag what it ends with', () => {
  const decided = (text: string) => policy.check(text, null).rule;
  assert.is(decided('vmstat'), 'memory.vmstat');
  assert.is(decided('vmstat 1 5'), 'memory.vmstat');
  assert.is(decided('vmstat 1'), 'memory.vmstat.repeat');
  assert.is(decided('vmstat 1 2 3'), 'memory.vmstat.repeat');
  assert.is(decided('vmstat 1 61'), 'operand.range');
  assert.is(decided('vmstat 0.5 2'), 'operand.form');
  assert.is(decided('iostat sda'), 'memory.iostat');
  assert.is(decided('iostat sda 1'), 'memory.iostat.repeat');
  assert.is(decided('iostat 1 sda 2'), 'memory.iostat.repeat');
  assert.is(decided('jstat -gcutil'), 'processes.jstat.operand');
  assert.is(decided('jstat -gcutil 4242'), 'processes.jstat');
  assert.is(decided('free -s 1'), 'memory.free.requires');
  assert.is(decided('free -s 1 -c 5'), 'memory.free');
  assert.match(policy.check('free -s 1', null).reason, '-c');
});

test("a path through another process's root, folder or open files leads nobody knows where", () => {
  const decided = (text: string) => policy.check(text, null).rule;
  for (const path of ['/proc/4242/root', 'proc/4242/cwd/x', '/proc/7/task/8/cwd', '/proc/7/fd/3/', '/dev/fd/3/./x']) {
    assert.is(decided(`ls ${path}`), 'path.elsewhere', path);
    assert.is(decided(`cat ${path}`), 'path.elsewhere', path);
  }
  for (const path of ['/proc/4242/fd', '/proc/4242/fd/3', '/proc/4242/exe', '/proc/7/../meminfo', '/srv/proc/4242/cwd'])
    assert.is(decided(`ls -l ${path}`), 'files.ls', path);
});

test('a dash is standard input where a file is read, and no name elsewhere', () => {
  assert.is(policy.check('df -h | cat -', null).decision, 'allow');
  assert.is(policy.check('ls -', null).rule, 'operand.dash');
});

test('operators at an end, and pipes as long as they may be', () => {
  assert.is(policy.check('df -h;', null).program?.jobs.length, 1);
  const wc = (count: number) => Array.from({ length: count }, () => 'wc').join(' | ');
  assert.is(policy.check(wc(16), null).decision, 'allow');
  assert.is(policy.check(wc(17), null).rule, 'subset.syntax');
});

test('bundles, folded and posix words', () => {
  const decided = (text: string) => policy.check(text, null).rule;
  assert.is(decided('tar tf'), 'text.tar.flag');
  assert.is(decided('tar t!f /srv/a'), 'subset.byte');
  assert.is(decided('tar tqf /srv/a'), 'text.tar.flag');
  assert.is(decided('tar tf /srv/a b c'), 'text.tar');
  assert.is(decided('tar'), 'text.tar.needs');
  assert.is(decided('redis-cli Info Memory'), 'databases.redis-cli.info');
  assert.is(decided('redis-cli -- info'), 'databases.redis-cli.info');
  assert.is(decided('redis-cli info -x'), 'databases.redis-cli.info.flag');
  assert.is(decided('find /srv -exec ls {} {}x \\;'), 'inner.operand');
  assert.is(decided("awk -F , -- '{print}' /etc/hosts"), 'text.awk');
});

test('explain shows a refused text, a long one, and one without a thing', () => {
  const shown = (text: string) => explain(text, policy.check(text, null));
  assert.match(shown('ls $x'), /rule {4}subset\.byte/);
  assert.match(shown(`ls ${'a'.repeat(300)} $x`), /\^/);
  assert.not.match(shown('uptime'), /target/);
  assert.match(shown('ls "/srv/a b"'), /target {2}\/srv\/a b/);
  assert.match(shown('/usr/bin/systemctl stop nginx'), /target {2}nginx/);
  const { span: _, ...spanless } = policy.check('df', null);
  assert.match(explain('df', spanless), /\^\^/);
});

test('a name is found only in the fixed folders', () => {
  assert.match(findCommand('ls') ?? '', /^\/(?:usr\/)?bin\/ls$/);
  assert.is(findCommand('no-such-program'), null);
  assert.is(findCommand('../ls'), null);
  assert.is(findCommand('/usr/bin/ls'), null);
});

test('an inventory that is no list of names or processes is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-edges-'));
  const file = join(folder, 'i.json');
  for (const text of [
    '7',
    'null',
    '{"units":7}',
    '{"processes":7}',
    '{"processes":[7]}',
    '{"processes":[{"pid":1,"start":1,"comm":"x","exe":7}]}',
  ]) {
    writeFileSync(file, text);
    assert.throws(() => readInventory(file), file);
  }
  writeFileSync(file, '{"processes":[{"pid":1,"start":1,"comm":"x"},{"pid":2,"start":1,"comm":"y","exe":"/x"}]}');
  assert.is(readInventory(file).processes.length, 2);
  rmSync(folder, { recursive: true });
});

test('a parser that fails, and a message of anything', () => {
  const grammar = {
    parse: () => {
      throw new Error('out of memory');
    },
    kind: () => 1,
  };
  const tree = treeReader(grammar)('ls');
  assert.is(isFault(tree) && tree.fault, 'subset.parser');
  assert.is(messageOf('a\nb'), 'a');
  assert.is(messageOf(new Error('x\ny')), 'x');
  assert.is(wordAt(['a'], 1), '');
  assert.is(lineOf({}), 0);
  assert.is(lineOf({ linePos: [{ line: 3 }] }), 3);
});

test('ways to spell what the recogniser of destruction must see', () => {
  const block = [
    'hping3 --flood 10.0.0.1',
    'microk8s reset',
    'tar xf a.tar -C/etc',
    'tar xf a.tar --directory=/usr',
    'nwipe --autonuke',
    'badblocks -sw /dev/sdb',
    'apparmor_parser -R /etc/apparmor.d/usr.sbin.nginx',
    'dhcpcd -k eth0',
    "env -S'rm -rf /'",
    "env --split-string='rm -rf /'",
    'curl -o /srv/tool http://db01/tool; /srv/tool',
    'curl -o /etc/passwd http://x',
    'badblocks -w /dev/sda &',
    'service sshd stop',
    'kill -s TERM 1',
    'kill -n 9 1',
    'find / -exec chmod 777 {} \\;',
    'find -exec rm {} \\;',
    "$'\\u0072\\155' -rf /",
    'rm$IFS-rf$IFS/',
    ['rm$', '{IFS}-rf$', '{IFS}/'].join(''),
    'python3 -c \'import os; os.system("rm -rf /")\'',
    'perl -e "system(\'rm -rf /\')"',
    'ruby -e "`rm -rf /`"',
    'rsync --delete /srv/x/ /etc',
    'cat /proc/1/task/1/root/etc/x > /proc/1/task/1/root/etc/passwd',
  ];
  for (const text of block) assert.is(policy.check(text, null).decision, 'block', text);
  for (const text of [
    'curl -o',
    ['echo $', '{IFS'].join(''),
    "echo $'\\",
    'echo \x19 $',
    'hping3 10.0.0.1',
    'kill -s',
    'find -exec',
    'badblocks -s /dev/sdb',
    'microk8s status',
    'apparmor_parser -r /etc/apparmor.d/x',
    'dhcpcd -n eth0',
    'cp',
    'cp --help',
    'curl -o /srv/tool http://db01/tool; /srv/other',
    '-x | sh',
  ]) {
    assert.is(policy.check(text, null).decision, 'review', text);
  }
});

test('hosts, public halves and mounts', () => {
  const decided = (text: string) => policy.check(text, null).rule;
  assert.is(decided('ping -c 1 fd00::1'), 'network.ping');
  assert.is(decided('ping -c 1 2001:db8::1'), 'egress.host');
  assert.is(decided('ping -c 1 metadata.google.internal'), 'egress.host');
  assert.is(decided('ping -c 1 instance-data.internal'), 'egress.host');
  assert.is(decided('cat /srv/app/id_rsa.pub'), 'files.cat');
  assert.is(decided('cat /etc/ssl/fullchain.pem'), 'files.cat');
  assert.is(decided('cat /proc/1/task/1/root/etc/shadow'), 'path.elsewhere');
  assert.is(decided('find /var/log -print0 | xargs --null grep -l x'), 'text.find');
});

test('alternatives, mounts, own paths, and what never runs inside', () => {
  const rules = rulesOf(
    '  a: { effect: change, alternative: "a $x" }\n  b: { operands: mount }\n  c: { effect: change, operands: path-list }\n',
  );
  const judge = createJudge(rules, '');
  const inventory = { units: [], mounts: ['/srv'], containers: [], hosts: [], folders: [], processes: [] };
  const verdict = (...argv: string[]) => judge.judge(of(job(command(...argv))), inventory);
  assert.is(verdict('a').alternative, undefined);
  assert.is(verdict('b', '/srv').decision, 'allow');
  assert.is(verdict('b', '/x').rule, 'inventory.mount');
  assert.is(verdict('c', '/opt/sentinel-hub/x').rule, 'self.path');
  assert.is(verdict('c', '/srv/x').rule, 'x.c');
  assert.is(policy.check('find /srv -exec mkfs {} \\;', null).decision, 'block');
  const inside = createJudge(
    rulesOf(
      '  f: { style: single, flags: { -exec: { runs: true } }, operands: path-list* }\n  d: { decision: block, operands: path-read* }\n',
    ),
    '',
  ).judge(of(job(command('f', '/srv', '-exec', 'd', '{}', ';'))), null);
  assert.equal([inside.decision, inside.rule], ['block', 'inner.effect']);
  assert.is(policy.check('nice --adjustment df', null).rule, 'unknown.wrapper');
  assert.is(policy.check('nice -x5 df', null).rule, 'unknown.wrapper');
  assert.is(policy.check('ls \\', null).rule, 'subset.byte');
  assert.is(policy.check('find', null).decision, 'allow');
});

test('a Program is no more than its bounds', () => {
  const judge = createJudge(rulesOf('  df: { operands: text* }\n'), '');
  const rule = (program: unknown) => judge.judge(program as Program, null).rule;
  const long = 'x'.repeat(2_000);
  assert.is(rule(of(job(command('df', long, long)))), 'x.df');
  assert.is(rule(of(job(command('df', long, long, long, long, long)))), 'program.shape');
  assert.is(rule({ version: 1, jobs: [{ when: 'always', pipe: [7] }] }), 'program.shape');
  assert.ok(isFault(readProgram(Array.from({ length: 40 }, () => 'df').join(';'))));
  assert.ok(isFault(readProgram(Array.from({ length: 40 }, () => 'df').join('|'))));
  assert.ok(isFault(readProgram('! df')));
});

test('the hash of a Program changes with everything that it says, and with nothing else', () => {
  const one = of(job(command('df', '-h'), command('wc')));
  assert.match(programHash(one), /^[0-9a-f]{64}$/);
  assert.is(programHash(structuredClone(one)), programHash(one));
  const others: Program[] = [
    of(job(command('df', '-h')), job(command('wc'))),
    of(job(command('df'), command('wc'))),
    of(job(command('df', '-h', ''), command('wc'))),
    of(job(command('df', '-h'), { ...command('wc'), stderr: 'stdout' })),
    of({ ...job(command('df', '-h'), command('wc')), when: 'or' }),
  ];
  assert.is(new Set([one, ...others].map(programHash)).size, others.length + 1);
});

test('a wrapper without what it needs', () => {
  for (const text of ['timeout df', 'timeout', 'timeout 5', 'sudo -n --', 'nohup']) {
    assert.is(policy.check(text, null).rule, 'unknown.wrapper', text);
  }
});

test.run();
