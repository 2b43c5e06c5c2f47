import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import { parseDropIn } from '../../agent/drop-in/drop-in.ts';
import type { WatchedLog } from '../../agent/drop-in/logs.ts';
import { errorLines, isPattern } from '../../agent/sense/logs/error-line.ts';
import { expandGlob, isGlob, matches } from '../../agent/sense/logs/glob.ts';
import { lineText } from '../../agent/sense/logs/line-text.ts';
import { LogsSense } from '../../agent/sense/logs/logs.ts';
import { maskedWords } from '../../agent/sense/logs/mask.ts';
import { Novelty } from '../../agent/sense/logs/novelty.ts';
import { MAX_LOOK, Tail } from '../../agent/sense/logs/tail.ts';
import { Templates, templateText } from '../../agent/sense/logs/templates.ts';
import type { Reading } from '../../agent/sense/sense.ts';

const HOUR = 3_600_000;
const T0 = 1_795_686_561_255;
const folder = (): string => mkdtempSync(join(tmpdir(), 'sentinel-logs-'));
const value = (readings: readonly Reading[], name: string): number | null | undefined =>
  readings.find((reading) => reading.name === name)?.value;

const tails = suite<{ dir: string; log: string }>('a followed file');
tails.before.each((context) => {
  context.dir = folder();
  context.log = join(context.dir, 'app.log');
});
tails.after.each(({ dir }) => rmSync(dir, { recursive: true }));

const look = (tail: Tail): string[] => {
  const out: string[] = [];
  tail.look((line) => void out.push(line.toString()));
  return out;
};

tails('is read from its end at first, then line by line, an unfinished one when it is finished', ({ log }) => {
  writeFileSync(log, 'past\n');
  const tail = new Tail(log, null, 'end');
  assert.equal(look(tail), []);
  appendFileSync(log, 'one\ntw');
  assert.equal(look(tail), ['one']);
  appendFileSync(log, 'o\n');
  assert.equal(look(tail), ['two']);
  tail.close();
});

tails('loses nothing when it is renamed and made anew', ({ log }) => {
  writeFileSync(log, '');
  const tail = new Tail(log, null, 'end');
  look(tail);
  appendFileSync(log, 'before\n');
  renameSync(log, `${log}.1`);
  appendFileSync(`${log}.1`, 'late\nunfinished');
  writeFileSync(log, 'after\n');
  assert.equal(look(tail), ['before', 'late', 'unfinished', 'after']);
  appendFileSync(log, 'more\n');
  assert.equal(look(tail), ['more']);
  tail.close();
});

tails('begins anew when it is copied and truncated, or deleted and made again', ({ log }) => {
  writeFileSync(log, 'one\n');
  const tail = new Tail(log, null, 'start');
  assert.equal(look(tail), ['one']);
  copyFileSync(log, `${log}.1`);
  truncateSync(log);
  appendFileSync(log, 'a\n');
  assert.equal(look(tail), ['a']);
  unlinkSync(log);
  assert.equal(look(tail), []);
  writeFileSync(log, 'b\n');
  assert.equal(look(tail), ['b']);
  tail.close();
});

tails('goes on where it stopped, through a rotation while it was away', ({ log }) => {
  writeFileSync(log, 'one\n');
  const tail = new Tail(log, null, 'start');
  look(tail);
  const position = tail.position();
  tail.close();
  appendFileSync(log, 'two\n');
  const second = new Tail(log, position, 'end');
  assert.equal(look(second), ['two']);
  const later = second.position();
  second.close();
  appendFileSync(log, 'three\n');
  renameSync(log, `${log}.1`);
  writeFileSync(log, 'four\n');
  const third = new Tail(log, later, 'end');
  assert.equal(look(third), ['three', 'four']);
  third.close();
});

tails('skips what a flood wrote beyond a look, and says how much', ({ log }) => {
  writeFileSync(log, '');
  const tail = new Tail(log, null, 'end');
  look(tail);
  const line = `${'x'.repeat(99)}\n`;
  writeFileSync(log, line.repeat((2 * MAX_LOOK) / 100));
  let seen = 0;
  tail.look(() => seen++);
  assert.ok(seen <= MAX_LOOK / 100 && seen >= MAX_LOOK / 100 - 2);
  assert.ok(tail.skippedBytes > 0.9 * MAX_LOOK);
  tail.close();
});

