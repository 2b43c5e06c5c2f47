import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hostileInputs } from '../../bench/hostile-inputs.ts';
import { loadJudge, loadPolicy } from '../../policy/policy.ts';
import type { Inventory } from '../../policy/verdict.ts';

const test = suite('policy');
const policy = await loadPolicy();
const judge = loadJudge();

const inventory: Inventory = {
  units: ['nginx.service', 'dbus.service'],
  mounts: ['/', '/srv'],
  containers: ['web'],
  hosts: ['db01'],
  folders: [],
  processes: [
    { pid: 1234, start: 77, comm: 'worker' },
    { pid: 55, start: 5, comm: 'node', exe: '/opt/sentinel-agent/bin/node' },
  ],
};

const decided = (text: string, names: Inventory | null = null) => {
  const { decision, rule } = policy.check(text, names);
  return `${decision} ${rule}`;
};

test('a verdict says what decided, why, and what would run', () => {
  const verdict = policy.check('uptime && /usr/bin/systemctl restart dbus', null);
  assert.is(verdict.decision, 'review');
  assert.is(verdict.rule, 'unit.protected');
  assert.is(verdict.effect, 'restart');
  assert.equal(verdict.span, [37, 41]);
  assert.is(verdict.policy, policy.hash);
  assert.equal(verdict.program?.jobs[1]?.pipe[0]?.argv, ['systemctl', 'restart', 'dbus']);
});

test('what is not known is review', () => {
  assert.is(decided('frobnicate --now'), 'review unknown.binary');
  assert.is(decided('df --frobnicate'), 'review disk.df.flag');
  assert.is(decided('systemctl frobnicate'), 'review systemd.systemctl.subcommand');
  assert.is(decided('journalctl --vacuum-t=10d'), 'review systemd.journalctl.flag');
  assert.is(decided('/tmp/ls'), 'review subset.name');
  assert.is(decided('echo "a'), 'review subset.quote');
  assert.is(decided(''), 'review subset.empty');
  assert.is(decided(' \t'), 'review subset.empty');
});

test('bytes that no command needs are review', () => {
  for (const text of ['ls\0', 'ls\r', 'ls \u00a0', 'l\u0455', 'ls \u2028', 'ls\x7f', '\ufeffls', 'ls \ud800']) {
    assert.is(decided(text), 'review subset.byte', JSON.stringify(text));
  }
});

test('destruction is block, whether or not it compiles', () => {
  const texts = [
    'rm -rf /',
    'sudo rm -rf /',
    "r''m -rf /",
    '$(rm -rf /)',
    'rm -rf / &',
    'bash -c "rm -rf /"',
    'A=1 rm -rf /',
    "$'\\x72\\x6d' -rf /",
  ];
  for (const text of texts) assert.is(policy.check(text, null).decision, 'block', text);
});

test('a secret is review with its attribute, however its path is spelled', () => {
  for (const path of [
    '/etc/shadow',
    '//etc//shadow',
    '/etc/./shadow',
    '/etc/../etc/shadow',
    'etc/shadow',
    '/proc/1/root/etc/shadow',
    '/proc/self/environ',
  ]) {
    const verdict = policy.check(`cat ${path}`, null);
    assert.is(verdict.decision, 'review', path);
    assert.equal(verdict.attributes, ['secret'], path);
  }
});

test('names must exist where an inventory is given', () => {
  assert.is(decided('systemctl restart nginx', inventory), 'allow systemd.systemctl.restart');
  assert.is(decided('systemctl restart nginx.service', inventory), 'allow systemd.systemctl.restart');
  assert.is(decided('systemctl restart redis', inventory), 'review inventory.unit');
  assert.is(decided('docker logs web', inventory), 'allow services.docker.logs');
  assert.is(decided('docker logs db', inventory), 'review inventory.container');
  assert.is(decided('ping -c 1 db01', inventory), 'allow network.ping');
  assert.is(decided('ping -c 1 db02', inventory), 'review egress.host');
  assert.is(decided('lsof -p 99', inventory), 'review inventory.pid');
});

