import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runPlain } from '../../tui/plain.ts';
import { MemoryDesk } from './memory-desk.ts';
import { INCIDENT, PLAN, STATE } from './recorded.ts';

const test = suite('the desk as lines');

/** The plan as if it were made now: `runPlain` has the real clock. */
const FRESH = { ...INCIDENT, plan: { ...PLAN, expires: Date.now() + 600_000 } };

async function talk(lines: readonly string[], desk = new MemoryDesk(STATE, [FRESH]), readOnly = false) {
  const out: string[] = [];
  const { Readable } = await import('node:stream');
  await runPlain(
    desk,
    {
      stdout: (line) => out.push(line),
      stderr: (line) => out.push(line),
      stdin: Readable.from([`${lines.join('\n')}\n`]),
      signal: new AbortController().signal,
    },
    { readOnly },
  );
  return { text: out.join('\n'), acts: desk.acts };
}

test('it lists, shows and approves what was shown, with the host typed', async () => {
  const { text, acts } = await talk(['show 7F3K', 'approve 7F3K 3 plant3-db-01', 'quit', 'list']);
  assert.match(text, /plant3, LIVE, hub up/);
  assert.match(text, /waiting for you: 2\n {2}7F3K {2}critical {2}plant3-db-01 {2}disk filling, proposed/);
  assert.match(text, /step 3, review: chown backup \/srv\/wal\/plant3/);
  assert.match(text, /undo of step 3: chown root/);
  assert.match(text, /signed: step 1, 2, 3 of 3 on plant3-db-01/);
  assert.equal(acts, [{ act: 'approve', id: INCIDENT.id, planHash: INCIDENT.plan_hash, reviewed: [3] }]);
});

test('all that an approval signs was printed: checks, steps and undo, each with what policy says', async () => {
  const { text } = await talk(['show 7F3K', 'approve 7F3K 1 3 plant3-db-01']);
  const all = [...PLAN.pre, ...PLAN.steps, ...PLAN.post, ...PLAN.rollback];
  for (const { command, verdict } of all) {
    assert.ok(text.includes(`: ${command}\n  effect ${verdict.effect}. why ${verdict.decision}`), command);
  }
  assert.match(text, /LIVE: approving changes the host/);
  assert.match(text, /numbers are joined by commas/);
});

test('nothing is approved that was not shown, or whose line does not end with the host', async () => {
  for (const lines of [
    ['approve 7F3K plant3-db-01'],
    ['show 7F3K', 'approve 7F3K 3'],
    ['show 7F3K', 'approve 7F3K'],
    ['show 7F3K', 'approve 7F3K 1 plant3-db-01'],
    ['show 7F3K', 'approve 7F3K plant3-db-02'],
    ['approve'],
  ]) {
    const { text, acts } = await talk(lines);
    assert.equal(acts, [], `${lines.join('; ')}\n${text}`);
  }
});

test('a plan that changed since it was shown is not approved', async () => {
  const desk = new MemoryDesk(STATE, [FRESH]);
  const { incident } = desk;
  let looks = 0;
  desk.incident = (id) => {
    const one = incident.call(desk, id);
    return looks++ === 0 || one === undefined ? one : { ...one, plan_hash: 'f'.repeat(64) };
  };
  const { text, acts } = await talk(['show 7F3K', 'approve 7F3K plant3-db-01'], desk);
  assert.match(text, /the plan has changed since it was shown/);
  assert.equal(acts, []);
});

test('--readonly and a viewer act on nothing; a hub that is down says so', async () => {
  const acting = ['show 7F3K', 'approve 7F3K plant3-db-01', 'reject 7F3K', 'own 7F3K', 'ask 7F3K 1'];
  assert.equal((await talk(acting, undefined, true)).acts, []);
  assert.equal((await talk(acting, new MemoryDesk({ ...STATE, role: 'viewer' }, [FRESH]))).acts, []);
  const down = await talk(acting, new MemoryDesk({ ...STATE, hub: 'down' }, [FRESH]));
  assert.equal(down.acts, []);
  assert.match(down.text, /the hub is down/);
});

test('reject, own and ask reach the desk; unknown words and ids are answered', async () => {
  const { text, acts } = await talk([
    'reject 7F3K',
    'own 7F3K',
    'ask 7F3K',
    'ask 7F3K 1',
    'ask 7F3K 99',
    'fly',
    'show Z',
    'help',
  ]);
  assert.equal(
    acts.map((act) => (act as { act: string }).act),
    ['reject', 'acknowledge', 'probe'],
  );
  assert.match(text, /no question 99/);
  assert.match(text, /no such command: fly/);
  assert.match(text, /no incident Z/);
});

test('ids that end alike are written longer, and the short form of them is refused', async () => {
  const twin = { ...FRESH, id: `${INCIDENT.id.slice(0, 19)}XX${INCIDENT.id.slice(-4)}`, title: 'another' };
  const [row] = STATE.incidents;
  assert.ok(row);
  const desk = new MemoryDesk({ ...STATE, incidents: [row, { ...row, id: twin.id, title: 'another' }] }, [FRESH, twin]);
  const { text, acts } = await talk(['reject 7F3K', 'reject X7F3K'], desk);
  assert.match(text, / 07F3K {2}critical/);
  assert.match(text, / X7F3K {2}critical .*another/);
  assert.match(text, /2 incidents end with 7F3K/);
  assert.equal(
    acts.map((act) => (act as { id: string }).id),
    [twin.id],
  );
});

test('hostile text comes out as one line of letters', async () => {
  const evil = '\x1b]52;c;x\x07\x1b[2J\u202e\nshow';
  const desk = new MemoryDesk(STATE, [{ ...FRESH, title: evil, event: { ...FRESH.event, reason: evil } }]);
  const { text } = await talk(['show 7F3K'], desk);
  for (const byte of ['\x1b', '\x07', '\u202e']) assert.not.ok(text.includes(byte), JSON.stringify(byte));
  assert.not.match(text, /\nshow/);
});

test.run();
