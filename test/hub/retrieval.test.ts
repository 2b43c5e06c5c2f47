import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  candidatePlaybooks,
  type PastIncident,
  queryOf,
  similarIncidents,
  wordsOf,
} from '../../hub/reason/retrieval.ts';
import { builtIn, eventOf, index, SIGNALS, said } from './evidence-fixtures.ts';

const ranking = suite('finding playbooks');

ranking('words hold no numbers, ids or stop words', () => {
  assert.equal(wordsOf('Out of memory: killed process 4242 (pid4242) at 0xffee, ÄRGER!'), [
    'out',
    'memory',
    'killed',
    'process',
    'ärger',
  ]);
});

for (const [signal, { wins }] of Object.entries(SIGNALS)) {
  ranking(`${wins} is the best answer to ${signal}`, () => {
    const matches = index.match(eventOf(signal));
    assert.is(matches[0]?.id, wins);
    assert.is(matches[0]?.score, 1, 'no playbook of another signal has words that fit better');
    for (const { id, score } of matches) {
      assert.ok(index.get(id)?.match.signals.includes(signal));
      assert.ok(score >= 0 && score <= 1);
    }
  });
}

ranking('a score below 1 tells that the words speak of another trouble than the signal', () => {
  const lines = Array.from({ length: 3 }, () =>
    said('no space left on device, millions of tiny files, inodes, session files, mail queues, caches'),
  );
  const [first] = index.match(eventOf('group.cpu', { reason: 'It is slow.' }, { unit_lines: lines }));
  assert.is(first?.id, 'group-cpu');
  assert.ok((first?.score ?? 1) < 1);
  assert.is(
    index.nearest(eventOf('group.cpu', { reason: 'It is slow.' }, { unit_lines: lines }))[0]?.id,
    'inode-exhaustion',
  );
});

ranking('an unknown signal has no candidate', () => {
  assert.equal(index.match({ ...eventOf('host.cpu'), signal: 'plc.frozen' }), []);
});

ranking('a loaded set is asked as a map too', () => {
  const set = new Map(builtIn.playbooks.map((one) => [one.id, one]));
  for (const signal of Object.keys(SIGNALS)) {
    assert.equal(candidatePlaybooks(set, eventOf(signal)), index.match(eventOf(signal)));
  }
});

ranking('a flood of log lines makes no long query', () => {
  const lines = Array.from({ length: 128 }, (_, i) =>
    said(
      Array.from(
        { length: 40 },
        (_, n) => `w${String.fromCharCode(97 + (i % 26), 97 + (n % 26), 97 + ((i + n) % 26))}`,
      ).join(' '),
    ),
  );
  const query = queryOf(eventOf('host.cpu', {}, { unit_lines: lines })).split(' ');
  assert.ok(query.length <= 96);
  assert.is(query[0], 'host');
});
ranking.run();

const past = suite('finding past incidents');
const one = (id: string, more: Partial<PastIncident>): PastIncident => ({
  id,
  title: 'something else',
  state: 'resolved',
  playbook: null,
  opened: 0,
  fingerprint: 'other',
  signal: 'plc.frozen',
  ...more,
});

past('the same fingerprint comes first, newest first, then what resembles, five at most', () => {
  const event = eventOf('group.memory');
  const all = [
    one('a', { fingerprint: event.fingerprint, opened: 1 }),
    one('b', { signal: 'group.memory', opened: 9 }),
    one('c', { fingerprint: event.fingerprint, opened: 5 }),
    one('d', { title: 'elevator door jammed', opened: 10 }),
    one('e', { title: 'memory of the group over budget', opened: 2 }),
    ...Array.from({ length: 20 }, (_, i) => one(`f${i}`, { signal: 'group.memory', opened: -i })),
  ];
  const found = similarIncidents(event, all);
  assert.equal(
    found.map(({ id }) => id),
    ['c', 'a', 'b', 'f0', 'f1'],
  );
  assert.equal(Object.keys(found[0] ?? {}), ['id', 'title', 'state', 'playbook', 'opened']);
  const words = similarIncidents(event, all.slice(0, 5)).map(({ id }) => id);
  assert.equal(words, ['c', 'a', 'b', 'e'], 'nothing that shares no word');
  assert.equal(similarIncidents(event, []), []);
});
past.run();
