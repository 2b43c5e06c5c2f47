import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Incident } from '../../hub/incident.ts';
import { loadPolicy } from '../../policy/policy.ts';
import type { HostRow } from '../../tui/desk.ts';
import { lineWidth } from '../../tui/line.ts';
import { runPlain } from '../../tui/plain.ts';
import { Shell } from '../../tui/shell.ts';
import { themeFor } from '../../tui/theme.ts';
import { FORBIDDEN, LONG, poisoned, SAMPLES } from './hostile.ts';
import { MemoryDesk } from './memory-desk.ts';
import { INCIDENT, NOW, STATE } from './recorded.ts';
import { AUTOMATION, CHECKUP, detailOf, EVALUATION, PLAYBOOKS, pulseOf, recordsOf } from './recorded-shelf.ts';
import { renderAt } from './render-at.ts';

const test = suite('hostile text in every view');
const policy = await loadPolicy();

const letters = (text: string) => [...text].map((one) => (one === ' ' ? 'space' : one));

/** The way to every view from the first one. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  incidents: ['x', 'j', 'k'],
  filter: ['/', 'd', 'i'],
  'incidents, filtered': ['/', 'd', 'enter'],
  incident: ['enter'],
  'incident, to its end': ['enter', 'e', 'G'],
  approve: ['a', '3', 'j', 'j'],
  reject: ['r'],
  probe: ['enter', 'p', 'j'],
  hosts: ['2', 'j'],
  'hosts, trouble first': ['2', 't', 'j'],
  host: ['2', 'enter', 'G'],
  playbooks: ['3'],
  playbook: ['3', 'enter'],
  policy: ['4', 'tab', ...letters('sudo rm x')],
  audit: ['5', 'j'],
  'audit record': ['5', 'enter', 'G'],
  automation: ['6', 'j'],
  'remembered rule': ['6', 'enter'],
  revoke: ['6', 'r', 'j'],
  'approve, remembered': ['a', 'm', '3', 'j', 'j'],
  eval: ['7', 'j'],
  'eval case': ['7', 'enter'],
  doctor: ['8', 'j', 'j'],
  finding: ['8', 'enter'],
  palette: [':'],
  'palette, narrowed': [':', 'p', 'l'],
  help: ['?'],
  tour: [':', ...letters('tour'), 'enter', 'enter', 'enter', 'enter'],
  unknown: ['ctrl-t'],
};

const ALL = Object.keys(WAYS);
/** Those that show much text at once. */
const HEAVY = ['incidents', 'incident', 'approve', 'host', 'playbook', 'audit', 'automation'];

/** An incident with something in each field that a remote, a model or another operator fills. */
const FULL: Incident = {
  ...INCIDENT,
  reason: 'a_reason',
  event: { ...INCIDENT.event },
  evidence: INCIDENT.evidence && {
    ...INCIDENT.evidence,
    similar: [],
    entities: [{ kind: 'unit', slot: 'E1', value: 'postgresql.service', labels: ['a label'] }],
  },
  results: [
    {
      order: '01JD0000000000000000ORDER1',
      incident: INCIDENT.id,
      agent: INCIDENT.host,
      boot: '0123456789abcdef',
      seq: 1,
      ts: NOW,
      step: { phase: 'step', number: 1 },
      state: 'failed',
      code: 'E_EXEC',
      started: NOW - 900,
      ended: NOW,
      exit: 1,
      stdout: 'said\nthis',
      stderr: 'and that',
      truncated: true,
    } as unknown as Incident['results'][number],
  ],
  probes: [
    {
      id: INCIDENT.id,
      probe: 'unit_log',
      name: 'postgresql.service',
      by: 'ann',
      asked: NOW,
      answered: NOW,
      state: 'done',
      code: 'E_SOME',
      lines: [{ text: 'a line', trusted: false }],
      truncated: true,
    },
  ],
};

const THINKING = { by: 'a model', stage: 'answer', text: 'so far\nit wrote this', since: NOW - 4_000 } as const;

