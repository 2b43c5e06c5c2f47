import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { INCIDENT } from './recorded.ts';
import { Screen } from './screen.ts';

const test = suite('journeys on a pseudo-terminal');

const app = fileURLToPath(new URL('./fixture-app.js', import.meta.url));
let open: Screen | undefined;
test.after.each(() => {
  open?.close();
  open = undefined;
});

/** Starts the fixture, waits for its telemetry, and lets its incident arrive. */
async function start(mode: string, env: Record<string, string> = {}): Promise<Screen> {
  open = new Screen(process.execPath, [app, mode], { cols: 120, rows: 40, env });
  await open.until((text) => text.includes('cpu.percent') && text.includes('Dry-run, unprivileged'));
  process.kill(open.pid, 'SIGUSR2');
  if (mode !== 'crash') await open.until('waiting for you');
  return open;
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 450));

function restored(screen: Screen): void {
  assert.not.ok(screen.alternate, 'the alternate screen is left');
  const last = (on: string, off: string) => screen.raw.lastIndexOf(on) > screen.raw.lastIndexOf(off);
  assert.ok(last('\x1b[?25h', '\x1b[?25l'), 'the cursor is shown');
  assert.ok(last('\x1b[?2004l', '\x1b[?2004h'), 'bracketed paste is off');
  assert.ok(last('\x1b[?7h', '\x1b[?7l'), 'wrapping is on');
  assert.ok(last('\x1b[?1049l', '\x1b[?1049h'));
  assert.not.ok(screen.raw.includes('\x1b[3J'), 'the scrollback was not wiped');
}

test('an incident arrives, is opened and approved step by step; a resize in between; quit', async () => {
  const screen = await start('incident', { CI: 'true' });
  screen.type('x');
  await screen.until((text) => text.includes('waiting for you') && !text.includes('put away'));
  screen.type('\r');
  await screen.until('timeline');
  screen.resize(90, 30);
  await screen.until((text) => !text.includes('chain') && text.includes('evidence') && text.includes('more'));
  screen.resize(120, 40);
  await screen.until((text) => text.includes('chain') && text.includes('timeline'));
  screen.type('a');
  await screen.until('needs you: press 3 to include');
  await settle();
  screen.type('yyy');
  await screen.until('never consent');
  screen.type('\x1b[200~y\x1b[201~');
  await settle();
  screen.type('3');
  await screen.until('included by you');
  await settle();
  screen.type('Y');
  await screen.until('Signed: steps 1-3 go to plant3-db-01.');
  screen.type('\x1b');
  await screen.until('waiting for you');
  screen.type('q');
  await screen.ended();
  assert.is(screen.exit?.code, 0);
  const asked = [{ act: 'approve', id: INCIDENT.id, planHash: INCIDENT.plan_hash, reviewed: [3] }];
  await screen.until(`after quit: ${JSON.stringify(asked)}`.slice(0, 110));
  assert.ok(screen.raw.replaceAll(/\s/g, '').includes(JSON.stringify(asked)), 'the desk was asked once, for this plan');
  restored(screen);
});

test('Enter on the dialog denies, and nothing was asked of the desk', async () => {
  const screen = await start('incident');
  screen.type('a');
  await screen.until('approve on plant3-db-01');
  await settle();
  screen.type('\r');
  await screen.until('Nothing was signed');
  screen.type('\x03');
  await screen.until('after quit: []');
  restored(screen);
});

test('a destroying plan is approved by the typed name only', async () => {
  const screen = await start('destroyer');
  screen.type('a');
  await screen.until("type the host's name");
  await settle();
  screen.type('2');
  await screen.until('included by you');
  await settle();
  screen.type('y');
  await screen.until("type the host's name: ");
  for (let length = 1; length <= INCIDENT.host.length; length++) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    screen.type(INCIDENT.host.slice(length - 1, length));
    await screen.until(`name: ${INCIDENT.host.slice(0, length)}`);
  }
  await settle();
  screen.type('Y');
  await screen.until('Signed: steps 1-2 go to');
  screen.type('\x03');
  await screen.until('"reviewed":[2]');
  restored(screen);
});

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
  test(`${signal} restores the terminal and ends the process as it would have`, async () => {
    const screen = await start('incident');
    process.kill(screen.pid, signal);
    await screen.ended();
    restored(screen);
    assert.ok(screen.exit?.signal !== 0, 'it died of the signal');
  });
}

test('an uncaught error restores the terminal before it is printed', async () => {
  const screen = await start('crash');
  await screen.until('a fault outside the screen');
  await screen.ended();
  restored(screen);
  assert.ok(screen.raw.lastIndexOf('a fault outside') > screen.raw.lastIndexOf('\x1b[?1049l'));
});

test('the mode of the terminal is as before: what is typed after is echoed and cooked', async () => {
  open = new Screen(process.execPath, [fileURLToPath(new URL('./stty-around.js', import.meta.url)), app], {
    cols: 100,
    rows: 30,
  });
  await open.until('cpu.percent');
  open.type('q');
  await open.until('terminal mode: the same');
});

test('hostile names reach no terminal byte', async () => {
  const screen = await start('hostile');
  screen.type('\r');
  await screen.until('timeline');
  screen.type('\x03');
  await screen.ended();
  restored(screen);
  // What follows the screen is the fixture's own line.
  const drawn = screen.raw.slice(0, screen.raw.lastIndexOf('\x1b[?1049l'));
  for (const byte of ['\x1b]', '\x07', '\u202e']) assert.not.ok(drawn.includes(byte), JSON.stringify(byte));
});

test('the tour is there at the first start, gives way to an incident, is left by one key, and never comes again', async () => {
  const home = mkdtempSync(join(tmpdir(), 'sentinel-tour-journey-'));
  const begin = () => {
    open = new Screen(process.execPath, [app, 'tour'], { cols: 80, rows: 24, env: { XDG_STATE_HOME: home } });
    return open;
  };
  try {
    const first = begin();
    await first.until('1 of 5');
    process.kill(first.pid, 'SIGUSR2');
    await first.until((text) => text.includes('waiting for you') && !text.includes('of 5'));
    first.type('q');
    await first.ended();
    const second = begin();
    await second.until('1 of 5');
    second.type('\r');
    await second.until('2 of 5');
    second.type('\x1b');
    await second.until((text) => text.includes('no incidents') && !text.includes('of 5'));
    second.type('q');
    await second.ended();
    restored(second);
    const third = begin();
    const text = await third.until('cpu.percent');
    assert.not.match(text, /of 5/);
    third.type('q');
    await third.ended();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test('a storm of resizes ends in a whole picture and never wipes the scrollback', async () => {
  const screen = await start('incident');
  for (let i = 0; i < 30; i++) screen.resize(80 + ((i * 37) % 90), 24 + ((i * 13) % 30));
  screen.resize(60, 15);
  await screen.until('need 80x24, have 60x15');
  screen.resize(110, 33);
  const text = await screen.until((now) => now.includes('waiting for you') && now.includes('? help'));
  const rows = text.split('\n');
  assert.match(rows[0] ?? '', /sentinel {2}plant3/);
  assert.match(rows[31] ?? '', /j k move/);
  assert.is(rows[32], '');
  screen.type('q');
  await screen.ended();
  restored(screen);
});

test('idle, a second costs little: only the clock and the ages move', async () => {
  const screen = await start('incident');
  await settle();
  const from = screen.raw.length;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const rate = (screen.raw.length - from) / 3;
  console.log(`    ${Math.round(rate)} bytes a second idle at 120x40`);
  assert.ok(rate < 4_000, `${rate} bytes a second`);
});

test.run();
