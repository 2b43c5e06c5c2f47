import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPolicy } from '../../policy/policy.ts';
import { themeFor } from '../../tui/theme.ts';
import { chartRows } from '../../tui/widgets/chart.ts';
import { has, type Look, look as lookAt } from './looks.ts';
import { MemoryDesk } from './memory-desk.ts';
import { INCIDENT, NOW, QUIET, STATE, wave } from './recorded.ts';

const test = suite('the views beside incidents and hosts');

const policy = await loadPolicy();

const busy = (incident = INCIDENT) => {
  const desk = new MemoryDesk(STATE, [incident]);
  desk.judged = (command) => {
    const verdict = policy.check(command, null);
    const other = verdict.alternative === undefined ? null : policy.check(verdict.alternative, null);
    return { state: 'judged', verdict, alternative: other };
  };
  return desk;
};

const look = (keys: readonly string[], check: Parameters<typeof lookAt>[1], more: Look = {}) =>
  lookAt({ keys, desk: busy(), ...more }, check);

const letters = (text: string) => [...text].map((one) => (one === ' ' ? 'space' : one));

for (const [cols, rows] of [
  [80, 24],
  [100, 30],
  [200, 60],
] as const) {
  test(`every view draws whole pictures at ${cols}x${rows}`, async () => {
    const desk = busy();
    desk.decided = { metric: 'disk', unit: '%', value: 94.8, history: wave(40, 94.8) };
    for (const keys of [
      ['1'],
      ['2', 'enter'],
      ['3'],
      ['3', 'enter'],
      ['4'],
      ['5'],
      ['6'],
      ['7'],
      ['7', 'enter'],
      ['8'],
      ['8', 'enter'],
      [':'],
      ['enter', 'p'],
      ['?'],
    ]) {
      await look(
        keys,
        (text, seen) => {
          assert.not.match(text, /This view failed/);
          assert.is(seen.emulator.lines().at(-1), '', 'the last row is left free');
          for (const row of seen.emulator.lines()) assert.ok([...row].length < cols, `${keys.join(' ')}: ${row}`);
          assert.not.ok(seen.bytes().includes('\x1b[3J'), 'the scrollback is not wiped');
        },
        { cols, rows, desk },
      );
    }
  });
}

test('the policy view judges while one types: what decided is underlined, and the way out is judged too', async () => {
  await look(['4', ...letters('find /srv/spool -name x -delete')], async (text, seen, desk) => {
    has(
      text,
      'find /srv/spool -name x -delete▌',
      '~~~~~~~',
      '? review',
      'effect destroy',
      '[find] [/srv/spool] [-name] [x] [-delete]',
    );
    has(text, 'both readers agree');
    seen.press('ctrl-u', ...letters('df -h'));
    has(await seen.text(), '✓ allow', 'effect read', '[df] [-h]');
    seen.press('ctrl-u', ...letters('sudo rm /srv/x'));
    has(await seen.text(), 'instead', 'ls -la /srv/x', '✓ allow');
    seen.press('ctrl-u', ...letters('rm -rf /'));
    has(await seen.text(), '✕ block', 'never runs, whoever asks');
    seen.press('tab');
    has(await seen.text(), 'plant3-db-01: names must exist there');
    assert.equal(desk.acts, [], 'nothing of it is sent anywhere');
    seen.press('escape');
    has(await seen.text(), 'Type a command.');
    seen.press('escape');
    has(await seen.text(), 'waiting for you');
  });
});

test('in the policy view letters are letters, and a paste is text', async () => {
  await look(['4', 'q', 'a', ':', '?', '1'], async (_, seen) => {
    has(await seen.text(), 'qa:?1▌');
    seen.shell.press([{ type: 'paste', text: 'x\ny' }]);
    has(await seen.text(), 'qa:?1x y▌');
  });
});