test('nobody is asked to consent to reading where a text in another language may do more', () => {
  for (const command of [
    "psql -X -c 'select pg_promote()'",
    'psql -X -c \'select "pg_terminate_backend"(7)\'',
    "psql -X -c 'insert into x values (1)'",
    "mysql -e 'kill 5'",
    "awk '{system($1)}' /var/log/syslog",
    "sed -n 's/a/b/w /srv/x' /var/log/syslog",
  ]) {
    const { decision, effect } = policy.check(command, null);
    assert.equal([decision, effect], ['review', 'change'], command);
  }
});

test('a kill is never allowed, and never reaches process 1 or Sentinel', () => {
  assert.is(decided('kill -TERM 1234', inventory), 'review processes.kill');
  assert.is(policy.check('kill -KILL 1234', inventory).effect, 'destroy');
  assert.is(policy.check('kill -TERM 99', inventory).decision, 'review');
  assert.is(policy.check('kill -TERM 1', inventory).decision, 'block');
  assert.is(policy.check('kill -9 -1', inventory).decision, 'block');
  assert.is(decided('kill -TERM 55', inventory), 'block self.process');
});

test('Sentinel does not act on itself', () => {
  const texts = [
    'systemctl stop sentinel-agent',
    'systemctl restart sentinel-hub.service',
    'systemctl mask sentinel-exec',
    'systemctl stop "sentinel-agent"',
    'rm /opt/sentinel-agent/main.js',
    'rm -rf /srv/x/.sentinel',
    'truncate -s 0 /var/lib/sentinel-hub/data.mdb',
    'chmod 777 /etc/sentinel-hub',
    'cat /x > /etc/sentinel-agent/policy.yaml',
    'sed -i s/a/b/ /etc/sentinel-agent/policy.yaml',
    'mv /opt//./sentinel-hub /tmp/x',
    'pkill -f sentinel-agent',
    'kill $(pidof sentinel-agent)',
    'sudo systemctl disable --now sentinel-*',
    'docker stop sentinel-hub',
  ];
  for (const text of texts) assert.is(policy.check(text, null).decision, 'block', text);
  assert.is(policy.check('systemctl status sentinel-agent', null).decision, 'allow');
  assert.is(policy.check('journalctl -u sentinel-agent -n 20', null).decision, 'allow');
});

test('wrappers are read through, runners are not', () => {
  assert.is(decided('sudo -n nice -n 10 timeout 5 df -h'), 'allow disk.df');
  for (const root of ['-u root', '-uroot', '--user root', '--user=root']) {
    assert.is(decided(`sudo ${root} df`), 'allow disk.df');
  }
  assert.is(decided('sudo -u postgres df'), 'review wrapper.account');
  assert.is(decided('sudo -n --user=deploy sudo df'), 'review wrapper.account');
  assert.is(decided("sudo -upostgres psql -X -c 'select 1'"), 'allow databases.psql');
  assert.is(decided("sudo -u postgres psql -c 'select 1'"), 'review databases.psql.needs');
  assert.is(decided('sudo -u Postgres! df'), 'review subset.byte');
  assert.is(decided('sudo -l'), 'allow accounts.sudo');
  assert.is(decided('sudo -l df'), 'review accounts.sudo.operand');
  assert.is(decided('sudo -U deploy -l'), 'review unknown.wrapper');
  assert.is(decided('ionice --pid 4242'), 'allow processes.ionice');
  assert.is(decided('ionice -c 3 -p 4242'), 'review unknown.wrapper');
  assert.is(decided('env A=1 df'), 'review unknown.wrapper');
  assert.is(decided('sudo'), 'review unknown.wrapper');
  assert.is(decided('nice nice nice nice nice nice df'), 'review unknown.wrapper');
  for (const text of ['xargs df', 'watch df', 'sh -c df', 'eval df', 'exec df', 'time df', 'command df']) {
    assert.is(policy.check(text, null).decision, 'review', text);
  }
});

