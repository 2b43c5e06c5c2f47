import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RememberedRule } from '../../broker/remembered.ts';
import type { Incident } from '../../hub/incident.ts';
import { busy, has, inOrder, look, SIZES } from './looks.ts';
import { MemoryDesk } from './memory-desk.ts';
import { DESTROYER, FIRST, INCIDENT, PLAN, STATE } from './recorded.ts';
import { renderAt } from './render-at.ts';

const test = suite('the dialogs of the screen');

test('a dialog whose terminal was resized settles again', async () => {
  const desk = busy();
  await look({ desk, keys: ['a'] }, (_text, seen) => {
    seen.press();
    seen.resize(100, 30);
    seen.shell.press([{ type: 'key', name: 'y' }]);
    assert.equal(desk.acts, []);
    seen.press('y');
    assert.equal(desk.acts, [{ act: 'approve', id: INCIDENT.id, planHash: INCIDENT.plan_hash, reviewed: [] }]);
  });
});

test('approval carries the hash that was shown and the numbers that were included', async () => {
  const desk = busy();
  await look({ desk, keys: ['enter', 'a', '3', 'Y'] }, (text) => {
    assert.equal(desk.acts, [{ act: 'approve', id: INCIDENT.id, planHash: INCIDENT.plan_hash, reviewed: [3] }]);
    inOrder(text, ['Signed: steps 1-3 go to plant3-db-01.']);
  });
});

test('m shows the rule that remembers the plan, whole, before it is signed, and both are signed by one Y', async () => {
  for (const [cols, rows] of SIZES) {
    const desk = busy();
    await look({ cols, rows, desk, keys: ['a'] }, async (text, seen) => {
      const read = async () => {
        let all = await seen.text();
        for (let page = 0; page < 4; page++) {
          seen.press('page-down');
          all += await seen.text();
        }
        return all;
      };
      inOrder(text, ['Deny', 'm remember']);
      assert.not.match(text, /more: j reads on/, 'that it can be remembered costs no row');
      seen.press('m');
      has(
        await read(),
        'REMEMBERED for 7 days',
        'what you approves for plant3-db-01 until 2026-11-28T',
        'review step 3',
        'for permission (playbook wal-archive) from 0.90 on',
        'pre 1',
        'step 3  chown backup /srv/wal/plant3',
        'rollback 3  chown root /srv/wal/plant3',
        'Deny',
        'Y needs every review step included',
      );
      seen.chunk('3', 'Y');
      seen.shell.press([{ type: 'paste', text: 'Y' }]);
      seen.press('y', 'Y');
      assert.equal(desk.acts, [], 'nothing but all of it, by a hand');
      seen.press('3');
      has(await seen.text(), 'approve steps 1-3, and remember');
      seen.press('Y');
      await new Promise((resolve) => setImmediate(resolve));
      const [approved, kept] = desk.acts as [
        { act: string; reviewed: number[] },
        { act: string; rule: RememberedRule },
      ];
      assert.equal([approved.act, approved.reviewed, kept.act, kept.rule.reviewed], ['approve', [3], 'remember', [3]]);
      has(await seen.text(), 'Signed, and remembered until 2026-11-28: steps 1-3 go to');
    });
  }
  const desk = busy({ ...INCIDENT, plan: { ...PLAN, idempotent: false } });
  await look({ desk, keys: ['a', 'm'] }, (text) =>
    inOrder(text, ['for once only: the playbook may not be run twice', 'Deny']),
  );
  const long = busy();
  long.rememberable = () => ({ why: `it can't be remembered: ${'a reason of many words, '.repeat(8)}and its end` });
  await look({ cols: 80, rows: 24, desk: long, keys: ['a', 'm'] }, (text) =>
    inOrder(text, ['for once only: a reason of many words', 'and its', 'end', 'Deny']),
  );
});

test('a plan that was refused is not remembered, and one that was approved and not remembered says both', async () => {
  const desk = busy();
  desk.answer = { ok: false, code: 'E_PLAN_CHANGED', message: 'another plan is proposed now' };
  await look({ desk, keys: ['a', 'm', '3', 'Y'] }, async (_, seen) => {
    has(await seen.text(), 'Refused (E_PLAN_CHANGED)');
    assert.is(desk.acts.length, 1);
    desk.answer = { ok: true };
    desk.remember = () => Promise.resolve({ ok: false, code: 'E_ACT_REMEMBER', message: '64 are remembered already' });
    seen.press('a', 'm', '3', 'Y');
    await new Promise((resolve) => setImmediate(resolve));
    has(await seen.text(), 'E_ACT_REMEMBER', 'the plan is approved; not remembered: 64 are remembered already');
  });
});

test('of keys that come in one read each is about what the one before has selected', async () => {
  const second = { ...INCIDENT, id: '01JD0000000000000000007F3M', host: 'gw-line4' };
  const desk = new MemoryDesk(STATE, [INCIDENT, second]);
  await look({ desk }, async (_, seen) => {
    seen.chunk('j', 'a');
    assert.equal([seen.shell.ui.consent?.incident, seen.shell.ui.consent?.host], [second.id, 'gw-line4']);
    has(await seen.text(), 'approve on gw-line4');
    seen.press('escape');
    seen.chunk('k', 'r');
    assert.is(seen.shell.ui.consent?.incident, INCIDENT.id);
  });
});

test('a refusal of the hub is shown with its code', async () => {
  const desk = busy();
  desk.answer = { ok: false, code: 'E_PLAN_CHANGED', message: 'another plan is proposed now' };
  await look({ desk, keys: ['a', 'y'] }, (text) =>
    inOrder(text, ['Refused (E_PLAN_CHANGED): another plan is proposed now']),
  );
});