tails('is a regular file or nothing: no folder, no pipe, no link that a user made', ({ dir, log }) => {
  mkdirSync(join(dir, 'sub'));
  assert.equal(look(new Tail(join(dir, 'sub'), null, 'start')), []);
  assert.equal(look(new Tail(join(dir, 'missing'), null, 'start')), []);
  writeFileSync(log, 'secret\n');
  const link = join(dir, 'link.log');
  symlinkSync(log, link);
  const followed = look(new Tail(link, null, 'start'));
  // Root's own links are followed; the tests may or may not run as root.
  assert.equal(followed, process.geteuid?.() === 0 ? ['secret'] : []);
});

tails('random writes, rotations and truncations with a look between: every line once, in order', ({ dir }) => {
  let round = 0;
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('write', 'rotate', 'truncate', 'delete', 'restart'), { maxLength: 40 }),
      (acts) => {
        const log = join(dir, `r${round++}.log`);
        writeFileSync(log, '');
        let tail = new Tail(log, null, 'start');
        const seen: string[] = [];
        const written: string[] = [];
        for (const [i, act] of acts.entries()) {
          if (act === 'write') {
            appendFileSync(log, `line ${i}\n`);
            written.push(`line ${i}`);
          }
          seen.push(...look(tail));
          if (act === 'rotate' && existsSync(log)) renameSync(log, `${log}.1`);
          if (act === 'rotate' || act === 'truncate') writeFileSync(log, '');
          if (act === 'delete') rmSync(log, { force: true });
          if (act === 'restart') {
            const position = tail.position();
            tail.close();
            tail = new Tail(log, position, 'start');
          }
        }
        seen.push(...look(tail));
        tail.close();
        assert.equal(seen, written);
      },
    ),
    { numRuns: 60 },
  );
});
tails.run();

const globs = suite('globs');

globs('name files by * and ? within a name, the youngest first, and nothing else', () => {
  const dir = folder();
  mkdirSync(join(dir, 'a.d'));
  for (const name of ['x.log', 'y.log', 'z.txt', '.hidden.log', 'a.d/deep.log']) writeFileSync(join(dir, name), '');
  const names = (glob: string): string[] =>
    expandGlob(join(dir, glob))
      .map((path) => path.slice(dir.length + 1))
      .sort();
  assert.equal(names('*.log'), ['x.log', 'y.log']);
  assert.equal(names('?.d/*'), ['a.d/deep.log']);
  assert.equal(names('z.txt'), ['z.txt']);
  assert.equal(names('nothing/*'), []);
  assert.is(expandGlob(join(dir, '*'), 1).length, 1);
  rmSync(dir, { recursive: true });
  for (const bad of ['relative.log', '/a/../b', '/a/**', '/a//b', '/a/[b]', '/a/{b,c}', `/${'a'.repeat(2_000)}`])
    assert.not.ok(isGlob(bad), bad);
});

globs('match as a regular expression made of the same parts does', () => {
  const part = fc.constantFrom('a', 'b', '*', '?');
  const text = (of: fc.Arbitrary<string>, maxLength: number) => fc.array(of, { maxLength }).map((all) => all.join(''));
  fc.assert(
    fc.property(text(part, 8), text(fc.constantFrom('a', 'b'), 10), (pattern, name) => {
      const oracle = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      assert.is(matches(pattern, name), oracle.test(name), `${pattern} ${name}`);
    }),
  );
  // A matcher that goes back to every star would need longer than the universe has.
  assert.not.ok(matches('*a'.repeat(60), 'a'.repeat(50)));
});
globs.run();

const errors = suite('error lines');

errors('the usual words mark an error, and not where they are denied', () => {
  const isError = errorLines([]);
  for (const line of [
    '2026-11-26 ERROR could not connect',
    '[error] 12#0: *1 connect() failed (111: Connection refused)',
    'java.lang.NullPointerException: exception in thread "main"',
    'FATAL:  the database system is shutting down',
    'Traceback (most recent call last):',
  ])
    assert.ok(isError(line), line);
  for (const line of [
    '0 errors',
    'errors=0 warnings=2',
    'error: null',
    'no errors found',
    'terror in the night',
    'all well',
  ])
    assert.not.ok(isError(line), line);
});