test('what is offered instead is itself allowed', () => {
  const texts = [
    'systemctl stop nginx',
    'kill 1234',
    'kill -9 1234',
    'rm -rf /srv/x',
    'pkill worker',
    'journalctl -f',
    'reboot',
    'nginx -t -c /srv/x',
  ];
  for (const text of texts) {
    const { alternative } = policy.check(text, null);
    assert.type(alternative, 'string', text);
    assert.is(policy.check(alternative ?? '', null).decision, 'allow', `${text}: ${alternative}`);
  }
});

test('the worst command decides', () => {
  assert.is(policy.check('df; uptime; kill 1234', null).decision, 'review');
  assert.is(policy.check('df | frobnicate | rm -rf /etc', null).decision, 'block');
  assert.equal(policy.check('ping -c 1 8.8.8.8; cat /etc/shadow', null).attributes, ['egress', 'secret']);
});

test('a Program judged without its text has the same verdict and the same hash', () => {
  assert.is(judge.hash, policy.hash);
  const texts = [
    'df -h',
    'systemctl restart dbus',
    'rm -rf /etc',
    'kill -9 12',
    'cat /etc/shadow | wc -l',
    'systemctl stop sentinel-hub',
    'sudo ls',
    'frob',
  ];
  for (const text of texts) {
    const { span: _, ...fromText } = policy.check(text, inventory);
    assert.ok(fromText.program !== null, text);
    if (fromText.program !== null) assert.equal(judge.judge(fromText.program, inventory), fromText, text);
  }
});

test('the hash is that of the rules, and stays', async () => {
  assert.match(policy.hash, /^[0-9a-f]{64}$/);
  assert.is((await loadPolicy()).hash, policy.hash);
});

test('what runs on found files is judged as a reading of the whole tree', () => {
  assert.is(decided('find /var/log -name "*.log" -exec grep -l x {} \\;'), 'allow text.find');
  assert.is(decided('find /var/log /srv/app -type f -exec ls -l {} +'), 'allow text.find');
  assert.is(decided('find -name x -exec cat {} \\;'), 'review path.secret');
  assert.is(decided('find /etc -exec cat {} +'), 'review path.secret');
  assert.is(decided('find /var/log -exec ls {}x \\;'), 'review inner.operand');
  assert.is(decided('find /var/log -exec ls \\;'), 'review inner.operand');
  assert.is(decided('find /var/log -exec ls {}'), 'review text.find.flag');
  assert.is(decided('find /var/log -exec frobnicate {} \\;'), 'review unknown.inner');
  assert.is(decided('find /var/log -exec ./ls {} \\;'), 'review unknown.inner');
  assert.is(decided('find /var/log -exec ls --frob {} \\;'), 'review files.ls.flag');
  assert.is(decided('find /srv/x -exec touch {} \\;'), 'review inner.effect');
  assert.is(decided('find /var/log -exec printenv {} \\;'), 'review inner.effect');
  assert.is(decided('find /var/log -exec echo {} \\;'), 'review inner.operand');
  assert.is(decided('find /var/log -exec grep -f /etc/shadow {} \\;'), 'review path.secret');
  assert.is(decided('find /var/log -exec find {} -name x \\;'), 'allow text.find');
  assert.is(decided(`find ${'/srv/a '.repeat(9)} -exec ls {} +`), 'review inner.operand');
});

