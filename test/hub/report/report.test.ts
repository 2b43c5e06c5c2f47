import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { incidentCommand } from '../../../hub/commands/incident.ts';
import type { Incident, Plan, PlannedCommand } from '../../../hub/incident.ts';
import { lasting } from '../../../hub/report/blocks.ts';
import { buildReport } from '../../../hub/report/build.ts';
import { htmlOf } from '../../../hub/report/html.ts';
import { markdownOf } from '../../../hub/report/markdown.ts';
import { thinned } from '../../../hub/report/series.ts';
import { putIncident } from '../../../hub/store/incidents.ts';
import { Store } from '../../../hub/store/store.ts';
import { visible } from '../../../hub/visible.ts';
import { birth, event, program, result, ULID_A } from '../../broker/samples.ts';
import { tempFolder } from '../../broker/site.ts';
import { makeSite, ran } from '../made-site.ts';

const OPENED = 1_800_000_000_000;

/** An incident that was resolved, in which everything that somebody else wrote is `text`. */
function incidentWith(text: string): Incident {
  const verdict = {
    decision: 'review' as const,
    rule: 'test',
    effect: 'change' as const,
    attributes: [],
    reason: text,
    program,
    policy: 'x',
  };
  const step: PlannedCommand = {
    phase: 'step',
    number: 1,
    command: text,
    explanation: text,
    program,
    hash: 'x',
    verdict,
  };
  const plan: Plan = {
    id: ULID_A,
    incident: ULID_A,
    by: text,
    playbook: text,
    root_cause: text,
    chain: [{ claim: text, evidence: ['e1', text] }],
    risk: 'medium',
    confidence: 0.91,
    alternatives: [text],
    needs_human: false,
    pre: [],
    steps: [step],
    post: [],
    rollback: [],
    decision: 'review',
    processes: [],
    verify_within: 1,
    idempotent: true,
    policy_hash: 'x',
    expires: OPENED,
  };
  const item = { id: 'e1', kind: 'log' as const, text, trusted: false, entities: [] };
  const said = { ...event, reason: text };
  return {
    id: ULID_A,
    state: 'resolved',
    reason: text,
    host: text,
    title: text,
    severity: 'critical',
    fingerprint: 'x',
    event: said,
    opened: OPENED,
    updated: OPENED + 90_000,
    last_seen: OPENED,
    repeats: 2,
    owner: text,
    evidence: {
      incident: ULID_A,
      host: text,
      taken: OPENED,
      event: said,
      snapshot: null,
      similar: [],
      playbooks: [],
      service: {},
      items: [item],
      entities: [],
    },
    diagnoses: [],
    draft: null,
    plan,
    plan_hash: 'x',
    approval: {
      id: ULID_A,
      by: text,
      payload: new Uint8Array(),
      signature: new Uint8Array(),
      not_after: OPENED,
      reviewed: [1],
    },
    orders: [],
    results: [{ ...result, code: text, stdout: `${text}\n`, stderr: text }],
    tried: [text, text],
    learned: true,
    timeline: [
      { ts: OPENED, state: 'open', by: text, note: text },
      { ts: OPENED + 5_000, state: 'proposed', by: 'hub', note: text },
      { ts: OPENED + 60_000, state: 'approved', by: text, note: text },
      { ts: OPENED + 65_000, state: 'verifying', by: text, note: text },
      { ts: OPENED + 90_000, state: 'resolved', by: 'hub', note: text },
    ],
    recurrence: 3,
  };
}

const member = (text: string) => ({
  host: text,
  fingerprint: text,
  signal: text,
  severity: 'warning' as const,
  reason: text,
  why: 'family' as const,
  since: OPENED,
  last_seen: OPENED,
  repeats: 0,
  recovered: null,
});

const blocksWith = (text: string) =>
  buildReport({
    site: 'local',
    incident: incidentWith(text),
    members: [member(text)],
    series: {
      metric: text,
      unit: text,
      points: [
        { at: OPENED, value: 1 },
        { at: OPENED + 1_000, value: 99 },
      ],
      limit: 95,
      marks: [{ at: OPENED, label: text }],
    },
    now: OPENED + 100_000,
  });

/** Text that would like to be markup; a Ж is in whatever somebody else wrote. */
const hostile = fc
  .array(
    fc.constantFrom(
      '`',
      '``',
      '```',
      '~~~',
      '*',
      '_',
      '[a](http://x)',
      '![p](http://x)',
      '<',
      '>',
      '"',
      "'",
      '&',
      '#',
      '|',
      '\n',
      '\n\n',
      '\n# ',
      '\\',
      '-->',
      ']]>',
      '</code>',
      '</pre>',
      '<script>',
      '<img src=x onerror=y>',
      '\u202e',
      '\u001b[2J',
      'Ж',
    ),
  )
  .map((parts) => `Ж${parts.join('')}Ж`);

/** Every tag that a report may hold, as it may stand there. */
const TAG =
  /^<(?:!doctype html|html lang="en"|\/?(?:html|head|body|title|style|h1|h2|p|ul|li|pre|code|figure|figcaption|svg|text)|meta (?:charset|http-equiv|name)="[^"<>]*"(?: content="[^"<>]*")?|svg viewBox="[\d ]+" role="img" aria-label="[^"<>]*"|(?:path|rect|text)(?: (?:d|fill|stroke|stroke-width|stroke-dasharray|x|y|width|height|text-anchor)="[^"<>]*")*\/?)>/;

