import type { Incident } from '../../hub/incident.ts';
import { Animation } from './animation.ts';
import { MemoryDesk } from './memory-desk.ts';
import { INCIDENT, NOW, QUIET, STATE, wave } from './recorded.ts';
import { renderAt } from './render-at.ts';
import { svgOf } from './svg.ts';

const COLS = 110;

/** A picture of the recorded site: the keys that lead to it, and its height. */
export interface Shot {
  readonly name: string;
  readonly keys: readonly string[];
  readonly quiet?: boolean;
  readonly rows: number;
}

export const SHOTS: readonly Shot[] = [
  { name: 'first-start', keys: [], quiet: true, rows: 24 },
  { name: 'tour', keys: [':', 't', 'o', 'u', 'r', 'enter', 'enter'], quiet: true, rows: 26 },
  { name: 'incidents', keys: [], rows: 28 },
  { name: 'incident', keys: ['enter'], rows: 40 },
  { name: 'consent', keys: ['enter', 'a', '3'], rows: 28 },
  { name: 'hosts', keys: ['2', 'j', 'j', 'j'], rows: 30 },
  { name: 'eval', keys: ['7'], rows: 24 },
];

/** The recorded site with the chart at the moment of decision. */
function deskOf(quiet: boolean): MemoryDesk {
  const desk = quiet ? new MemoryDesk(QUIET) : new MemoryDesk(STATE, [INCIDENT]);
  desk.decided = { metric: 'disk.used_percent[/var/lib/postgresql]', unit: '%', value: 94.8, history: wave(62, 94.8) };
  return desk;
}

/** Draws one of them; the same bytes every time. */
export async function drawn(shot: Shot): Promise<string> {
  const seen = renderAt(COLS, shot.rows, deskOf(shot.quiet ?? false));
  try {
    seen.press(...shot.keys);
    await seen.text();
    return svgOf(seen.emulator);
  } finally {
    seen.close();
  }
}

const result = (number: number, stdout: string): Incident['results'][number] => ({
  agent: INCIDENT.host,
  boot: '0123456789abcdef',
  seq: 41 + number,
  incident: INCIDENT.id,
  order: '01JD0000000000000000ORDER1',
  approval: '01JD00000000000000APPROVE1',
  step: { phase: 'step', number },
  state: 'done',
  exit: 0,
  started: NOW + 10_000 * number,
  ended: NOW + 10_000 * number + 400 * number,
  stdout,
  stderr: '',
  truncated: false,
  last: number === 3,
});

/** What becomes of the recorded incident once it was approved: its steps run, and its metric comes back. */
function after(steps: number, state: Incident['state'], note: string): Incident {
  const said = ['archive command failed with exit code 23', '', ''];
  return {
    ...INCIDENT,
    state,
    owner: 'you',
    updated: NOW + 60_000,
    results: Array.from({ length: steps }, (_, i) => result(i + 1, said[i] ?? '')),
    timeline: [
      ...INCIDENT.timeline,
      { ts: NOW + 9_000, state: 'approved', by: 'you', note: 'steps 1-3' },
      { ts: NOW + 60_000, state, by: INCIDENT.host, note },
    ],
  };
}

/** One journey from a quiet site to a fix that helped, as a picture that plays: every frame is what a terminal showed. */
export async function journey(): Promise<string> {
  const desk = deskOf(true);
  desk.set({ ...STATE, incidents: [], notice: '' });
  const seen = renderAt(COLS, 34, desk);
  const film = new Animation(seen.emulator);
  const take = async (ms: number, ...keys: readonly string[]) => {
    seen.press(...keys);
    await seen.text();
    film.take(ms);
  };
  const put = (incident: Incident) => desk.put(incident, { incidents: rowsWith(incident) });
  try {
    await take(2_500);
    put(INCIDENT);
    await take(3_000);
    await take(4_000, 'enter');
    await take(3_000, 'a');
    await take(2_000, '3');
    await take(1_500, 'Y');
    put(after(1, 'executing', 'order sent'));
    await take(1_500);
    put(after(3, 'verifying', 'every step is done'));
    desk.verified = {
      gauge: {
        metric: 'disk.used_percent[/var/lib/postgresql]',
        unit: '%',
        value: 93.1,
        history: wave(94.8, 93.1, 20),
      },
      since: NOW + 42_000,
      until: NOW + 642_000,
    };
    await take(2_500);
    put(after(3, 'resolved', 'disk.used_percent[/var/lib/postgresql] is back to normal'));
    desk.verified = {
      gauge: {
        metric: 'disk.used_percent[/var/lib/postgresql]',
        unit: '%',
        value: 71.2,
        history: wave(94.8, 71.2, 60),
      },
      since: NOW + 42_000,
      until: NOW + 642_000,
    };
    await take(4_000);
    await take(3_000, 'escape');
    return film.svg();
  } finally {
    seen.close();
  }
}

function rowsWith({ id, state, updated, owner }: Incident): typeof STATE.incidents {
  return STATE.incidents.map((row) => (row.id === id ? { ...row, state, updated, owner } : row));
}
