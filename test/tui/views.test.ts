import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Incident } from '../../hub/incident.ts';
import { BINDINGS } from '../../tui/bindings.ts';
import { busy, inOrder, look, SIZES } from './looks.ts';
import { MemoryDesk } from './memory-desk.ts';
import { INCIDENT, NOW, PLAN, QUIET, STATE } from './recorded.ts';
import { type Rendered, renderAt } from './render-at.ts';

const test = suite('views');

const ENVS: Readonly<Record<string, Record<string, string>>> = {
  colour: { LANG: 'C.UTF-8' },
  NO_COLOR: { LANG: 'C.UTF-8', NO_COLOR: '1' },
  ASCII: { LANG: 'C' },
};
/** What one picture may cost on a thin line (two panes change when the selection moves). */
const FRAME_BYTES = 2_000;

/** True of every picture: it leaves the last row, fills no row to overflowing, and wipes no scrollback. */
function wellMade(text: string, seen: Rendered): void {
  assert.is(seen.emulator.lines().at(-1), '', 'the last row is left free');
  const { cols } = seen.emulator.terminal;
  for (const row of seen.emulator.lines()) assert.ok([...row].length < cols, 'the last column is left free');
  assert.not.ok(seen.bytes().includes('\x1b[3J'), 'the scrollback is not wiped');
  assert.is(seen.emulator.terminal.buffer.active.baseY, 0, 'nothing scrolled');
  assert.is(text.split('\n').length, seen.emulator.terminal.rows);
}

for (const [cols, rows] of SIZES) {
  for (const [name, env] of Object.entries(ENVS)) {
    const at = { cols, rows, env };
    const ascii = name === 'ASCII';
    const only = (text: string) => {
      if (ascii) assert.match(text, /^[\x20-\x7e\n]*$/);
    };
    const mark = ascii ? '!' : '▲';

    test(`the first screen at ${cols}x${rows}, ${name}`, () =>
      look({ ...at, desk: new MemoryDesk(QUIET) }, (text, seen) => {
        wellMade(text, seen);
        only(text);
        inOrder(text, ['local', 'DRY-RUN', 'Dry-run, unprivileged', 'sentinel up --live', 'x put away']);
        inOrder(text, ['no incidents', 'sentinel -- scenario run memory-hog', 'workstation', 'cpu.percent', '12.3 %']);
        inOrder(text, ['j k move', '? help', '14:02:11'.slice(2)]);
      }));

    test(`the list of incidents at ${cols}x${rows}, ${name}`, () =>
      look(at, (text, seen) => {
        wellMade(text, seen);
        only(text);
        inOrder(text, ['plant3', 'LIVE', '2 wait', 'waiting for you', `${mark}  3m  plant3-db-01`, 'disk filling']);
        inOrder(text, ['14m  gw-line4', 'working', 'edge-07', 'verify', 'today', 'gw-line2', 'resolved', 'rejected']);
        assert.is(text.includes('chain'), cols >= 100);
        assert.is(text.includes('archive target refuses'), cols >= 100, 'the second pane');
      }));

    test(`one incident at ${cols}x${rows}, ${name}`, () =>
      look({ ...at, keys: ['enter'] }, async (text, seen) => {
        wellMade(text, seen);
        only(text);
        inOrder(text, [
          '7F3K',
          'critical',
          'proposed 3 m ago, expires in 2',
          '94.8 %',
          'cause',
          'archive target refuses',
        ]);
        seen.press('G');
        const end = await seen.text();
        wellMade(end, seen);
        only(end);
        inOrder(end, ['verify', 'undo 3', 'chown root /srv/wal/plant3', 'timeline', 'proposed', '3 steps']);
        assert.ok(cols >= 100 || !end.includes('expires in'), 'scrolled');
        if (cols >= 100) inOrder(end, [ascii ? '3 [?] chown' : '3 ? chown', 'why review: ownership of a path']);
      }));

    test(`the dialog at ${cols}x${rows}, ${name}`, () =>
      look({ ...at, keys: ['a', '3'] }, (text, seen) => {
        wellMade(text, seen);
        only(text);
        inOrder(text, ['approve on plant3-db-01', 'LIVE: this changes the host now.', 'plan 9c41 d07e', '3 commands']);
        inOrder(text, ['journalctl -u postgresql -n 50 --no-pager', 'systemctl restart wal-archiver']);
        inOrder(text, ['chown backup /srv/wal/plant3', 'included by you', 'undo', 'chown root /srv/wal/plant3']);
        inOrder(text, ['Deny', 'y approve steps 1-2', 'Y approve steps 1-3', 'enter esc deny']);
      }));

    test(`the hosts at ${cols}x${rows}, ${name}`, () =>
      look({ ...at, keys: ['2', 'j', 'j', 'j'] }, (text, seen) => {
        wellMade(text, seen);
        only(text);
        if (cols >= 100)
          inOrder(text, [ascii ? 'plant3 > database' : 'plant3 › database', '1 host', 'plant3-db-01', 'good']);
        inOrder(text, [
          'edge',
          '2 hosts',
          'edge-07',
          'gateway',
          'gw-line4',
          'LIVE',
          'late 43 s',
          '1,204',
          'gw-line2',
          'DRY-RUN',
        ]);
        inOrder(text, ['historian', 'plant3-hist', 'silent for 41m', 'gw-line4   LIVE, unprivileged', 'cpu.percent']);
        for (const words of ['43 s after', '31', 'missing', 'in 2 gaps', '1,204 samples'])
          assert.ok(text.includes(words), words);
      }));

    test(`help at ${cols}x${rows}, ${name}`, () =>
      look({ ...at, keys: ['?'] }, async (text, seen) => {
        wellMade(text, seen);
        seen.press('G');
        const whole = `${text}\n${await seen.text()}`;
        only(whole);
        for (const { help } of BINDINGS) {
          if (rows >= 40) assert.ok(help === '' || whole.includes(help.slice(0, 50)), `help says "${help}"`);
        }
      }));
  }
}