const test = suite('incident report');

test('whatever was written is text in the page: no tag, no attribute, nothing to fetch', () => {
  void fc.assert(
    fc.property(hostile, (text) => {
      const html = htmlOf(blocksWith(text));
      for (const { index } of html.matchAll(/</g)) assert.match(html.slice(index, index + 2_000), TAG);
      const shown = /<h1>Post-mortem: <code>([^<]*)<\/code><\/h1>/.exec(html)?.[1] ?? '';
      const read = shown.replace(
        /&(amp|lt|gt|quot|#39);/g,
        (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name] ?? '',
      );
      assert.is(read, visible(text), 'and nothing of it is lost');
    }),
  );
  assert.match(
    htmlOf(blocksWith('x')),
    /http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/,
  );
});

/** What is left of Markdown when code is taken out, by CommonMark's rules for fences and code spans. */
function withoutCode(markdown: string): string {
  const text: string[] = [];
  let fence: string | null = null;
  for (const line of markdown.split('\n')) {
    const run = /^ {0,3}(`{3,})/.exec(line)?.[1];
    if (fence !== null) {
      if (run !== undefined && run.length >= fence.length && line.trim() === run) fence = null;
    } else if (run !== undefined && !line.trim().slice(run.length).includes('`')) fence = run;
    else text.push(line);
  }
  assert.is(fence, null, 'a fence is left open');
  return text.join('\n').replace(/(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, '');
}

test('whatever was written is code in Markdown, which has no markup', () => {
  void fc.assert(
    fc.property(hostile, (text) => {
      assert.not.match(withoutCode(markdownOf(blocksWith(text))), /Ж|http|<|!\[|`|[\p{Cc}\p{Cf}](?<!\n)/u);
    }),
  );
});

test('the report says what happened, how long each step took and what is left to do', () => {
  const text = markdownOf(blocksWith('words'));
  for (const wanted of [
    `- Incident ${ULID_A}, critical, on \`words\``,
    '- From 2027-01-15T08:00:00Z to 2027-01-15T08:01:30Z: 1 min 30 s',
    '- Seen 3 times; number 3 of its kind on this host within 30 days',
    '- A plan was proposed after 5 s',
    '- It was resolved after 1 min 30 s',
    '- proposed: 55 s',
    '- ★ e1 log: `words`',
    'Approved by `words`, with consent to step 1 by number.',
    '- step 1, review: `words` — `words`',
    'rollback 2: failed, exit 137, `words`, 2023-11-14T22:13:20Z, 250 ms',
    '- It came 3 times within 30 days: what was done treats the sign, not the cause.',
    '- 2 playbooks were tried: those that did not help should say when they do not apply.',
  ]) {
    assert.ok(text.includes(wanted), `${wanted}\n${text}`);
  }
});

test('thinning out keeps what was worst', () => {
  const points = Array.from({ length: 7_200 }, (_, at) => ({
    at,
    value: at === 3_001 ? 99 : at === 4_001 ? -5 : at % 7 === 0 ? null : 10,
  }));
  const high = thinned(points, false);
  assert.ok(high.length <= 600);
  assert.ok(high.some(({ value }) => value === 99));
  assert.ok(thinned(points, true).some(({ value }) => value === -5));
});

test('durations are read at a glance', () => {
  assert.equal([0, 350, 41_000, 60_000, 7_500_000, 90_061_000].map(lasting), [
    '0 ms',
    '350 ms',
    '41 s',
    '1 min',
    '2 h 5 min',
    '1 d 1 h',
  ]);
});

test('`incident report` writes it from the store, with the telemetry that is kept', async () => {
  const { path, done } = tempFolder();
  const { state } = await makeSite(path);
  const store = new Store(state.store, 'write');
  await store.write(() => {
    putIncident(store, {
      ...incidentWith('a disk fills'),
      host: 'web-1',
      event: { ...event, metric: 'disk.used_percent[/var]' },
    });
    void store.births.put('web-1', birth);
    void store.columns.put(['web-1', 1], { boot: birth.boot, schema: birth.schema, metrics: birth.metrics });
    for (let n = 0; n < 120; n++) {
      void store.samples.put(['web-1', OPENED - 60_000 + n * 1_000], [1, n, n, 0, 100, 900 + (n % 90)]);
    }
  });
  await store.close();
  const markdown = await ran(incidentCommand, 'report', ULID_A.slice(0, 12), '--state', state.root);
  assert.is(markdown.code, 0);
  const text = markdown.lines.join('\n');
  assert.match(text, /^# Post-mortem: `a disk fills`$/m);
  assert.match(text, /`disk\.used_percent\[\/var\]` in `%`.*: lowest 90, highest 98\.9, limit 95/);
  const html = await ran(incidentCommand, 'report', ULID_A, '--html', '--state', state.root);
  const page = html.lines.join('\n');
  assert.match(page, /^<!doctype html>/);
  const [, path_ = ''] = /<path d="(M[^"]*L[^"]*)" fill="none"/.exec(page) ?? [];
  assert.is(path_.split('L').length, 120, 'each sample is a point');
  done();
});

test.run();