errors("a site's own patterns are parts in their order, and nothing can make them slow", () => {
  const isError = errorLines(['ORA-', 'pump*tripped']);
  assert.ok(isError('x ora-00600: internal'));
  assert.ok(isError('Pump P-101 was TRIPPED by interlock'));
  assert.not.ok(isError('tripped the pump'));
  assert.not.ok(isError('ERROR'), 'they stand instead of the usual words');
  assert.ok(isPattern('a*b') && !isPattern('*') && !isPattern('a') && !isPattern('*'.repeat(20)) && !isPattern('a\nb'));
  const slow = errorLines([`${'a*'.repeat(7)}b`]);
  for (let i = 0; i < 1_000; i++) assert.not.ok(slow('a'.repeat(100_000)));
});

errors("a logger's JSON is read by its level and message", () => {
  assert.is(lineText('{"level":50,"time":1,"msg":"no pump"}'), 'error no pump');
  assert.is(lineText('{"severity":"ERROR","message":"x"}'), 'ERROR x');
  assert.is(lineText('{"a":1}'), '{"a":1}');
  assert.is(lineText('{broken'), '{broken');
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (line) => assert.type(lineText(line), 'string')));
});
errors.run();

const kinds = suite('kinds of line');

kinds('what varies is masked, and what a user could have chosen is cut out', () => {
  const masked = (line: string): string => maskedWords(line).join(' ');
  assert.is(masked('2026-11-26T09:49:21.123Z GET /users/42?q=ignore+all from 10.0.0.7:5432'), 'GET <path> from <ip>');
  assert.is(masked('Nov 26 09:49:21 user "rm -rf / please" logged in'), 'user <text> logged in');
  assert.is(masked("login name='x y' id=550e8400-e29b-41d4-a716-446655440000"), 'login name=<text> id=<value>');
  assert.is(masked('mail to a.b@example.org via https://example.org/x?y'), 'mail to <address> via <url>');
  assert.is(masked('worker-17 took 3.5ms at 0xdeadbeef commit 3f2a9c1d'), '<n> took <n> at <id> commit <id>');
});

kinds('lines that differ in a word are one kind with a slot; different ones are not', () => {
  const templates = new Templates();
  const made = { known: true, error: false };
  for (const user of ['alice', 'bob', 'carol']) templates.add(`session opened for user ${user} by root`, T0, made);
  templates.add('pump started', T0, made);
  assert.equal(templates.all().map(templateText).sort(), ['pump started', 'session opened for user <*> by root']);
});

kinds('any lines at all: bounded in number, in text and in time', () => {
  const templates = new Templates();
  fc.assert(
    fc.property(fc.string({ maxLength: 2_000 }), (line) => {
      templates.add(line, T0, { known: true, error: false });
      assert.ok(templates.size <= 256);
      for (const template of templates.all()) assert.ok(templateText(template).length <= 240);
    }),
    { numRuns: 400 },
  );
  for (const hostile of [
    '"'.repeat(5_000),
    'a.'.repeat(4_000),
    '1:'.repeat(4_000),
    `${'a'.repeat(300)}@`.repeat(20),
    '\\"'.repeat(3_000),
  ])
    for (let i = 0; i < 200; i++) maskedWords(hostile);
});

kinds('a new error that repeats is news once; old kinds, rare ones and the learning period are none', () => {
  const log = new Novelty(T0, 24 * HOUR);
  for (let hour = 0; hour < 24; hour++) assert.is(log.add('cache refreshed', T0 + hour * HOUR, false), null);
  const later = T0 + 25 * HOUR;
  const news = Array.from({ length: 6 }, (_, i) => log.add('ERROR replica lost', later + i * 1_000, true));
  assert.equal(news, [null, null, 'new-error', null, null, null]);
  assert.equal(
    Array.from({ length: 6 }, (_, i) => log.add('ERROR once a day', later + i * 24 * HOUR, true)),
    [null, null, null, null, null, null],
  );
  assert.is(log.add('cache refreshed', later, false), null);
  const [first] = log.top(1);
  assert.equal([first?.text, first?.fresh, first?.error], ['ERROR replica lost', true, true]);
});