/** A desk on which every text is what `text` makes of it. */
function hostileDesk(text: (before: string) => string, words: (before: unknown) => unknown = (one) => one): MemoryDesk {
  const evil = <T>(value: T): T => poisoned(value, text, words);
  const state = {
    ...STATE,
    others: ['mira'],
    thinking: [THINKING],
    notice: 'a notice\nof two lines',
    reasoner: 'rules',
  };
  const desk = new MemoryDesk(evil(state), [evil(FULL)]);
  const detail = STATE.hosts[0] && detailOf(STATE.hosts[0]);
  desk.shelf = evil({ ...PLAYBOOKS, errors: ['a file that is broken'] });
  desk.alone = evil({ ...AUTOMATION, rule: AUTOMATION.rule && { ...AUTOMATION.rule, scope: 'hosts plant3' } });
  desk.evaluated = evil(EVALUATION);
  desk.examined = evil(CHECKUP);
  desk.verified = evil({
    gauge: { metric: 'disk', unit: '%', value: 94.8, history: [1, 94.8] },
    since: NOW - 9_000,
    until: NOW + 9_000,
  });
  desk.walked = evil({ at: NOW, ok: false, why: 'record 7: a broken link' });
  desk.pulse = (agent) => evil(pulseOf({ ...(STATE.hosts[0] as HostRow), agent }));
  desk.host = (agent) => detail && { ...evil(detail), agent };
  desk.records = (from, limit) => evil(recordsOf(from, limit));
  desk.chain = () => evil({ head: 'd'.repeat(64), walked: { at: NOW, ok: false, why: 'a broken link' } });
  desk.answer = evil({ ok: false as const, code: 'E_PLAN', message: 'a refusal' });
  desk.decided = evil({ metric: 'disk', unit: '%', value: 94.8, history: [1, 2, 3, 94.8] });
  desk.judged = (command) => {
    const verdict = policy.check(command, null);
    return { state: 'judged', verdict: evil(verdict), alternative: evil(verdict) };
  };
  return desk;
}

/** Walks to every view, and looks at each picture on the way. */
function everywhere(
  desk: MemoryDesk,
  cols: number,
  rows: number,
  ways: readonly string[],
  look: (shell: Shell, way: string) => void,
): void {
  for (const way of ways) {
    const keys = WAYS[way] ?? [];
    let now = NOW;
    const shell = new Shell({ desk, theme: themeFor({ LANG: 'C.UTF-8' }), now: () => now, cols, rows, quit() {} });
    try {
      for (const name of keys) {
        now += 400;
        shell.press([{ type: 'key', name }]);
      }
      look(shell, way);
    } finally {
      shell.close();
    }
  }
}

function clean(shell: Shell, way: string, cols: number, rows: number): void {
  const { lines } = shell.frame();
  assert.is(lines.length, rows - 1, way);
  for (const line of lines) {
    for (const { text } of line) assert.not.ok(FORBIDDEN.test(text), `${way}: ${JSON.stringify(text.slice(0, 200))}`);
    assert.ok(lineWidth(line) < cols, `${way}: ${lineWidth(line)} columns of ${cols}`);
  }
}

const size = fc.constantFrom<readonly [number, number]>([80, 24], [120, 40]);
const evilText = fc.oneof(
  fc.constantFrom(...SAMPLES),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.array(fc.constantFrom(...SAMPLES, 'plant3', ' ', '世界'), { maxLength: 5 }).map((parts) => parts.join('')),
);

/** One of `evil` for each text that is met, the same one whenever it is met again; the beginning stays in front. */
function told(evil: readonly string[]): (before: string) => string {
  const known = new Map<string, string>();
  return (before) => {
    const again = known.get(before) ?? `${before.slice(0, 12)}${evil[known.size % evil.length] ?? ''}`;
    known.set(before, again);
    return again;
  };
}