test('playbooks with their record and the verdict of each command; enter opens one; the filter narrows', async () => {
  await look(['3'], async (text, seen) => {
    has(text, 'wal-archive', '2 of 3', 'own', 'zombies', 'looks', 'step    ? chown backup {folder}');
    seen.press('j', 'enter');
    has(await seen.text(), 'playbooks › zombies', 'ps -eo pid,ppid,stat,comm', 'never run at this site');
    seen.press('escape', '/', ...letters('permission'), 'enter');
    const narrowed = await seen.text();
    has(narrowed, 'wal-archive');
    assert.not.match(narrowed, /zombies/);
  });
});

test('the audit view reads only the records on the screen, from the newest to the first', async () => {
  const desk = busy();
  const asked: number[] = [];
  const { records } = desk;
  desk.records = (from, limit) => {
    asked.push(limit);
    return records.call(desk, from, limit);
  };
  desk.walked = { at: NOW - 60_000, ok: true, why: '' };
  await look(
    ['5'],
    async (text, seen) => {
      has(text, 'the chain holds', 'walked from the first record 1m ago', '18,204', 'plan.vetted', 'plan_hash');
      seen.press('G');
      has(await seen.text(), '▌        1');
      assert.ok(Math.max(...asked) <= 40, `${Math.max(...asked)} records at once`);
      desk.set({ auditGood: false });
      has(await seen.text(), 'the chain is broken', 'BROKEN');
    },
    { desk },
  );
});

test('a long record of the audit is opened by enter, scrolled to its end, and left', async () => {
  const desk = busy();
  const value = Array.from({ length: 400 }, (_, i) => `word-${i}`).join(' ');
  const { records } = desk;
  desk.records = (from, limit) => records.call(desk, from, limit).map((one) => ({ ...one, data: [['said', value]] }));
  await look(
    ['5', 'enter'],
    async (text, seen) => {
      has(text, 'audit › 18204', 'word-0 ', 'more');
      assert.not.match(text, /word-399/);
      seen.press('G');
      has(await seen.text(), 'word-399', 'hash');
      seen.press('escape');
      has(await seen.text(), 'the chain');
    },
    { desk, cols: 80, rows: 24 },
  );
});

test('a long command leaves the verdict, the reason and the way out on the smallest screen', async () => {
  const many = (verb: string, count: number) =>
    `${verb} ${Array.from({ length: count }, (_, i) => `/srv/folder-${i}/x`).join(' ')}`;
  for (const [verb, decision] of [
    ['sudo rm', 'review'],
    ['ls', 'allow'],
  ] as const) {
    await look(
      ['4'],
      async (_, seen) => {
        seen.shell.press([{ type: 'paste', text: many(verb, 55) }]);
        const end = decision === 'review' ? 'instead' : 'needs no consent';
        has(await seen.text(), `${verb} /srv/folder-0/x`, 'folder-54/x▌', 'rows more', decision, 'because', end);
      },
      { cols: 80, rows: 24 },
    );
  }
});

test('automation: the rule, what is left of the budget, the breaker, and which way plans went', async () => {
  await look(['6'], async (text, seen, desk) => {
    has(text, 'plans of 0.90 confidence and more', 'every host', '4 plans on one host', 'mira, lapses in 39 d');
    has(
      text,
      'edge-07  1 ran, 3 left',
      'open for playbook unit-loop, by 7F3P; closes in 3 h',
      'alone',
      'needs consent',
    );
    desk.alone = { rule: null, remembered: [], written: [], spent: [], breakers: [], routes: [] };
    desk.set({});
    has(await seen.text(), 'none: nothing runs before a person approved it', '--auto-approve allow-only');
    const one = { id: '01JD00000000000000000RULE2', by: 'mira', playbook: 'descriptor-hog', hosts: ['edge-07'] };
    const written = [{ name: 'quiet-hours', by: 'mira', until: NOW + 5 * 24 * 3_600_000 }];
    const lines = ['what mira approves for edge-07 until 2026-11-26', '  step 1  kill -TERM {process1}'];
    const remembered = [{ ...one, until: NOW + 5 * 24 * 3_600_000, uses: 3, last: NOW - 60_000, lines }];
    desk.alone = { rule: null, remembered, written, spent: [], breakers: [], routes: [] };
    desk.set({});
    has(
      await seen.text(),
      'none beside what follows',
      'quiet-hours (mira, lapses',
      'approvals that are remembered',
      'edge-07',
      'descriptor-hog  ran 3 times, by mira',
    );
    seen.press('enter');
    has(await seen.text(), 'automation › ', '3 times, last 1m ago', 'what mira approves for', 'kill -TERM {process1}');
    seen.press('r');
    has(await seen.text(), 'revoke what is remembered as ULE2', 'kill -TERM {process1}', 'Keep it', 'y revoke it');
    seen.press('enter');
    has(await seen.text(), 'Nothing was revoked.');
    seen.press('r');
    seen.chunk('y', 'y');
    seen.shell.press([{ type: 'paste', text: 'y' }]);
    assert.equal(desk.acts, []);
    seen.press('y');
    assert.equal(desk.acts, [{ act: 'forget', id: one.id }]);
    has(await seen.text(), 'Revoked: nothing runs by it any more.');
    desk.alone = { ...desk.alone, remembered: [] };
    desk.set({});
    has(await seen.text(), 'Nothing is remembered by this rule any more');
  });
});