kinds('what was learned is known after a restart', () => {
  const log = new Novelty(T0, HOUR);
  for (const user of ['a', 'b']) log.add(`ERROR no such user ${user}x today`, T0, true);
  const again = new Novelty(log.since, HOUR, log.save());
  for (let i = 0; i < 5; i++)
    assert.is(again.add(`ERROR no such user c${'x'.repeat(i)} today`, T0 + 2 * HOUR, true), null);
});
kinds.run();

const sense = suite<{ dir: string; log: string; wall: number }>('the sense of logs');
sense.before.each((context) => {
  context.dir = folder();
  context.log = join(context.dir, 'app.log');
  writeFileSync(context.log, 'past ERROR\n');
});
sense.after.each(({ dir }) => rmSync(dir, { recursive: true }));

const declare = (dir: string, rest = ''): WatchedLog[] => [
  ...parseDropIn('t.yaml', `version: 1\nlogs:\n  - {name: app, glob: ${dir}/*.log${rest}}\n`).logs,
];

sense('counts lines and errors a minute, against the declared budget', ({ dir, log }) => {
  const declared = declare(dir, ', errors_per_minute: 10');
  const detector = new Detector();
  const logs = new LogsSense({ declared: () => declared, state: undefined, wall: () => T0 });
  assert.is(value(logs.sample(0), 'log.lines_per_minute[app]'), null);
  const said = Array.from({ length: 3 }, (_, i) => {
    appendFileSync(log, 'all well\n'.repeat(10) + 'ERROR password=hunter2\n'.repeat(10));
    return detector.feed(T0 + i * 30_000, logs.sample((i + 1) * 30_000));
  }).flat();
  assert.equal(
    said.map(({ signal }) => signal),
    ['log.errors'],
  );
  assert.match(said[0]?.reason ?? '', /error lines in the log app: 20 per minute, over its budget of 10/i);
  assert.match(logs.last('app').at(-1)?.text ?? '', /ERROR password=\[redacted\]/);
  logs.close();
});

sense('tells a new kind of error after the time of learning, and remembers over a restart', ({ dir, log }) => {
  const declared = declare(dir, ', learn_hours: 1');
  const detector = new Detector();
  let wall = T0;
  const make = () => new LogsSense({ declared: () => declared, state: dir, wall: () => wall });
  const first = make();
  first.sample(0);
  appendFileSync(log, 'ERROR usual trouble\n'.repeat(5));
  assert.is(value(first.sample(30_000), 'log.new_errors[app]'), 0);
  first.close();
  wall += 2 * HOUR;
  appendFileSync(log, 'ERROR usual trouble\n'.repeat(5) + 'FATAL disk is on fire\n'.repeat(5));
  const second = make();
  const [finding] = detector.feed(wall, second.sample(0));
  assert.is(finding?.signal, 'log.new_error');
  assert.is(second.templates('app', 1)[0]?.text, 'FATAL disk is on fire');
  second.close();
});

sense('of a flood it looks into a part, counts all, and still knows the share of errors', ({ dir, log }) => {
  const declared = declare(dir);
  const logs = new LogsSense({ declared: () => declared, state: undefined, wall: () => T0 });
  logs.sample(0);
  writeFileSync(log, `${'x'.repeat(110)}\nERROR ${'y'.repeat(104)}\n`.repeat(15_000));
  const readings = logs.sample(60_000);
  const [lines = 0, wrong = 0] = ['lines', 'errors'].map((of) => value(readings, `log.${of}_per_minute[app]`) ?? 0);
  assert.is(lines, 30_000);
  assert.ok(wrong > 0, 'errors are reckoned up from the part');
  logs.close();
});

sense('a log that is declared no more is let go', ({ dir }) => {
  let declared = declare(dir);
  const logs = new LogsSense({ declared: () => declared, state: undefined });
  assert.is(logs.sample(0).length, 4);
  declared = [];
  assert.equal(logs.sample(30_000), []);
  logs.close();
});

sense('a bad section is refused with its line', () => {
  const bad = (text: string, line: number): void =>
    assert.throws(() => parseDropIn('t.yaml', `version: 1\nlogs:\n${text}`), new RegExp(`t.yaml:${line}: `));
  bad('  - {name: app}\n', 3);
  bad('  - name: app\n    glob: relative\n', 4);
  bad('  - name: app\n    glob: /a/*.log\n    error: "*"\n', 5);
  bad('  - name: app\n    glob: /a/*.log\n    regex: x\n', 5);
});
sense.run();