test('too small a terminal says so and takes no key but quit', async () => {
  await look({ cols: 60, rows: 15 }, async (text, seen) => {
    wellMade(text, seen);
    inOrder(text, ['too small', 'need 80x24, have 60x15', 'q quits']);
    seen.press('a', 'y', 'enter', '2');
    assert.is(seen.shell.ui.consent, null);
    assert.is(seen.shell.ui.view, 'incidents');
    seen.resize(120, 40);
    inOrder(await seen.text(), ['waiting for you', 'disk filling']);
  });
});

test('filter, and escape shows all again', async () => {
  await look({ keys: ['/', 'f', 'l', 'o', 'o', 'd', 'enter'] }, async (text, seen) => {
    inOrder(text, ['filter', 'flood', 'today', 'log flood']);
    assert.not.match(text, /memory leak/);
    seen.press('escape');
    inOrder(await seen.text(), ['memory leak', 'log flood']);
  });
});

test('the notice goes with x, and another one comes', async () => {
  const desk = new MemoryDesk(QUIET);
  await look({ desk, keys: ['x'] }, async (text, seen) => {
    assert.not.match(text, /put away/);
    desk.set({ notice: 'The model did not load.' });
    inOrder(await seen.text(), ['The model did not load.', 'x put away']);
  });
});

test('hostile names reach no terminal byte', async () => {
  const evil = '\x1b]0;owned\x07\x1b]52;c;cm0=\x07\x9b2J\u202eevil\r\x1b[3J\x1b[31m\u200b';
  const incident: Incident = {
    ...INCIDENT,
    host: `db${evil}`,
    title: `disk ${evil}`,
    owner: evil,
    event: { ...INCIDENT.event, reason: evil, metric: evil },
    plan: {
      ...PLAN,
      root_cause: evil,
      alternatives: [evil],
      steps: PLAN.steps.map((step) => ({ ...step, command: `${step.command}${evil}`, explanation: evil })),
      chain: [{ claim: evil, evidence: [evil] }],
    },
    evidence:
      INCIDENT.evidence === null
        ? null
        : {
            ...INCIDENT.evidence,
            items: INCIDENT.evidence.items.map((item) => ({ ...item, text: evil, kind: 'log' })),
          },
    timeline: [{ ts: NOW, state: 'open', by: evil, note: evil }],
  };
  const desk = new MemoryDesk(
    {
      ...STATE,
      site: evil,
      operator: evil,
      notice: evil,
      hosts: STATE.hosts.map((host) => ({
        ...host,
        agent: `${host.agent}${evil}`,
        tags: [evil, `site=${evil}`],
      })),
      incidents: STATE.incidents.map((row) => ({ ...row, host: evil, title: evil, owner: evil })),
    },
    [incident],
  );
  const pulse = desk.pulse.bind(desk);
  desk.pulse = (agent) => {
    const known = pulse(agent);
    return known && { ...known, gauges: known.gauges.map((gauge) => ({ ...gauge, metric: evil, unit: evil })) };
  };
  for (const keys of [[], ['enter'], ['enter', 'G'], ['a'], ['r'], ['2'], ['/', 'x']]) {
    const seen = renderAt(120, 40, desk);
    seen.press(...keys);
    const text = await seen.text();
    const sent = seen.bytes();
    seen.close();
    for (const byte of ['\x1b]', '\x9b', '\x07', '\u200b', '\u202e', '\r', '\x1b[31m']) {
      assert.not.ok(sent.includes(byte), JSON.stringify(byte));
    }
    assert.not.ok(sent.slice(sent.indexOf('\x1b[2J') + 4).includes('\x1b[2J'), 'only the first wipe is ours');
    assert.not.ok(sent.includes('\x1b[3J'));
    assert.ok(keys.includes('/') || text.includes('\ufffd'), 'tampering is visible');
  }
});

test('a view that fails is said, and the process lives', async () => {
  const broken = { ...INCIDENT, plan: { ...PLAN, steps: null as unknown as typeof PLAN.steps } };
  await look({ desk: busy(broken) }, (text) => inOrder(text, ['This view failed']));
});

test('moving the selection costs few bytes', async () => {
  await look({}, async (_text, seen) => {
    const before = seen.bytes().length;
    for (let i = 0; i < 10; i++) {
      seen.press(i % 2 === 0 ? 'j' : 'k');
      await seen.text();
    }
    const frame = (seen.bytes().length - before) / 10;
    console.log(`    ${Math.round(frame)} bytes a frame for a moved selection at 120x40`);
    assert.ok(frame > 0 && frame <= FRAME_BYTES, `${frame} bytes`);
  });
});

test('a tall terminal shows the plan and the timeline beside the list; a usual one what is enough to decide', async () => {
  await look({ cols: 300, rows: 100 }, (text) =>
    inOrder(text, ['sure', 'playbook wal-archive', 'chown backup /srv/wal/plant3', 'verify', 'timeline']),
  );
  await look({}, (text) => assert.not.match(text, /chown backup|timeline/));
});

test.run();
