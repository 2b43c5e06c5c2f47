import { type Console, EXIT } from '../../broker/command-line.ts';
import { PROBE_IDS, PROBES } from '../../broker/probe-catalogue.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../acts/acting.ts';
import { askHub } from '../acts/client.ts';
import { visible } from '../visible.ts';

/** What may be asked, a line each. */
export function listProbes(json: boolean, io: Console): number {
  for (const id of PROBE_IDS) {
    const { about, what } = PROBES[id];
    if (json) io.stdout(JSON.stringify({ probe: id, about, what }));
    else io.stdout(`${id.padEnd(16)} ${(about === 'nothing' ? '' : about.toUpperCase()).padEnd(8)} ${what}`);
  }
  return EXIT.done;
}

/** Asks one question about an incident's host, and prints the answer, which the incident keeps. Exit 1 without one. */
export async function probeIncident(
  state: StateFolder,
  question: { readonly incident: string; readonly probe: string; readonly name: string },
  { json, key }: { readonly json: boolean; readonly key?: string | undefined },
  io: Console,
): Promise<number> {
  const operator = await actingOperator(state, key);
  const { ok, code, message, probe } = await askHub(state, operator, { verb: 'probe', ...question });
  if (ok === 'no' || probe === undefined) {
    io.stderr(`${code ?? 'E_HUB'}: ${message ?? 'refused'}`);
    return EXIT.no;
  }
  if (json) io.stdout(JSON.stringify({ ...question, ...probe }));
  else for (const { text } of probe.lines) io.stdout(visible(text));
  if (probe.truncated && !json) io.stdout('(more was left out)');
  if (probe.state === 'done') return EXIT.done;
  io.stderr(`${probe.code}: the answer is ${probe.state}`);
  return EXIT.no;
}