test('a plan that changes while the dialog is open is not approved, and the dialog says so', async () => {
  const desk = busy();
  await look({ desk, keys: ['enter', 'a'] }, async (_text, seen) => {
    desk.put({ ...INCIDENT, plan_hash: 'e'.repeat(64) });
    inOrder(await seen.text(), ['The plan changed while this was open.', 'Nothing was signed.']);
    seen.press('y');
    assert.equal(desk.acts, []);
    inOrder(await seen.text(), ['read it again']);
  });
});

test('a blocked plan opens no dialog: the key says why', async () => {
  const [first] = PLAN.steps;
  assert.ok(first);
  const blocked = { ...first, verdict: { ...first.verdict, decision: 'block' as const } };
  const incident = { ...INCIDENT, plan: { ...PLAN, steps: [blocked], decision: 'block' as const } };
  await look({ desk: busy(incident), keys: ['a'] }, (text, seen) => {
    assert.is(seen.shell.ui.consent, null);
    inOrder(text, ['a approve: policy blocks step 1']);
  });
});

test('a destroying plan shows the field for the name of the host', async () => {
  await look({ desk: busy(DESTROYER), keys: ['a'] }, (text) => {
    inOrder(text, ["type the host's name to approve step 1"]);
    assert.not.match(text, /y approve/);
  });
});

test('the whole of a long command is shown, and must be before it is approved', async () => {
  const [first] = PLAN.steps;
  assert.ok(first);
  const long = `find ${Array.from({ length: 120 }, (_, i) => `/srv/folder-${i}`).join(' ')} -ls`;
  const incident = { ...INCIDENT, plan: { ...PLAN, steps: [{ ...first, command: long }] } };
  const desk = busy(incident);
  await look({ cols: 80, rows: 24, desk, keys: ['a', 'y'] }, async (text, seen) => {
    inOrder(text, ['/srv/folder-0', 'more: j reads on', 'read to the end first']);
    assert.equal(desk.acts, []);
    let all = text;
    for (let page = 0; page < 12; page++) {
      seen.press('page-down');
      all += await seen.text();
    }
    for (let i = 0; i < 120; i++) assert.ok(all.includes(`/srv/folder-${i} `), `folder ${i}`);
    seen.press('y');
    assert.is(desk.acts.length, 1);
  });
});

test('where two persons must agree, the incident and its dialog say who has, and what one’s own approval does', async () => {
  const twoPerson = [{ where: '*', plans: 'all' as const }];
  const desk = (incident: Incident, operator = 'you') => new MemoryDesk({ ...STATE, twoPerson, operator }, [incident]);
  const waiting = { ...INCIDENT, first: FIRST };
  for (const [cols, rows] of SIZES) {
    const at = { cols, rows };
    await look({ ...at, desk: desk(INCIDENT), keys: ['a'] }, (text) => inOrder(text, ['1 of 2', 'Yours is the first']));
    await look({ ...at, desk: desk(waiting), keys: ['a'] }, (text) =>
      inOrder(text, ['2 of 2', 'ann has approved with step 3 included', 'With yours it runs']),
    );
    await look({ ...at, desk: desk(waiting, 'ann'), keys: ['a'] }, (text) => inOrder(text, ['1 of 2']));
    await look({ ...at, desk: busy(), keys: ['a'] }, (text) => assert.not.match(text, /of 2/));
  }
  await look({ desk: desk(waiting), keys: ['enter'] }, (text) =>
    inOrder(text, ['1 of 2: ann, waiting for another, 12 m left']),
  );
});

test('H halts the site from any view, after a question; a screen that only looks, or a halted site, says why not', async () => {
  for (const keys of [['H'], ['2', 'H'], ['enter', 'H'], ['6', 'H']]) {
    const desk = busy();
    await look({ desk, keys }, (text) =>
      inOrder(text, ['halt plant3', 'end what runs at once', 'Go on', 'y halt the site']),
    );
    assert.equal(desk.acts, [], 'nothing was asked of the hub yet');
  }
  for (const [state, why] of [
    [{ role: 'viewer' }, 'may look, not act'],
    [{ hub: 'down' }, 'the hub is down'],
    [{ halted: true }, 'sentinel halt --lift'],
  ] as const)
    await look({ desk: new MemoryDesk({ ...STATE, ...state }, [INCIDENT]), keys: ['H'] }, (text) =>
      inOrder(text, [why]),
    );
  await look({ desk: new MemoryDesk({ ...STATE, halted: true }) }, (text) => inOrder(text, ['LIVE', 'HALTED']));
});

test('nothing but one key by itself, in its own dialog, halts the site: no chunk, no paste, no other dialog', async () => {
  await look({}, (_, seen, desk) => {
    seen.chunk('H', 'y');
    assert.is(seen.shell.ui.consent?.act, 'halt', 'it asks');
    seen.press('escape', 'H');
    seen.chunk('y', 'y');
    seen.shell.press([{ type: 'paste', text: 'y' }]);
    seen.press('escape', 'a', 'H');
    assert.is(seen.shell.ui.consent?.act, 'approve');
    seen.press('escape');
    assert.equal(desk.acts, []);
    seen.press('H', 'y');
    assert.equal(desk.acts, [{ act: 'halt', reason: 'halted on the screen' }]);
  });
  const desk = busy();
  const seen = renderAt(120, 40, desk, { LANG: 'C.UTF-8' }, { readOnly: true });
  try {
    seen.press('H', 'y');
    inOrder(await seen.text(), ['READ-ONLY', 'y does nothing here']);
    assert.equal([seen.shell.ui.consent, desk.acts], [null, []]);
  } finally {
    seen.close();
  }
});

test.run();