test('in the automation enter on a plan opens its incident; what is no rule can’t be revoked, and says why', async () => {
  await look(['6', 'j', 'r'], async (text, seen) => {
    has(text, 'r revoke: no approval that is remembered is selected');
    seen.press('enter');
    has(await seen.text(), 'incidents › 7F3K');
    seen.press('-');
    has(await seen.text(), 'which way the newest plans were sent');
  });
});

test('one host: all its metrics, what it looked like when it had trouble, quoted where strangers wrote', async () => {
  await look(['2', 'enter'], (text) => {
    has(text, 'hosts › plant3-db-01', 'debian 12', 'tags plant3 database', 'none missing within a day');
    assert.match(text, /disk\.used.*…[a-z/]*postgresql\] /, 'of a long name both ends are shown');
    has(text, 'as it was 3m ago, when 7F3K was seen', '“postgres --', '“archive command failed', '412 ×');
  });
});

test('a question is asked by p and enter, once, about what the evidence names', async () => {
  const evidence = INCIDENT.evidence;
  assert.ok(evidence);
  const entities = [{ kind: 'unit' as const, slot: 'E1', value: 'postgresql.service', labels: [] }];
  const desk = busy({ ...INCIDENT, evidence: { ...evidence, entities } });
  await look(
    ['enter', 'p'],
    async (text, seen) => {
      has(text, 'ask plant3-db-01', 'unit_log', 'postgresql.service', 'kernel_log', 'not asked yet');
      assert.not.match(text, /dns_lookup/, 'the evidence names no host to look up');
      seen.press('enter');
      assert.equal(desk.acts, [{ act: 'probe', id: INCIDENT.id, probe: 'unit_log', name: 'postgresql.service' }]);
      seen.press('/', ...letters('ports'), 'enter', 'enter');
      assert.equal(desk.acts.at(-1), { act: 'probe', id: INCIDENT.id, probe: 'listening_ports', name: '' });
    },
    { desk },
  );
});

test('a host that does not answer is not asked: the key says why', async () => {
  const desk = busy({ ...INCIDENT, host: 'plant3-hist' });
  await look(['p'], (text) => has(text, 'p probe: plant3-hist does not answer now'), { desk });
});

test('the palette goes to a view, a host or a command, remembers, and is left by escape', async () => {
  await look([':', ...letters('aud')], async (text, seen) => {
    has(text, 'go to aud▌', '▌audit', 'chain records');
    seen.press('enter');
    has(await seen.text(), 'the chain holds');
    seen.press(':', ...letters('edge-07'), 'enter');
    has(await seen.text(), 'hosts › edge-07');
    seen.press(':');
    has(await seen.text(), 'where you were last', '▌edge-07');
    seen.press('[', '[');
    has(await seen.text(), 'go to audit▌');
    seen.press('escape', '-');
    has(await seen.text(), 'the chain holds');
    seen.press(':', ...letters('nothing-such'), 'enter');
    has(await seen.text(), 'nothing is called "nothing-such"');
    seen.press('escape', '1', ':', ...letters('approve'), 'enter');
    has(await seen.text(), 'approve on plant3-db-01');
  });
});

