// A program around runTui for the journeys: a desk in memory, telemetry that moves, and what was asked of the desk
// printed after the screen is gone.   node fixture-app.js [incident|destroyer|hostile|crash|tour]
import { runTui } from '../../tui/main.ts';
import { tourMemory } from '../../tui/tour-memory.ts';
import { MemoryDesk } from './memory-desk.ts';
import { DESTROYER, INCIDENT, PLAN, QUIET, STATE } from './recorded.ts';

const mode = process.argv[2] ?? 'incident';
const EVIL = '\x1b]0;owned\x07\x1b]52;c;cm0=\x07\u202e\x1b[3J';
// The recorded plan lapsed long ago: this one is about now.
const moved = Date.now() - INCIDENT.updated - 180_000;
const late = (incident: typeof INCIDENT) => ({
  ...incident,
  opened: incident.opened + moved,
  updated: incident.updated + moved,
  plan: incident.plan === null ? null : { ...incident.plan, expires: PLAN.expires + moved },
});
const incident = late(mode === 'destroyer' ? DESTROYER : INCIDENT);
const shown = mode === 'hostile' ? { ...incident, title: `disk ${EVIL}`, host: `db${EVIL}` } : incident;
const desk = new MemoryDesk({ ...QUIET, site: 'plant3', live: true, hosts: STATE.hosts }, [shown]);

// The incident arrives while the operator looks on, when the journey says so.
process.on('SIGUSR2', () => {
  if (mode === 'crash') throw new Error('a fault outside the screen');
  const [row] = STATE.incidents;
  if (row === undefined) return;
  const { title, host, opened, updated } = shown;
  desk.put(shown, { incidents: [{ ...row, title, host, opened, updated }] });
});

const tour = mode === 'tour' ? { tour: tourMemory(process.env) } : {};
const end = await runTui(desk, { stdin: process.stdin, stdout: process.stdout, ...tour });
console.log(`after ${end}: ${JSON.stringify(desk.acts)}`);
process.exit(0);