test('xargs gives words only to what is harmless, or what find found whole', () => {
  assert.is(decided('find /srv -name x | xargs ls -l'), 'allow text.find');
  assert.is(decided('xargs'), 'allow text.xargs');
  assert.is(decided('ls /srv | xargs -I{} stat {}'), 'allow files.ls');
  assert.is(decided('ls /srv | xargs cat'), 'review inner.words');
  assert.is(decided('ls /srv | xargs -0 cat'), 'review inner.words');
  assert.is(decided('ls /srv | xargs ls --frob'), 'review files.ls.flag');
  assert.is(decided('ls /srv | xargs xargs ls'), 'review inner.effect');
  assert.is(decided('find /var/log -print0 | xargs -0 grep -l x'), 'allow text.find');
  assert.is(decided('find /var/log -print0 | xargs -0 -I {} du -h {}'), 'allow text.find');
  assert.is(decided('find /etc -print0 | xargs -0 grep -l x'), 'review path.secret');
  assert.is(decided('find /var/log -print0 -printf x | xargs -0 du'), 'review inner.words');
  assert.is(decided('find /var/log -print0 -exec ls {} + | xargs -0 du'), 'review inner.words');
  assert.is(decided('find var/log -print0 | xargs -0 du'), 'allow text.find');
  assert.is(decided('find /var/log -print0; xargs -0 du'), 'review inner.words');
  assert.is(decided('echo a | xargs rm'), 'review inner.effect');
});

test('a few metacharacters are literal words, and nothing else is', () => {
  const verdict = policy.check('find /srv \\( -name a -o ! -name b \\) \\! -empty', null);
  assert.equal(verdict.program?.jobs[0]?.pipe[0]?.argv.slice(2), [
    '(',
    '-name',
    'a',
    '-o',
    '!',
    '-name',
    'b',
    ')',
    '!',
    '-empty',
  ]);
  for (const text of [
    'ls a\\(',
    'ls \\(a',
    'ls \\&',
    'ls !a',
    'ls a!',
    '! ls',
    '\\! ls',
    'ls !',
    'ls {a}',
    'ls }{',
    '{} x',
    'ls |\\( x',
    'ls {}{a,b}',
  ]) {
    assert.is.not(policy.check(text, null).decision, 'allow', text);
  }
  assert.equal(policy.check('echo a{}b {}{} {}', null).program?.jobs[0]?.pipe[0]?.argv, ['echo', 'a{}b', '{}{}', '{}']);
});

test('outside the folders that a site declared, a write says so', () => {
  const folders = { ...inventory, folders: ['/srv/app/'] };
  assert.is(decided('rm /srv/app/x', folders), 'review files.rm');
  assert.is(decided('touch /srv/app', folders), 'review files.touch');
  assert.is(decided('rm /srv/apple/x', folders), 'review inventory.folder');
  assert.is(decided('touch /srv/app/../x', folders), 'review inventory.folder');
});

test('an alternative that does not pass is not offered', () => {
  const narrow = { ...inventory, units: [] };
  assert.is(policy.check('systemctl stop nginx', inventory).alternative, 'systemctl status nginx --no-pager');
  assert.is(policy.check('systemctl stop nginx', narrow).alternative, undefined);
});

test('hostile text is answered in bounded time', () => {
  const texts = [
    'a'.repeat(1e6),
    '$('.repeat(5e5),
    'a;'.repeat(5e5),
    "'".repeat(1e6),
    'sudo '.repeat(2e5),
    'ls|'.repeat(3e5),
    `echo ${'{a,b}'.repeat(24)}`,
  ];
  texts.push(
    `echo ${'$(echo '.repeat(400)}${')'.repeat(400)}`,
    'docker exec '.repeat(1e5),
    "sh -c '".repeat(1e5),
    'x()'.repeat(3e5),
    `ls ${'a '.repeat(2_000)}`,
  );
  for (const text of texts) assert.is(policy.check(text, null).decision, 'review', text.slice(0, 20));
  assert.is(policy.check(`rm -rf / ${'x'.repeat(1e6)}`, null).decision, 'block');
});

test('1 MB of anything takes less than 50 ms of processor time', () => {
  for (const { name, text } of hostileInputs()) {
    // The least of several: what else the machine does, and a compiler that has not seen a text yet, are not ours.
    const costs: number[] = [];
    do {
      const before = process.cpuUsage();
      policy.check(text, null);
      const { user, system } = process.cpuUsage(before);
      costs.push((user + system) / 1_000);
    } while (Math.min(...costs) >= 50 && costs.length < 12);
    assert.ok(Math.min(...costs) < 50, `${name}: ${costs.join(', ')} ms`);
  }
});

test.run();