test('a command of the palette that does nothing here says why', async () => {
  await look(['5', ':', ...letters('approve'), 'enter'], (text, seen) => {
    has(text, 'approve: it is for incidents, incident');
    assert.is(seen.shell.ui.consent, null);
  });
});

test('a key that does nothing says so, and where it does something', async () => {
  await look(['5', 'r'], (text) => has(text, 'r does nothing here; r is for incidents, incident'));
  await look(['ctrl-t'], (text) => has(text, 'ctrl-t does nothing here. ? shows the keys.'));
});

test('empty views say what would fill them', async () => {
  const desk = new MemoryDesk({ ...QUIET, auditRecords: 0, hosts: [] });
  desk.shelf = { state: 'loading', rows: [], errors: [] };
  desk.alone = { rule: null, remembered: [], written: [], spent: [], breakers: [], routes: [] };
  await look(['2'], (text) => has(text, 'no host has reported yet'), { desk });
  await look(['3'], (text) => has(text, 'The playbooks are being read'), { desk });
  await look(['5'], (text) => has(text, 'nothing was recorded yet'), { desk });
  await look(['6'], (text) => has(text, 'no plan was made yet'), { desk });
});

test('the last evaluation: figures, the gate, what failed first, and one scenario in full', async () => {
  await look(['7'], async (shown, seen, desk) => {
    has(shown, 'the gate is not passed', 'the average 3.2 is under 3.5', '41 of 55', '▌failed', 'two-causes-at-once');
    has(shown, 'unmet', 'names the full disk', 'it called a person');
    seen.press('j', 'enter');
    has(await seen.text(), 'eval › disk-fills-slowly', '? logrotate --force');
    desk.evaluated = null;
    seen.press('escape');
    has(await seen.text(), 'nothing was evaluated here yet', 'eval --scenarios');
  });
});

test('the doctor: what is wrong first, what to do about it, and that it looks or could not', async () => {
  await look(['8'], async (shown, seen, desk) => {
    has(shown, '2 findings', 'looked 12s ago', '▌◆  certificates', 'do            restart the hub: it renews it');
    assert.ok(shown.indexOf('edge-03') < shown.indexOf('roster version 4'), 'what is well stands last');
    seen.press('j');
    has(await seen.text(), 'systemctl status sentinel-agent on edge-03');
    seen.press('enter');
    has(await seen.text(), 'doctor › agents 1', 'nothing heard for 190 min');
    seen.press('escape', '/', ...letters('roster'), 'enter');
    has(await seen.text(), '▌✓  site', 'plant3, roster version 4');
    desk.examined = { ...desk.examined, failed: 'the doctor ended with SIGKILL' };
    seen.press('escape', 'g');
    has(await seen.text(), 'the doctor ended with SIGKILL', 'edge-03');
    desk.examined = { ...desk.examined, failed: '', rows: desk.examined.rows.filter(({ ok }) => ok) };
    seen.press('G');
    has(await seen.text(), 'all is well');
    desk.examined = { at: null, failed: '', rows: [] };
    seen.press('g');
    has(await seen.text(), 'The doctor is looking');
  });
});

test('charts are drawn in what the terminal shows: braille, half blocks on the console, stars in ASCII', () => {
  const signs = (env: Record<string, string>) => {
    const theme = themeFor(env);
    return chartRows(wave(0, 10), 24, 3, { low: 0, high: 12 }, theme).join('').replaceAll(' ', '');
  };
  assert.match(signs({ LANG: 'C.UTF-8' }), /^[\u2801-\u28ff]+$/);
  assert.match(signs({ LANG: 'C.UTF-8', TERM: 'linux' }), /^[▀▄█]+$/);
  assert.match(signs({ LANG: 'C' }), /^\*+$/);
});

test.run();