test('what a remote writes reaches no picture as anything but letters, and no view fails of it', () => {
  void fc.assert(
    fc.property(fc.array(evilText, { minLength: 1, maxLength: 9 }), size, (evil, [cols, rows]) => {
      everywhere(hostileDesk(told(evil)), cols, rows, ALL, (shell, way) => {
        clean(shell, way, cols, rows);
        const text = shell
          .frame()
          .lines.flatMap((line) => line.map((part) => part.text))
          .join('');
        assert.not.match(text, /This view failed/, way);
      });
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

test('nor does what a writer of the store puts where a word should be', () => {
  const odd = fc.oneof(
    evilText,
    fc.constantFrom<unknown>(null, undefined, Number.NaN, -1, 2 ** 60, {}, [], true, '__proto__', 'constructor'),
  );
  void fc.assert(
    fc.property(fc.array(odd, { minLength: 1, maxLength: 5 }), evilText, size, (words, evil, [cols, rows]) => {
      let turn = 0;
      const desk = hostileDesk(told([evil]), () => words[turn++ % words.length]);
      everywhere(desk, cols, rows, ALL, (shell, way) => clean(shell, way, cols, rows));
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

test('what is typed and pasted is drawn as letters too', () => {
  void fc.assert(
    fc.property(evilText, fc.constantFrom('/', ':', '4', 'a'), (evil, way) => {
      const desk = hostileDesk((text) => text);
      let now = NOW;
      const shell = new Shell({
        desk,
        theme: themeFor({ LANG: 'C.UTF-8' }),
        now: () => now,
        cols: 80,
        rows: 24,
        quit() {},
      });
      shell.press([{ type: 'key', name: way }]);
      for (const name of evil) {
        now += 400;
        shell.press([{ type: 'key', name }]);
        clean(shell, way, 80, 24);
      }
      shell.press([{ type: 'paste', text: evil }]);
      clean(shell, way, 80, 24);
      shell.close();
    }),
    { numRuns: 40, endOnFailure: true },
  );
});

/** A picture of 300x100 full of letters has 30,000; texts are broken into rows before a view takes what it shows. */
const MOST_CLUSTERS = 250_000;

/** How many clusters of code points `draw` looks at: what a picture costs, on any machine. */
function clustersOf(draw: () => void): number {
  const { segment } = Intl.Segmenter.prototype;
  let looked = 0;
  Intl.Segmenter.prototype.segment = function counting(this: Intl.Segmenter, text: string) {
    const segments = segment.call(this, text);
    const iterate = segments[Symbol.iterator].bind(segments);
    segments[Symbol.iterator] = function* () {
      for (const one of { [Symbol.iterator]: iterate }) {
        looked++;
        yield one;
      }
    } as never;
    return segments;
  };
  try {
    draw();
  } finally {
    Intl.Segmenter.prototype.segment = segment;
  }
  return looked;
}

test('a line of a megabyte in every field costs a picture no more than some screens of text', () => {
  for (const long of LONG) {
    // The same text everywhere: a copy of it for each field would only cost the test memory.
    const desk = hostileDesk(() => long);
    everywhere(desk, 80, 24, HEAVY, (shell, way) => {
      const looked = clustersOf(() => shell.refresh());
      assert.ok(looked < MOST_CLUSTERS, `${way}: ${looked} clusters of ${JSON.stringify(long.slice(0, 4))}`);
      clean(shell, way, 80, 24);
    });
  }
});

test('no byte but our own reaches the terminal', async () => {
  const evil = SAMPLES.join('');
  const desk = hostileDesk((text) => `${text.slice(0, 12)}${evil}`);
  for (const [way, keys] of Object.entries(WAYS)) {
    const seen = renderAt(120, 40, desk);
    seen.press(...keys);
    await seen.text();
    const sent = seen.bytes();
    seen.close();
    // What we send besides text: moves, erasing to the end of a row, one wipe at the beginning, and colours.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are looked for
    const rest = sent.replace('\x1b[2J', '').replaceAll(/\x1b\[[0-9;]*[ABCDEFGHKm]|\x1b\[\?[0-9]+[hl]|\n/g, '');
    assert.not.ok(FORBIDDEN.test(rest), `${way}: ${JSON.stringify(rest.match(FORBIDDEN))}`);
    assert.not.ok(sent.includes('\x1b[5m'), `${way}: nothing blinks`);
  }
});

test('the lines of --plain are letters only, whatever is asked', async () => {
  const evil = SAMPLES.join('');
  const desk = hostileDesk((text) => (text === INCIDENT.id ? text : `${text.slice(0, 12)}${evil}`));
  const asked = [
    'list',
    `list ${evil}`,
    'show 7F3K',
    'ask 7F3K',
    'ask 7F3K 1',
    'hosts',
    'policy rm x',
    'reject 7F3K',
    evil,
  ];
  const said: string[] = [];
  await runPlain(
    desk,
    {
      stdin: Readable.from(asked.map((line) => `${line.replaceAll(/[\r\n\u2028\u2029]/g, '')}\n`)),
      stdout: (text: string) => said.push(text),
      stderr: (text: string) => said.push(text),
      signal: new AbortController().signal,
    } as never,
    { readOnly: false },
  );
  assert.ok(said.length > 40, `${said.length} lines`);
  for (const line of said) assert.not.ok(FORBIDDEN.test(line), JSON.stringify(line));
});

test.run();
